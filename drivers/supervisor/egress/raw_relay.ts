/**
 * Relays bytes that nobody reads, both ways, until both sides have ended.
 *
 * Silence is fine for as long as it takes. An end goes on as an end: half-close is passed on.
 *
 * @module
 */

import { RAW_BUFFER_BYTES_MAX, RAW_BUFFER_BYTES_MIN } from "../../../proto/limits.ts";
import { type ByteStream, writeAll } from "./byte_stream.ts";

/** Relays until both sides have ended, one fails or the signal aborts; closes both. */
export async function relayRaw(
  client: ByteStream,
  upstream: ByteStream,
  signal: AbortSignal,
): Promise<void> {
  const close = () => {
    closeQuietly(client);
    closeQuietly(upstream);
  };
  signal.addEventListener("abort", close);
  try {
    if (signal.aborted) return;
    await Promise.all([carry(client, upstream, close), carry(upstream, client, close)]);
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

/** Never rejects: a side that fails ends the other, and there is nobody else to tell. */
async function carry(from: ByteStream, to: ByteStream, onFailure: () => void): Promise<void> {
  try {
    await copy(from, to);
    await to.closeWrite();
  } catch {
    onFailure();
  }
}

/** Idle connections hold a small buffer, busy ones a large one. */
async function copy(from: ByteStream, to: ByteStream): Promise<void> {
  let buffer = new Uint8Array(RAW_BUFFER_BYTES_MIN);
  for (;;) {
    const length = await from.read(buffer);
    if (length === null) return;
    await writeAll(to, buffer.subarray(0, length));
    if (length === buffer.length && length < RAW_BUFFER_BYTES_MAX) {
      buffer = new Uint8Array(RAW_BUFFER_BYTES_MAX);
    }
  }
}

/** Closes what may be closed already. */
export function closeQuietly(stream: { close(): void }): void {
  try {
    stream.close();
  } catch {
    // It is closed already.
  }
}
