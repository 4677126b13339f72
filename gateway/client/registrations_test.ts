import assert from "node:assert/strict";
import type { Env } from "./paths.ts";
import {
  activeGateway,
  addRegistration,
  findRegistration,
  gatewayFolder,
  isEndpoint,
  isGatewayName,
  listRegistrations,
  type NewRegistration,
  RegistrationError,
  removeRegistration,
  selectGateway,
} from "./registrations.ts";

const NEW: NewRegistration = {
  name: "work",
  endpoint: "https://gw.example.com:17670",
  authMode: "mtls",
  isRemote: true,
  remoteHost: "gw.example.com",
  bundle: { ca: "CA", certificate: "CERT", key: "KEY" },
};

/** Runs with a home and a system folder of its own. */
async function inFolder(run: (env: Env, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const variables: Readonly<Record<string, string>> = {
    XDG_CONFIG_HOME: `${folder}/config`,
    OPENSHELL_SYSTEM_GATEWAY_DIR: `${folder}/system`,
  };
  try {
    await run((name) => variables[name], folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function addToSystem(folder: string, name: string, endpoint: string): Promise<void> {
  const path = `${folder}/system/gateways/${name}`;
  await Deno.mkdir(path, { recursive: true });
  const metadata = { name, gateway_endpoint: endpoint };
  await Deno.writeTextFile(`${path}/metadata.json`, JSON.stringify(metadata));
}

Deno.test("addRegistration() writes what findRegistration() reads, for the person alone", async () => {
  await inFolder(async (env) => {
    await addRegistration(env, NEW);
    const folder = gatewayFolder(env, "work");
    assert.deepEqual(await findRegistration(env, "work"), {
      name: "work",
      endpoint: NEW.endpoint,
      authMode: "mtls",
      isRemote: true,
      remoteHost: "gw.example.com",
      resolvedHost: null,
      source: "user",
      folder,
    });
    assert.equal(await Deno.readTextFile(`${folder}/mtls/tls.key`), "KEY");
    assert.equal((await Deno.stat(`${folder}/mtls/tls.key`)).mode! & 0o777, 0o600);
    assert.equal((await Deno.stat(`${folder}/mtls`)).mode! & 0o777, 0o700);
    const metadata = JSON.parse(await Deno.readTextFile(`${folder}/metadata.json`));
    assert.equal(metadata.gateway_port, 17_670);
  });
});

Deno.test("addRegistration() refuses a name that is taken", async () => {
  await inFolder(async (env) => {
    await addRegistration(env, NEW);
    await assert.rejects(addRegistration(env, NEW), { code: "already_exists" });
  });
});

Deno.test.each([
  { name: "" },
  { name: "a/b" },
  { name: ".." },
  { name: ".hidden" },
  { name: "a b" },
  { name: "a".repeat(129) },
])("addRegistration() refuses the name [$name]", async ({ name }) => {
  assert.equal(isGatewayName(name), false);
  await inFolder(async (env) => {
    await assert.rejects(addRegistration(env, { ...NEW, name }), { code: "invalid_argument" });
    assert.equal(await findRegistration(env, name), null);
  });
});

Deno.test("listRegistrations() lets a person's shadow one of the system", async () => {
  await inFolder(async (env, folder) => {
    assert.deepEqual(await listRegistrations(env), []);
    await addToSystem(folder, "work", "https://system.example.com");
    await addToSystem(folder, "other", "https://other.example.com");
    await addRegistration(env, NEW);
    const all = await listRegistrations(env);
    assert.deepEqual(all.map(({ name, source }) => [name, source]), [
      ["other", "system"],
      ["work", "user"],
    ]);
  });
});

Deno.test("removeRegistration() refuses one of the system, and forgets the active one", async () => {
  await inFolder(async (env, folder) => {
    await addToSystem(folder, "other", "https://other.example.com");
    await assert.rejects(removeRegistration(env, "other"), { code: "invalid_argument" });
    await assert.rejects(removeRegistration(env, "nope"), { code: "not_found" });
    await addRegistration(env, NEW);
    await selectGateway(env, "work");
    assert.equal(await activeGateway(env), "work");
    await removeRegistration(env, "work");
    assert.equal(await activeGateway(env), null);
    assert.equal(await findRegistration(env, "work"), null);
  });
});

Deno.test("activeGateway() falls back to the system's", async () => {
  await inFolder(async (env, folder) => {
    assert.equal(await activeGateway(env), null);
    await Deno.mkdir(`${folder}/system`);
    await Deno.writeTextFile(`${folder}/system/active_gateway`, "seeded\n");
    assert.equal(await activeGateway(env), "seeded");
  });
});

Deno.test.each([
  { text: "" },
  { text: "[]" },
  { text: "{" },
  { text: '{"gateway_endpoint": 5}' },
  { text: '{"gateway_endpoint": "ftp://x"}' },
  { text: `{"gateway_endpoint": "https://x", "pad": "${"x".repeat(70_000)}"}` },
])("findRegistration() refuses metadata $#", async ({ text }) => {
  await inFolder(async (env) => {
    await addRegistration(env, NEW);
    await Deno.writeTextFile(`${gatewayFolder(env, "work")}/metadata.json`, text);
    await assert.rejects(findRegistration(env, "work"), RegistrationError);
  });
});

Deno.test.each([
  { url: "https://a.example.com", want: true },
  { url: "http://127.0.0.1:80/", want: true },
  { url: "https://a/path", want: false },
  { url: "https://user@a", want: false },
  { url: "https://a?x", want: false },
  { url: "ssh://a", want: false },
  { url: "a", want: false },
])("isEndpoint() of $url is $want", ({ url, want }) => {
  assert.equal(isEndpoint(url), want);
});

Deno.test("gatewayFolder() reduces a URL to one component", () => {
  const env = (name: string) => name === "HOME" ? "/home/me" : undefined;
  assert.equal(
    gatewayFolder(env, "https://a/../.."),
    "/home/me/.config/openshell/gateways/https___a_.._..",
  );
  assert.equal(gatewayFolder(env, ".."), "/home/me/.config/openshell/gateways/_");
  assert.throws(() => gatewayFolder(() => undefined, "x"), { code: "failed_precondition" });
});
