/**
 * The whole proxy on real sockets with real TLS, before Node's own server: it serves the requests
 * that were judged and recorded, byte for byte, and no other.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { AuditEvent } from "../../../drivers/supervisor/events/audit_event.ts";
import { dial } from "../../../drivers/supervisor/egress/dial.ts";
import { EgressProxy } from "../../../drivers/supervisor/egress/proxy.ts";
import { connectTls } from "../../../drivers/supervisor/egress/tls/connect_tls.ts";
import { SandboxAuthority } from "../../../drivers/supervisor/egress/tls/sandbox_authority.ts";
import { TlsTerminator } from "../../../drivers/supervisor/egress/tls/tls_terminator.ts";
import type { Chance } from "../../differential/generate.ts";
import { mutate } from "../mutate.ts";
import { checkRecording } from "../support/check_recording.ts";
import { anyRequest, HTTP_WORDS } from "../support/http_messages.ts";
import { type NodeOrigin, startNodeOrigin } from "../support/node_origin.ts";
import { policyInForce, proxyOptions, sendAll } from "../support/recorded_proxy.ts";
import { requestsOf } from "../support/recording_origin.ts";
import { chanceOf, concat, latin1Bytes, latin1Text, split, type Target } from "../target.ts";

const AUTHORITY = await SandboxAuthority.create();
const SERVER_AUTHORITY = await SandboxAuthority.create();
const GENERATIONS = policyInForce();

export const PROXY_SOCKETS: Target = {
  name: "proxy_sockets",
  holds: "Node's server behind the proxy serves what was judged and recorded, and no other",
  iterations: 40,
  generate: (chance) => {
    const host = chance.of(["api.example.com", "slash.example.com"]);
    const port = chance.of([443, 80, 8080]);
    const inside = anyInside(chance, host, port);
    const other = anyInside(chance, host, port);
    const changed = chance.once(4) ? inside : mutate(inside, chance, { words: HTTP_WORDS, other });
    return concat(latin1Bytes(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: a\r\n\r\n`), changed);
  },
  check,
};

function anyInside(chance: Chance, host: string, port: number): Uint8Array {
  const authority = port === 8080 ? `${host}:${port}` : host;
  const origin = `${port === 443 ? "https" : "http"}://${authority}`;
  const requests = chance.some(1, 4, () => anyRequest(chance, { host: authority, origin }));
  return latin1Bytes(requests.join(""));
}

/** The part that is for the proxy itself, what is inside, and whether that goes through TLS. */
function partsOf(input: Uint8Array): {
  readonly head: Uint8Array;
  readonly inside: Uint8Array;
  readonly host: string;
  readonly isTls: boolean;
} {
  const end = latin1Text(input).indexOf("\r\n\r\n");
  const head = input.subarray(0, end < 0 ? input.length : end + 4);
  const [, host = "", port] = /^CONNECT ([a-z.]+):([0-9]+) /.exec(latin1Text(head)) ?? [];
  return { head, inside: input.subarray(head.length), host, isTls: port === "443" };
}

async function check(input: Uint8Array): Promise<void> {
  const { host, isTls } = partsOf(input);
  let place = { address: "", port: 0 };
  const leaf = isTls ? await SERVER_AUTHORITY.leafFor(host) : null;
  const certificate = leaf === null ? undefined : { cert: leaf.certPem, key: leaf.keyPem };
  const origin = await startNodeOrigin(() => place, certificate);
  const terminator = new TlsTerminator({ authority: AUTHORITY });
  const events: AuditEvent[] = [];
  const errors: unknown[] = [];
  const proxy = new EgressProxy({
    ...proxyOptions(GENERATIONS, events),
    tls: {
      terminate: (client, name, signal) => terminator.terminate(client, name, signal),
      connect: (connection, name, signal) =>
        connectTls(connection as Deno.TcpConn, name, signal, {
          caCerts: [SERVER_AUTHORITY.caPem],
        }),
    },
    dial: async ({ addresses: [address = ""], port, signal }) => {
      place = { address, port };
      const dialled = await dial({ addresses: ["127.0.0.1"], port: origin.port, signal });
      return { connection: dialled.connection, address };
    },
    onError: (error) => void errors.push(error),
  });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = proxy.serve(listener);
  try {
    await play(input, listener.addr.port);
  } finally {
    await proxy.close();
    await serving;
    terminator.close();
  }
  const connections = await origin.finished();
  await origin.close();
  assert.deepEqual(errors, [], "the proxy made a mistake");
  checkRecording({ events, connections, answers: new Uint8Array(0) }, input);
  checkServed(origin, connections);
}

/** Node served, in order, requests that came, and all that it understands. */
function checkServed(
  { served }: NodeOrigin,
  connections: Awaited<ReturnType<NodeOrigin["finished"]>>,
): void {
  const requests = connections.flatMap(requestsOf)
    .filter(({ message }) => message?.isComplete === true);
  assert.deepEqual(
    served.map(({ method, url, host, body }) => ({ method, url, host, body })),
    requests.map(({ method, target, hosts, message }) => ({
      method,
      url: target,
      host: hosts[0],
      body: latin1Text(message!.body),
    })),
    "Node serves other requests than came",
  );
}

/** Plays the program: asks for the tunnel, goes through TLS where that is meant, and sends. */
async function play(input: Uint8Array, port: number): Promise<void> {
  const { head, inside, host, isTls } = partsOf(input);
  const chance = chanceOf(input);
  const pieces = chance.once(2) ? [inside] : split(inside, chance);
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  let connection: Deno.Conn = tcp;
  try {
    await sendPieces(tcp, [head]);
    if (!await readAnswer(tcp)) return;
    if (isTls) {
      const tls = await Deno.startTls(tcp, { hostname: host, caCerts: [AUTHORITY.caPem] });
      connection = tls;
      await tls.handshake();
    }
    await Promise.all([sendAll(connection, pieces), readToEnd(connection)]);
  } finally {
    connection.close();
  }
}

async function sendPieces(connection: Deno.Conn, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) at += await connection.write(piece.subarray(at));
  }
}

/** Returns whether the tunnel stands. */
async function readAnswer(connection: Deno.Conn): Promise<boolean> {
  const byte = new Uint8Array(1);
  let answer = "";
  while (!answer.endsWith("\r\n\r\n") && await connection.read(byte) !== null) {
    answer += latin1Text(byte);
  }
  return answer.startsWith("HTTP/1.1 200 ");
}

async function readToEnd(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // A proxy that has refused may close while something is still being sent.
  }
}
