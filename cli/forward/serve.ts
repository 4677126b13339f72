/**
 * Listens on this machine and passes each connection on to a port of a sandbox.
 *
 * @module
 */

import type { Gateway } from "../../gateway/client/types.ts";
import { FORWARD_CONNECTIONS_MAX } from "../../proto/limits.ts";

/** Size of one read, in bytes. */
const READ_BYTES = 64 * 1024;

export interface ForwardOptions {
  readonly sandboxId: string;
  /** Port in the sandbox. */
  readonly port: number;
  /** Ends the forward and its connections. */
  readonly signal: AbortSignal;
  /** Told of a connection that failed; the others go on. */
  readonly onFailure: (error: unknown) => void;
}

/** Serves until the signal is aborted; closes the listener. */
export async function serveForward(
  gateway: Gateway,
  listener: Deno.Listener<Deno.TcpConn>,
  options: ForwardOptions,
): Promise<void> {
  const { signal, onFailure } = options;
  const open = new Set<Promise<void>>();
  const close = () => listener.close();
  signal.addEventListener("abort", close);
  try {
    for await (const connection of listener) {
      if (open.size >= FORWARD_CONNECTIONS_MAX) {
        connection.close();
        continue;
      }
      const done = relay(gateway, connection, options).catch(onFailure)
        .finally(() => open.delete(done));
      open.add(done);
    }
  } finally {
    signal.removeEventListener("abort", close);
    await Promise.all(open);
  }
}

async function relay(
  gateway: Gateway,
  connection: Deno.TcpConn,
  { sandboxId, port, signal }: ForwardOptions,
): Promise<void> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  signal.addEventListener("abort", stop);
  try {
    connection.setNoDelay(true);
    const duplex = { inputs: read(connection, stop), signal: abort.signal };
    for await (const data of gateway.forward({ sandboxId, port }, duplex)) {
      for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
    }
    // The sandbox has said all it has to say; the other direction may go on until it ends.
    await connection.closeWrite().catch(ignoreGone);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
    closeQuietly(connection);
  }
}

/** A connection that breaks off ends the call; one that ends only ends its direction. */
async function* read(connection: Deno.TcpConn, onBroken: () => void): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const chunk = new Uint8Array(READ_BYTES);
      const count = await connection.read(chunk);
      if (count === null) return;
      yield chunk.subarray(0, count);
    }
  } catch {
    onBroken();
  }
}

function ignoreGone(error: unknown): void {
  if (error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.BrokenPipe) return;
  throw error;
}

function closeQuietly(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
