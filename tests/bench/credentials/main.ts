/**
 * What credentials cost: the search of bodies in bytes a second, and what a request takes longer.
 *
 * Streams are in memory and TLS is left out: what is compared is the proxy's own work with and
 * without credentials.
 *
 * @module
 */

import { CredentialSet } from "../../../drivers/supervisor/credentials/credential_set.ts";
import { liveCredentials, SECRET } from "../../../drivers/supervisor/credentials/fixture.ts";
import { injectCredentials } from "../../../drivers/supervisor/credentials/inject_credentials.ts";
import { MarkerGuard } from "../../../drivers/supervisor/credentials/marker_guard.ts";
import { SecretMask } from "../../../drivers/supervisor/credentials/secret_mask.ts";
import { sha256, signAws } from "../../../drivers/supervisor/credentials/sign_aws.ts";
import {
  clientHello,
  Pipeline,
  readHead,
  send,
} from "../../../drivers/supervisor/egress/pipeline_fixture.ts";
import type { HeaderField } from "../../../drivers/supervisor/egress/http1/header_fields.ts";
import type { MemoryStream } from "../../../drivers/supervisor/egress/http1/memory_stream.ts";
import { endpointOf, httpRuleOf, ruleOf } from "../../../policy-wasm/fixtures.ts";

const PIECE_BYTES = 64 * 1024;
const HOST = "api.example.com";
const TOKEN = "openshell:resolve:env:TOKEN";
const SAMPLES = 60;

/** Pieces of a body, as a tunnel reads them. */
const BODIES: Readonly<Record<string, Uint8Array>> = {
  zeros: new Uint8Array(PIECE_BYTES),
  random: randomBytes(),
  base64: textOf(randomBytes().toBase64()),
  prose: textOf("The shell opens once more, and so does everyone else's; nobody listens. "),
  json: textOf('{"role":"user","content":"Open the shell and list all files, please."},\n'),
  "near misses": textOf("openshell:resolve openshell-resolve-e opens openshel "),
};

function textOf(text: string): Uint8Array {
  return new TextEncoder().encode(text.repeat(Math.ceil(PIECE_BYTES / text.length))).slice(
    0,
    PIECE_BYTES,
  );
}

function randomBytes(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(PIECE_BYTES));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Returns the nanoseconds that one call takes at best: other work of the machine only adds to it. */
function timeOf(count: number, body: () => unknown): number {
  for (let i = 0; i < count; i += 1) body();
  return Math.min(...Array.from({ length: SAMPLES }, () => {
    const start = performance.now();
    for (let i = 0; i < count; i += 1) body();
    return (performance.now() - start) * 1e6 / count;
  }));
}

function searches(): readonly string[] {
  return Object.entries(BODIES).map(([name, piece]) => {
    const guard = new MarkerGuard();
    const mask = new SecretMask([SECRET], () => {});
    const guarded = timeOf(8, () => guard.push(piece));
    const masked = timeOf(8, () => mask.push(piece));
    const rate = (ns: number) => String(Math.round(PIECE_BYTES / ns * 1e3)).padStart(8);
    return `${name.padEnd(14)}${rate(guarded)} MB/s ${rate(masked)} MB/s`;
  });
}

const FIELDS: readonly HeaderField[] = [
  ["Accept", "application/json"],
  ["Content-Type", "application/json"],
  ["User-Agent", "client/1.0 (linux; x64)"],
  ["X-Stainless-Lang", "js"],
  ["X-Stainless-Package-Version", "4.1.0"],
  ["Anthropic-Version", "2023-06-01"],
  ["Accept-Encoding", "gzip, deflate"],
];

function heads(): readonly string[] {
  const place = { host: HOST, port: 443, path: "/v1/messages" };
  const set = liveCredentials();
  const bearer: readonly HeaderField[] = [...FIELDS, ["Authorization", `Bearer ${TOKEN}`]];
  const encoded = btoa(`x:${TOKEN}`);
  const basic: readonly HeaderField[] = [...FIELDS, ["Authorization", `Basic ${encoded}`]];
  const ask = (credentials: CredentialSet, fields: readonly HeaderField[]) => () =>
    injectCredentials(credentials, { fields, target: "/v1/messages?beta=true", place, nowMs: 1 });
  const keys = { accessKeyId: "AKID", secretAccessKey: "secret", sessionToken: "token" };
  const scope = { service: "bedrock", region: "eu-west-1", nowMs: 1 };
  const request = { method: "POST", host: HOST, target: "/", fields: FIELDS, payload: sha256("") };
  const cases: Readonly<Record<string, () => unknown>> = {
    "no credentials": ask(CredentialSet.NONE, FIELDS),
    "nothing to fill": ask(set, FIELDS),
    "a bearer": ask(set, bearer),
    "a basic one": ask(set, basic),
    "an AWS signature": () => signAws(request, keys, scope),
  };
  return Object.entries(cases).map(([name, body]) =>
    `${name.padEnd(18)}${(timeOf(200, body) / 1e3).toFixed(2).padStart(8)} µs`
  );
}

const REQUESTS = 400;

/** Requests one after the other through the whole proxy, in microseconds each. */
async function perRequest(credentials: CredentialSet, header: string): Promise<number> {
  const rules = [ruleOf({ endpoints: [endpointOf({ allow: [httpRuleOf({ method: "*" })] })] })];
  const pipeline = new Pipeline({ rules, credentials });
  const { client, server } = await pipeline.connect(`${HOST}:443`);
  await send(client, clientHello(HOST));
  const lines = FIELDS.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const text = `POST /v1/messages HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 2\r\n` +
    `${lines}${header}\r\n{}`;
  const samples: number[] = [];
  for (let at = 0; at < REQUESTS; at += 1) {
    const start = performance.now();
    await exchange(client, server, text);
    if (at >= REQUESTS / 4) samples.push((performance.now() - start) * 1e3);
  }
  client.close();
  await pipeline.close();
  return median(samples);
}

async function exchange(client: MemoryStream, server: MemoryStream, text: string): Promise<void> {
  await send(client, text);
  await readHead(server);
  await server.read(new Uint8Array(2));
  await send(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  await readHead(client);
  await client.read(new Uint8Array(2));
}

async function requests(): Promise<readonly string[]> {
  const bearer = `Authorization: Bearer ${TOKEN}\r\n`;
  const live = liveCredentials();
  const without = [await perRequest(CredentialSet.NONE, "Authorization: Bearer theirs\r\n")];
  const filled = [await perRequest(live, bearer)];
  for (let round = 1; round < 3; round += 1) {
    without.push(await perRequest(CredentialSet.NONE, "Authorization: Bearer theirs\r\n"));
    filled.push(await perRequest(live, bearer));
  }
  const line = (name: string, values: readonly number[]) =>
    `${name.padEnd(34)}${median(values).toFixed(1).padStart(8)} µs`;
  return [line("without credentials", without), line("filled, body and answer searched", filled)];
}

if (import.meta.main) {
  console.log("Body search, one thread:      guard       mask");
  for (const line of searches()) console.log(`  ${line}`);
  console.log("One head:");
  for (const line of heads()) console.log(`  ${line}`);
  console.log("One request through the proxy, in memory:");
  for (const line of await requests()) console.log(`  ${line}`);
}
