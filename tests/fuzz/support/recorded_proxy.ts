/**
 * The whole proxy between a program whose bytes are given and an origin that records.
 *
 * @module
 */

import assert from "node:assert/strict";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { AuditEvent } from "../../../drivers/supervisor/events/audit_event.ts";
import type { ByteStream } from "../../../drivers/supervisor/egress/byte_stream.ts";
import { GenerationHolder } from "../../../drivers/supervisor/egress/generation.ts";
import { RELAY_LIMITS } from "../../../drivers/supervisor/egress/http1/relay_limits.ts";
import { memoryPair, readAll } from "../../../drivers/supervisor/egress/http1/memory_stream.ts";
import { acceptedFrom, CURL } from "../../../drivers/supervisor/egress/pipeline_fixture.ts";
import type { TlsPort } from "../../../drivers/supervisor/egress/ports.ts";
import { EgressProxy, type EgressProxyOptions } from "../../../drivers/supervisor/egress/proxy.ts";
import { TlsTerminationError } from "../../../drivers/supervisor/egress/tls/tls_error.ts";
import { type SeenConnection, serveOrigin } from "./recording_origin.ts";

/** Hosts that the policy knows, each with an address of its own. */
export const ADDRESSES: Readonly<Record<string, string>> = {
  "api.example.com": "93.184.216.34",
  "slash.example.com": "93.184.216.35",
  "raw.example.com": "93.184.216.36",
};

const PORTS = [80, 443, 8080];

const RULES = {
  ports: PORTS,
  allow: [httpRuleOf({ method: "*" })],
  deny: [
    httpRuleOf({ method: "*", path: "/secret" }),
    httpRuleOf({ method: "*", path: "/secret/**" }),
    httpRuleOf({ method: "DELETE" }),
  ],
};

/** All is allowed but `/secret` and `DELETE`: whatever gets there has evaded a rule. */
export const POLICY = policyOf(
  ruleOf({
    key: "api",
    endpoints: [
      endpointOf({ host: "api.example.com", ...RULES }),
      endpointOf({ host: "slash.example.com", allowEncodedSlash: true, ...RULES }),
    ],
  }),
  ruleOf({
    key: "raw",
    endpoints: [
      endpointOf({ host: "raw.example.com", ports: PORTS, protocol: "l4", allow: [] }),
    ],
  }),
);

/** What came of one connection of a program. */
export interface Recording {
  readonly events: readonly AuditEvent[];
  readonly connections: readonly SeenConnection[];
  /** What the program was told. */
  readonly answers: Uint8Array;
}

/** Returns the proxy's generations with the policy in force. */
export function policyInForce(): GenerationHolder {
  const generations = new GenerationHolder();
  generations.load(POLICY, { version: 1, hash: "sha256:0" });
  return generations;
}

/** What the outside is to the proxy, but for dialling. */
export function proxyOptions(
  generations: GenerationHolder,
  events: AuditEvent[],
): Omit<EgressProxyOptions, "dial"> {
  return {
    generations,
    identifier: { identify: () => Promise.resolve(CURL) },
    events: { record: (event) => void events.push(event) },
    tls: PLAIN_TLS,
    resolve: (host) => {
      const address = ADDRESSES[host];
      if (address === undefined) return Promise.resolve({ ok: false, detail: "unknown" });
      return Promise.resolve({ ok: true, addresses: [address] });
    },
    limits: { relay: { ...RELAY_LIMITS, drainMs: 20 } },
  };
}

/** Lets a program send the pieces, and returns what everybody saw of it. */
export async function recordStream(
  pieces: readonly Uint8Array[],
  generations: GenerationHolder,
): Promise<Recording> {
  const events: AuditEvent[] = [];
  const origins: Promise<SeenConnection>[] = [];
  const errors: unknown[] = [];
  const proxy = new EgressProxy({
    ...proxyOptions(generations, events),
    dial: ({ addresses: [address = ""], port }) => {
      const [connection, server] = memoryPair();
      origins.push(serveOrigin(server, { address, port }));
      return Promise.resolve({ connection, address });
    },
    onError: (error) => void errors.push(error),
  });
  const [program, accepted] = memoryPair();
  proxy.accept(acceptedFrom(accepted));
  const reading = readAll(program);
  await sendAll(program, pieces);
  const answers = await reading;
  program.close();
  await proxy.close();
  const connections = await Promise.all(origins);
  assert.deepEqual(errors, [], "the proxy made a mistake");
  assert.equal(proxy.connectionCount, 0);
  assert.equal(generations.openCount, 0);
  return { events, connections, answers };
}

/** Sends the pieces and ends; a proxy that has closed is no error. */
export async function sendAll(stream: ByteStream, pieces: readonly Uint8Array[]): Promise<void> {
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) at += await stream.write(piece.subarray(at));
    }
    await stream.closeWrite();
  } catch (error) {
    const { BrokenPipe, ConnectionReset, NotConnected } = Deno.errors;
    const isGone = [BrokenPipe, ConnectionReset, NotConnected].some((type) =>
      error instanceof type
    );
    if (!isGone) throw error;
  }
}

/** TLS without encryption: the records of the hello are taken off, and nothing else changes. */
const PLAIN_TLS: TlsPort = {
  terminate: async (client, host) => {
    const header = await readExactly(client, 5);
    const hello = header && await readExactly(client, header[3]! * 256 + header[4]!);
    if (hello === null) throw new TlsTerminationError(host, "handshake", "it was cut off");
    return client;
  },
  connect: (connection) => Promise.resolve(connection),
};

async function readExactly(stream: ByteStream, length: number): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await stream.read(bytes.subarray(at));
    if (count === null) return null;
    at += count;
  }
  return bytes;
}
