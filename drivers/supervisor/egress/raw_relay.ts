/**
 * Relays bytes that nobody reads, both ways, until both sides have ended.
 *
 * Silence is fine for as long as it takes. An end goes on as an end: half-close is passed on.
 *
 * @module
 */

import { RAW_BUFFER_BYTES_MAX } from "../../../proto/egress_limits.ts";
import { RAW_BUFFER_BYTES_MIN } from "../../../proto/egress_limits.ts";
import { type ByteStream, writeAll } from "./byte_stream.ts";

export interface RawRelayOptions {
  readonly signal: AbortSignal;
  /** Asked once, when the client's first bytes are there. Where it says no, they go nowhere. */
  readonly confirm?: () => Promise<boolean>;
}

/** Relays until both sides have ended, one fails or the signal aborts; closes both. */
export async function relayRaw(
  client: ByteStream,
  upstream: ByteStream,
  { signal, confirm = () => Promise.resolve(true) }: RawRelayOptions,
): Promise<void> {
  const close = () => {
    closeQuietly(client);
    closeQuietly(upstream);
  };
  signal.addEventListener("abort", close);
  try {
    if (signal.aborted) return;
    await Promise.all([
      carry(client, upstream, { onFailure: close, confirm }),
      carry(upstream, client, { onFailure: close }),
    ]);
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

/** Never rejects: a side that fails ends the other, and there is nobody else to tell. */
async function carry(
  from: ByteStream,
  to: ByteStream,
  { onFailure, confirm = null }: {
    readonly onFailure: () => void;
    readonly confirm?: (() => Promise<boolean>) | null;
  },
): Promise<void> {
  try {
    if (!await copy(from, to, confirm)) return onFailure();
    await to.closeWrite();
  } catch {
    onFailure();
  }
}

/**
 * Returns false where the first bytes may not go on. Idle connections hold a small buffer, busy ones
 * a large one.
 */
async function copy(
  from: ByteStream,
  to: ByteStream,
  confirm: (() => Promise<boolean>) | null,
): Promise<boolean> {
  let buffer = new Uint8Array(RAW_BUFFER_BYTES_MIN);
  for (let isFirst = true;; isFirst = false) {
    const length = await from.read(buffer);
    if (length === null) return true;
    if (isFirst && confirm !== null && !await confirm()) return false;
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
