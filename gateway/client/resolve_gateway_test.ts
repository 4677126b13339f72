import assert from "node:assert/strict";
import { UnsupportedGatewayError } from "./gateway_error.ts";
import type { Env } from "./paths.ts";
import { addRegistration, selectGateway } from "./registrations.ts";
import { resolveGateway } from "./resolve_gateway.ts";
import type { GatewayChoice } from "./types.ts";

interface Case {
  readonly name: string;
  readonly choice?: Partial<GatewayChoice>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly active?: string;
  /** Name, endpoint or `local`, and folder of the certificates. */
  readonly want: readonly string[];
}

/** Knows "work" (mtls), "plain" (http) and "cloud" (by browser). */
async function inHome(
  variables: Readonly<Record<string, string>>,
  run: (env: Env, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const env: Env = (name) => ({ HOME: folder, ...variables })[name];
  const shared = { isRemote: true, remoteHost: null };
  const bundle = { ca: "", certificate: "", key: "" };
  try {
    await addRegistration(env, {
      ...shared,
      name: "work",
      endpoint: "https://work.example.com",
      authMode: "mtls",
      bundle,
    });
    await addRegistration(env, {
      ...shared,
      name: "plain",
      endpoint: "http://127.0.0.1:8080",
      authMode: "plaintext",
      bundle: null,
    });
    const cloud = `${folder}/.config/openshell/gateways/cloud`;
    await Deno.mkdir(cloud);
    const metadata = { gateway_endpoint: "https://cloud.example.com", auth_mode: "cloudflare_jwt" };
    await Deno.writeTextFile(`${cloud}/metadata.json`, JSON.stringify(metadata));
    await run(env, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const LOCAL = ["openshell", "local", "/.local/state/openshell/tls"];
const WORK = ["work", "https://work.example.com", "/.config/openshell/gateways/work/mtls"];
const PLAIN = ["plain", "http://127.0.0.1:8080", ""];

Deno.test.each<Case>([
  { name: "nothing is chosen", want: LOCAL },
  { name: "it is active", active: "work", want: WORK },
  {
    name: "the variable names it",
    variables: { OPENSHELL_GATEWAY: "plain" },
    active: "work",
    want: PLAIN,
  },
  {
    name: "the variable is blank",
    variables: { OPENSHELL_GATEWAY: " " },
    active: "work",
    want: WORK,
  },
  {
    name: "the flag names it",
    choice: { name: "work" },
    variables: { OPENSHELL_GATEWAY: "plain" },
    want: WORK,
  },
  { name: "the local one is named", choice: { name: "openshell" }, active: "work", want: LOCAL },
  {
    name: "its URL is given",
    choice: { endpoint: "https://work.example.com/" },
    active: "plain",
    want: ["work", "https://work.example.com/", WORK[2]!],
  },
  {
    name: "its URL is in the variable",
    variables: { OPENSHELL_GATEWAY_ENDPOINT: "http://127.0.0.1:8080" },
    want: PLAIN,
  },
  {
    name: "another URL and its name are given",
    choice: { endpoint: "https://10.0.0.1", name: "work" },
    want: ["work", "https://10.0.0.1", WORK[2]!],
  },
  {
    name: "an unknown URL is given",
    choice: { endpoint: "https://x.example.com" },
    want: [
      "https://x.example.com",
      "https://x.example.com",
      "/.config/openshell/gateways/x.example.com/mtls",
    ],
  },
  {
    name: "an unknown URL of this machine is given",
    choice: { endpoint: "https://127.0.0.1:9" },
    want: ["https://127.0.0.1:9", "https://127.0.0.1:9", LOCAL[2]!],
  },
  {
    name: "an unknown plain URL is given",
    choice: { endpoint: "http://[::1]:9" },
    want: ["http://[::1]:9", "http://[::1]:9", ""],
  },
])("resolveGateway() when $name", async ({ choice, variables = {}, active, want }) => {
  await inHome(variables, async (env, folder) => {
    if (active !== undefined) await selectGateway(env, active);
    const target = await resolveGateway(env, { insecure: false, ...choice });
    const tls = target.tls?.ca.slice(folder.length, -"/ca.crt".length) ?? "";
    const endpoint = target.kind === "local" ? "local" : target.endpoint;
    assert.deepEqual([target.name, endpoint, tls], want);
  });
});

Deno.test.each([
  { choice: { name: "nope" }, code: "not_found" },
  { choice: { name: "../work" }, code: "not_found" },
  { choice: { endpoint: "https://x", name: "nope" }, code: "not_found" },
  { choice: { endpoint: "x" }, code: "invalid_argument" },
  { choice: { endpoint: "https://x/path" }, code: "invalid_argument" },
  { choice: { name: "cloud" }, code: "failed_precondition" },
])("resolveGateway() refuses $choice", async ({ choice, code }) => {
  await inHome({}, async (env) => {
    await assert.rejects(resolveGateway(env, { insecure: false, ...choice }), { code });
  });
});

Deno.test("resolveGateway() never sends a certificate's name over plain HTTP", async () => {
  await inHome({}, async (env) => {
    const choice = { endpoint: "http://10.0.0.1", name: "work", insecure: false };
    await assert.rejects(resolveGateway(env, choice), UnsupportedGatewayError);
  });
});
