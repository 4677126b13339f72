import assert from "node:assert/strict";
import {
  machineCertificates,
  trustEnvironment,
  upstreamTrustEnvironment,
  writeTrustFiles,
} from "./trust_files.ts";

const CA = "-----BEGIN CERTIFICATE-----\nT3Vycw==\n-----END CERTIFICATE-----\n";
const SYSTEM = "-----BEGIN CERTIFICATE-----\nVGhlaXJz\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nU2VjcmV0\n-----END PRIVATE KEY-----\n";

interface Machine {
  readonly folder: string;
  readonly options: {
    readonly readVariable: (name: string) => string | undefined;
    readonly bundles: readonly string[];
  };
}

/** `files` are on the machine; `given` is what its `SSL_CERT_FILE` names. */
async function withMachine(
  files: Readonly<Record<string, string>>,
  given: string | undefined,
  body: (machine: Machine) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  const variable = given === undefined || given === "" ? given : `${folder}/${given}`;
  const options = {
    readVariable: (name: string) => name === "SSL_CERT_FILE" ? variable : undefined,
    bundles: [`${folder}/first`, `${folder}/second`],
  };
  try {
    await body({ folder, options });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test.each([
  { name: "the first bundle", files: { first: SYSTEM }, given: undefined, want: "first" },
  { name: "the second one", files: { second: SYSTEM }, given: undefined, want: "second" },
  { name: "not an empty one", files: { first: "", second: SYSTEM }, given: "", want: "second" },
  {
    name: "the one of the environment",
    files: { first: SYSTEM, own: SYSTEM },
    given: "own",
    want: "own",
  },
  {
    name: "not a missing one of the environment",
    files: { first: SYSTEM },
    given: "own",
    want: "first",
  },
  { name: "not one that is no file", files: { first: SYSTEM }, given: ".", want: "first" },
])("writeTrustFiles() takes over $name", async ({ files, given, want }) => {
  await withMachine(files as Record<string, string>, given, async ({ folder, options }) => {
    const { systemBundle } = await writeTrustFiles(folder, CA, options);
    assert.equal(systemBundle, `${folder}/${want}`);
    assert.equal(await Deno.readTextFile(`${folder}/ca-bundle.pem`), SYSTEM + CA);
    assert.equal(await Deno.readTextFile(`${folder}/openshell-ca.pem`), CA);
    for (const name of ["ca-bundle.pem", "openshell-ca.pem"]) {
      assert.equal((await Deno.stat(`${folder}/${name}`)).mode! & 0o777, 0o644);
    }
    assert.deepEqual(await upstreamTrustEnvironment(options), {
      DENO_TLS_CA_STORE: "system",
      SSL_CERT_FILE: `${folder}/${want}`,
    });
  });
});

Deno.test("writeTrustFiles() says when the machine has no bundle", async () => {
  await withMachine({}, undefined, async ({ folder, options }) => {
    assert.deepEqual(await writeTrustFiles(folder, CA, options), { systemBundle: null });
    assert.equal(await Deno.readTextFile(`${folder}/ca-bundle.pem`), CA);
    assert.deepEqual(await upstreamTrustEnvironment(options), {});
    assert.equal(await machineCertificates(options), "");
  });
});

Deno.test("writeTrustFiles() takes over nothing but certificates", async () => {
  const first = `# Comment\n${KEY}${SYSTEM}${KEY}`;
  await withMachine({ first }, undefined, async ({ folder, options }) => {
    await writeTrustFiles(folder, CA, options);
    assert.equal(await Deno.readTextFile(`${folder}/ca-bundle.pem`), SYSTEM + CA);
  });
});

Deno.test("writeTrustFiles() refuses a folder that is not there", async () => {
  await withMachine({}, undefined, async ({ folder, options }) => {
    await assert.rejects(writeTrustFiles(`${folder}/missing`, CA, options), {
      name: "TrustFilesError",
      code: "failed_precondition",
    });
  });
});

Deno.test("trustEnvironment() leads each program to the file that it needs", () => {
  assert.deepEqual(trustEnvironment("/run/tls"), {
    SSL_CERT_FILE: "/run/tls/ca-bundle.pem",
    REQUESTS_CA_BUNDLE: "/run/tls/ca-bundle.pem",
    CURL_CA_BUNDLE: "/run/tls/ca-bundle.pem",
    GIT_SSL_CAINFO: "/run/tls/ca-bundle.pem",
    NODE_EXTRA_CA_CERTS: "/run/tls/openshell-ca.pem",
    DENO_CERT: "/run/tls/openshell-ca.pem",
  });
});
