import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  createAuthority,
  issueCertificate,
  loadAuthority,
} from "../../drivers/system/pki/certificate.ts";
import { DEFAULT_SANS, ensurePki } from "./ensure_pki.ts";
import { PKI_FILES } from "./pki_files.ts";

const DAY_MS = 86_400_000;
const NOW = new Date("2030-06-01T12:00:00Z");
const later = (days: number) => new Date(NOW.getTime() + days * DAY_MS);

/** Runs the body with the path of a folder that does not exist yet, inside one that does. */
async function withPlace(body: (directory: string, parent: string) => Promise<void>) {
  const parent = await Deno.makeTempDir();
  try {
    await body(`${parent}/state/tls`, parent);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** The same, with everything made. */
function withPki(body: (directory: string, parent: string) => Promise<void>): Promise<void> {
  return withPlace(async (directory, parent) => {
    await ensurePki(directory, { now: NOW });
    await body(directory, parent);
  });
}

async function readAll(directory: string): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const { path } of PKI_FILES) {
    texts.set(path, await Deno.readTextFile(`${directory}/${path}`));
  }
  return texts;
}

async function changed(
  before: ReadonlyMap<string, string>,
  directory: string,
): Promise<readonly string[]> {
  const after = await readAll(directory);
  return [...before].flatMap(([path, text]) => after.get(path) === text ? [] : [path]);
}

async function readCertificate(path: string): Promise<X509Certificate> {
  return new X509Certificate(await Deno.readTextFile(path));
}

Deno.test("ensurePki() makes everything on the first start, for its owner alone", () =>
  withPlace(async (directory, parent) => {
    const { files, written } = await ensurePki(directory, { now: NOW });
    assert.deepEqual([...written].sort(), PKI_FILES.map(({ path }) => path).sort());
    for (const folder of ["", "/server", "/client", "/supervisor", "/jwt"]) {
      assert.equal((await Deno.stat(directory + folder)).mode! & 0o777, 0o700);
    }
    for (const { path, isSecret } of PKI_FILES) {
      const want = isSecret ? 0o600 : 0o644;
      assert.equal((await Deno.stat(`${directory}/${path}`)).mode! & 0o777, want, path);
    }
    assert.equal((await Array.fromAsync(Deno.readDir(directory))).length, 6);
    assert.equal((await Array.fromAsync(Deno.readDir(`${parent}/state`))).length, 1);

    const ca = await readCertificate(files.ca.certificate);
    assert.equal(ca.subject, "O=openshell\nCN=openshell-ca");
    assert.equal(new Date(ca.validTo).getTime(), later(3_650).getTime());
    const subjects = {
      server: "CN=openshell-server",
      client: "OU=openshell-user\nCN=openshell-client",
      supervisor: "OU=openshell-supervisor\nCN=openshell-supervisor",
    };
    for (const role of ["server", "client", "supervisor"] as const) {
      const leaf = await readCertificate(files[role].certificate);
      assert.equal(leaf.subject, subjects[role]);
      assert.ok(leaf.verify(ca.publicKey));
      assert.equal(new Date(leaf.validTo).getTime(), later(365).getTime());
    }
    const server = await readCertificate(files.server.certificate);
    const names = DEFAULT_SANS.map((san) =>
      /^[\d:]/.test(san) ? `IP Address:${san}` : `DNS:${san}`
    );
    assert.equal(server.subjectAltName, names.join(", "));
    assert.match(await Deno.readTextFile(files.jwt.keyId), /^[0-9a-f]{32}$/);
  }));

Deno.test("ensurePki() fills a folder that is empty", () =>
  withPlace(async (directory) => {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    assert.equal((await ensurePki(directory)).written.length, PKI_FILES.length);
  }));

Deno.test("ensurePki() changes nothing when all is there", () =>
  withPki(async (directory) => {
    const before = await readAll(directory);
    const { written } = await ensurePki(directory, { now: later(300) });
    assert.deepEqual(written, []);
    assert.deepEqual(await changed(before, directory), []);
  }));

Deno.test.each([
  {
    name: "all certificates when they end soon",
    options: { now: later(336) },
    want: ["server/tls.crt", "client/tls.crt", "supervisor/tls.crt"],
  },
  {
    name: "all certificates when they have ended",
    options: { now: later(700) },
    want: ["server/tls.crt", "client/tls.crt", "supervisor/tls.crt"],
  },
  {
    name: "the server's for a new name",
    options: { now: NOW, sans: [...DEFAULT_SANS, "gateway.test"] },
    want: ["server/tls.crt"],
  },
  {
    name: "the server's for a new address",
    options: { now: NOW, sans: ["localhost", "2001:db8::1"] },
    want: ["server/tls.crt"],
  },
  {
    name: "nothing for an address that is spelt in another way",
    options: { now: NOW, sans: ["LOCALHOST", "0:0:0:0:0:0:0:1"] },
    want: [],
  },
])("ensurePki() issues anew $name", ({ options, want }) =>
  withPki(async (directory) => {
    const before = await readAll(directory);
    // A process that was killed while it did the same.
    await Deno.writeTextFile(`${directory}/server/tls.crt.new`, "half");
    const { written, files } = await ensurePki(directory, options);
    assert.deepEqual(written, want);
    assert.deepEqual(await changed(before, directory), want);
    const ca = await readCertificate(files.ca.certificate);
    for (const role of ["server", "client", "supervisor"] as const) {
      assert.ok((await readCertificate(files[role].certificate)).verify(ca.publicKey));
    }
    assert.deepEqual((await ensurePki(directory, options)).written, []);
  }));

Deno.test.each([{ folder: "jwt" }, { folder: "supervisor" }])(
  "ensurePki() adds $folder/ where all of it is missing",
  ({ folder }) =>
    withPki(async (directory) => {
      const before = await readAll(directory);
      await Deno.remove(`${directory}/${folder}`, { recursive: true });
      await Deno.mkdir(`${directory}/${folder}.staging-1`);
      const { written } = await ensurePki(directory, { now: NOW });
      assert.ok(written.length > 1 && written.every((path) => path.startsWith(`${folder}/`)));
      assert.deepEqual(await changed(before, directory), written);
      assert.equal((await Array.fromAsync(Deno.readDir(directory))).length, 6);
      assert.deepEqual((await ensurePki(directory, { now: NOW })).written, []);
    }),
);

Deno.test("ensurePki() starts anew after it was killed while it made everything", () =>
  withPlace(async (directory, parent) => {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    await Deno.mkdir(`${directory}.staging-1/server`, { recursive: true });
    await Deno.writeTextFile(`${directory}.staging-1/server/tls.key`, "half");
    assert.equal((await ensurePki(directory)).written.length, PKI_FILES.length);
    assert.deepEqual((await Array.fromAsync(Deno.readDir(`${parent}/state`))).length, 1);
  }));

Deno.test.each(
  PKI_FILES.map(({ path }) => ({ path })),
)("ensurePki() refuses a folder without $path", ({ path }) =>
  withPki(async (directory) => {
    await Deno.remove(`${directory}/${path}`);
    await assert.rejects(ensurePki(directory, { now: NOW }), (error: Error & { hint: string }) => {
      assert.equal(error.name, "PkiIncompleteError");
      assert.equal(
        error.message,
        `Cannot use the certificates in "${directory}": "${path}" is missing`,
      );
      assert.match(error.hint, /Restore .* from a backup, or remove the folder/);
      return true;
    });
  }));

Deno.test("ensurePki() refuses a folder with something else in it", () =>
  withPlace(async (directory) => {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(`${directory}/notes.txt`, "mine");
    await assert.rejects(ensurePki(directory), { name: "PkiFileError" });
  }));

Deno.test.each([
  { name: "a folder that others may enter", path: "", mode: 0o750, hint: "chmod 700" },
  { name: "a folder below that they may enter", path: "/jwt", mode: 0o755, hint: "chmod 700" },
  { name: "a key that others may read", path: "/ca.key", mode: 0o640, hint: "chmod 600" },
  { name: "a key that anyone may read", path: "/client/tls.key", mode: 0o604, hint: "chmod 600" },
  { name: "a certificate that others may change", path: "/ca.crt", mode: 0o664, hint: "chmod 644" },
])(
  "ensurePki() refuses $name, and says how to mend it",
  ({ path, mode, hint }) =>
    withPki(async (directory) => {
      await Deno.chmod(directory + path, mode);
      await assert.rejects(
        ensurePki(directory, { now: NOW }),
        (error: Error & { hint: string }) => {
          assert.equal(error.name, "PkiPermissionError");
          assert.equal(error.hint, `Run: ${hint} '${directory}${path}'`);
          return true;
        },
      );
    }),
);

Deno.test.each([
  { name: "folder", path: "" },
  { name: "key", path: "/server/tls.key" },
  { name: "certificate", path: "/ca.crt" },
])("ensurePki() refuses a $name of another user", {
  // Giving a file away takes root.
  ignore: Deno.uid() !== 0,
}, ({ path }) =>
  withPki(async (directory) => {
    await Deno.chown(directory + path, 65534, null);
    await assert.rejects(ensurePki(directory, { now: NOW }), {
      name: "PkiPermissionError",
      code: "permission_denied",
      message: /belongs to user 65534/,
    });
  }));

Deno.test.each([
  { name: "a link for a file", path: "ca.key", isFolder: false },
  { name: "a link for a folder", path: "jwt", isFolder: true },
])("ensurePki() refuses $name", ({ path, isFolder }) =>
  withPki(async (directory, parent) => {
    await Deno.rename(`${directory}/${path}`, `${parent}/elsewhere`);
    await Deno.symlink(`${parent}/elsewhere`, `${directory}/${path}`);
    const message = isFolder ? /it is not a folder/ : /it is not a plain file/;
    await assert.rejects(ensurePki(directory, { now: NOW }), { name: "PkiFileError", message });
  }));

Deno.test("ensurePki() refuses a place that is a file", () =>
  withPlace(async (_directory, parent) => {
    await Deno.writeTextFile(`${parent}/file`, "");
    await assert.rejects(ensurePki(`${parent}/file`), { name: "PkiFileError" });
  }));

Deno.test.each([
  { name: "an authority that is no certificate", path: "ca.crt", from: "jwt/public.pem" },
  { name: "an authority that is a leaf", path: "ca.crt", from: "server/tls.crt" },
  { name: "the key of another for the authority's", path: "ca.key", from: "client/tls.key" },
  { name: "a leaf that is no certificate", path: "client/tls.crt", from: "client/tls.key" },
  { name: "a key that is not the leaf's", path: "server/tls.key", from: "client/tls.key" },
  { name: "a key of another kind", path: "server/tls.key", from: "jwt/signing.pem" },
  { name: "a signing key of another kind", path: "jwt/signing.pem", from: "ca.key" },
  { name: "a public key that is none", path: "jwt/public.pem", from: "jwt/kid" },
  { name: "a kid that is not the key's", path: "jwt/kid", from: "jwt/public.pem" },
])("ensurePki() refuses $name", ({ path, from }) =>
  withPki(async (directory) => {
    await Deno.writeTextFile(
      `${directory}/${path}`,
      await Deno.readTextFile(`${directory}/${from}`),
    );
    await assert.rejects(ensurePki(directory, { now: NOW }), (error: Error) => {
      assert.equal(error.name, "PkiFileError");
      assert.ok(error.message.includes(`"${directory}/${path}"`), error.message);
      return true;
    });
  }));

Deno.test("ensurePki() refuses a file that is too large, and an empty one", () =>
  withPki(async (directory) => {
    for (const text of ["x".repeat(70_000), ""]) {
      await Deno.writeTextFile(`${directory}/client/tls.crt`, text);
      await assert.rejects(ensurePki(directory, { now: NOW }), { name: "PkiFileError" });
    }
  }));

Deno.test("ensurePki() refuses a certificate of another authority", () =>
  withPki(async (directory) => {
    const request = { organization: "x", commonName: "x", days: 365, extractable: false, now: NOW };
    const { certPem, keyPem } = await issueCertificate(await createAuthority(request), {
      commonName: "openshell-client",
      dnsNames: [],
      ipAddresses: [],
      usage: "client",
      days: 365,
      now: NOW,
    });
    await Deno.writeTextFile(`${directory}/client/tls.crt`, certPem);
    await Deno.writeTextFile(`${directory}/client/tls.key`, keyPem);
    await assert.rejects(ensurePki(directory, { now: NOW }), { message: /not from the authority/ });
  }));

Deno.test("ensurePki() refuses an authority that ends soon", () =>
  withPki(async (directory) => {
    await assert.rejects(ensurePki(directory, { now: later(3_625) }), {
      name: "PkiFileError",
      message: /the authority ends on/,
    });
  }));

Deno.test("ensurePki() makes one authority for all who ask at once, in several processes", () =>
  withPlace(async (directory) => {
    const script = `
      import { ensurePki } from ${JSON.stringify(new URL("./ensure_pki.ts", import.meta.url))};
      const asked = Array.from({ length: 4 }, () => ensurePki(${JSON.stringify(directory)}));
      console.log((await Promise.all(asked)).map(({ written }) => written.length).join(" "));
    `;
    const outputs = await Promise.all(
      Array.from({ length: 2 }, () =>
        new Deno.Command(Deno.execPath(), {
          args: ["eval", "--no-check", script],
          stderr: "inherit",
        }).output()),
    );
    const counts = outputs.flatMap(({ stdout }) =>
      new TextDecoder().decode(stdout).trim().split(" ")
    );
    const want = ["0", "0", "0", "0", "0", "0", "0", `${PKI_FILES.length}`];
    assert.deepEqual(counts.toSorted(), want);
    const texts = await readAll(directory);
    await loadAuthority(texts.get("ca.crt")!, texts.get("ca.key")!);
  }));
