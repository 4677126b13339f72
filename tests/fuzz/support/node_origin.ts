/**
 * An origin on a real socket: Node's own server, behind a tap that keeps each byte.
 *
 * @module
 */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { writeAll } from "../../../drivers/supervisor/egress/byte_stream.ts";
import { concat, latin1Text } from "../target.ts";
import type { SeenConnection } from "./recording_origin.ts";

/** A request as Node's server understood it. */
export interface ServedRequest {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly body: string;
}

export interface NodeOrigin {
  readonly port: number;
  /** In order. */
  readonly served: readonly ServedRequest[];
  /** Those that have come; `finished` waits for their ends. */
  readonly finished: () => Promise<readonly SeenConnection[]>;
  readonly close: () => Promise<void>;
}

/** `certificate` makes it speak TLS. Where a connection was meant to go is asked of `placeOf`. */
export async function startNodeOrigin(
  placeOf: () => { readonly address: string; readonly port: number },
  certificate?: { readonly cert: string; readonly key: string },
): Promise<NodeOrigin> {
  const served: ServedRequest[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of request) pieces.push(Uint8Array.from(piece as Uint8Array));
    } catch {
      return; // It was cut off, so that it is not served.
    }
    const { method = "", url = "", headers } = request;
    served.push({ method, url, host: headers.host ?? "", body: latin1Text(concat(...pieces)) });
    response.end("ok");
  });
  const inner = await listen(server);
  const options = { hostname: "127.0.0.1", port: 0 };
  const listener = certificate === undefined
    ? Deno.listen(options)
    : Deno.listenTls({ ...options, ...certificate });
  const taps: Promise<SeenConnection>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) taps.push(tap(connection, inner, placeOf()));
  })();
  return {
    port: listener.addr.port,
    served,
    finished: () => Promise.all(taps),
    close: async () => {
      listener.close();
      await accepting.catch(() => {});
      await Promise.all(taps);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Hands all on to the server, and cuts what came at its answers. */
async function tap(
  outer: Deno.Conn,
  port: number,
  place: { readonly address: string; readonly port: number },
): Promise<SeenConnection> {
  const segments: Uint8Array[] = [];
  let segment: Uint8Array = new Uint8Array(0);
  let isOver = false;
  const cut = () => {
    if (segment.length > 0) segments.push(segment);
    segment = new Uint8Array(0);
  };
  const inner = await Deno.connect({ hostname: "127.0.0.1", port });
  const up = pump(outer, inner, (bytes) => {
    if (!isOver) segment = concat(segment, bytes);
  });
  const down = pump(inner, outer, (bytes) => {
    cut();
    // After a refusal, what is left of the request is nothing of its own.
    if (/^HTTP\/1\.1 4/.test(latin1Text(bytes.subarray(0, 10)))) isOver = true;
  });
  await down;
  closeQuietly(outer);
  closeQuietly(inner);
  await up;
  cut();
  return { ...place, segments };
}

async function pump(
  from: Deno.Conn,
  to: Deno.Conn,
  onBytes: (bytes: Uint8Array) => void,
): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) break;
      onBytes(buffer.slice(0, count));
      await writeAll(to, buffer.slice(0, count));
    }
    await to.closeWrite();
  } catch {
    // One side has closed: what came until then counts.
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed already.
  }
}
