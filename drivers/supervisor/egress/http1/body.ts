/**
 * Relays one body from one side to the other, piece by piece as it comes.
 *
 * What is not chunked leaves straight from the buffer it was read into. What is chunked is decoded
 * and, where the receiver wants chunks, framed anew: of the sender's framing nothing goes on.
 *
 * INVARIANT: a body that did not arrive whole never ends in order at the receiver. The caller gets
 * an error and has to close the receiver's connection.
 *
 * @module
 */

import { HTTP_BUFFER_BYTES_MAX, HTTP_COALESCE_MS } from "../../../../proto/egress_limits.ts";
import { type ByteStream, writeAll } from "../byte_stream.ts";
import type { BufferedStream } from "./buffered_stream.ts";
import { ChunkDecoder } from "./chunk_decoder.ts";
import type { BodyFilter } from "./forwarded_request.ts";
import { BodyRelayError } from "./http1_error.ts";
import type { ResponseFraming } from "./response_head.ts";

export interface BodyOptions {
  /** How the receiver finds the end of a body without a length: by chunks, or by the close. */
  readonly output: "plain" | "chunked";
  /** Sent before the body, in one write with what is there of it. */
  readonly head?: Uint8Array;
  /** The head may wait a moment for the body's first bytes. Not where the body waits for the head. */
  readonly coalesces?: boolean;
  /** Called whenever bytes moved. */
  readonly onProgress?: () => void;
  /** Room for bodies that are framed anew, from {@link createScratch}; bodies may share it in turn. */
  readonly scratch?: () => Uint8Array;
  /** What the body passes through. */
  readonly filter?: BodyFilter | undefined;
}

/** Room before the data for its size: up to 8 digits and CR LF. */
const SIZE_LINE_BYTES_MAX = 10;

/** Room after the data: its CR LF and the last chunk. */
const TAIL_BYTES_MAX = 7;

const CR_LF = new TextEncoder().encode("\r\n");
const LAST_CHUNK = new TextEncoder().encode("0\r\n\r\n");
const EMPTY = new Uint8Array(0);

/** Makes room for framing bodies anew. */
export function createScratch(): Uint8Array {
  return new Uint8Array(SIZE_LINE_BYTES_MAX + HTTP_BUFFER_BYTES_MAX + TAIL_BYTES_MAX);
}

/**
 * Relays one body, and the head before it. Leaves what follows the body in `from`.
 *
 * @throws {BodyRelayError} saying which side failed.
 */
export async function relayBody(
  from: BufferedStream,
  to: ByteStream,
  framing: ResponseFraming,
  options: BodyOptions,
): Promise<void> {
  const sink = new Sink(to, options);
  if (framing.kind !== "none" && from.buffered === 0 && options.coalesces === true) {
    const filled = fill(from);
    if (!await settlesSoon(filled)) await sink.write(EMPTY);
  }
  if (framing.kind === "none") return await sink.write(EMPTY);
  if (framing.kind === "length") {
    return await relayPlain(from, sink, framing.bytes, options);
  }
  if (framing.kind === "chunked") {
    return await relayEncoded(from, sink, new ChunkDecoder(), options);
  }
  if (options.output === "chunked") return await relayEncoded(from, sink, null, options);
  return await relayPlain(from, sink, Infinity, options);
}

/** Writes to the receiver, with the head before the first bytes. */
class Sink {
  readonly #to: ByteStream;
  readonly #onProgress: (() => void) | undefined;
  #head: Uint8Array | null;

  constructor(to: ByteStream, { head, onProgress }: BodyOptions) {
    this.#to = to;
    this.#head = head ?? null;
    this.#onProgress = onProgress;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const all = this.#head === null ? bytes : concat(this.#head, bytes);
    this.#head = null;
    if (all.length === 0) return;
    try {
      await writeAll(this.#to, all);
    } catch (cause) {
      throw new BodyRelayError("body_unwritable", "its receiver's connection failed", { cause });
    }
    this.#onProgress?.();
  }

  /** Sends the head if nothing of the body is there to go with it. */
  async flushHead(): Promise<void> {
    if (this.#head !== null) await this.write(EMPTY);
  }
}

/** `bytes` is infinite for a body that ends with its connection. */
async function relayPlain(
  from: BufferedStream,
  sink: Sink,
  bytes: number,
  { filter }: BodyOptions,
): Promise<void> {
  let remaining = bytes;
  while (remaining > 0) {
    if (from.buffered === 0) {
      await sink.flushHead();
      if (await fill(from)) continue;
      if (bytes === Infinity) break;
      throw new BodyRelayError("body_truncated", "it ended before its length");
    }
    const piece = from.view(Math.min(remaining, HTTP_BUFFER_BYTES_MAX));
    remaining -= piece.length;
    await sink.write(filter === undefined ? piece : pass(filter, piece, remaining === 0));
    from.consume(piece.length);
  }
  if (bytes === Infinity && filter !== undefined) await sink.write(filter.end());
  await sink.flushHead();
}

/** Chunks that are taken off or put on, or both. */
async function relayEncoded(
  from: BufferedStream,
  sink: Sink,
  decoder: ChunkDecoder | null,
  { output, scratch, filter }: BodyOptions,
): Promise<void> {
  const room = scratch?.() ?? createScratch();
  const data = room.subarray(SIZE_LINE_BYTES_MAX, room.length - TAIL_BYTES_MAX);
  for (;;) {
    if (from.buffered === 0) {
      await sink.flushHead();
      if (await fill(from)) continue;
      if (decoder === null) break;
      throw new BodyRelayError("body_truncated", "it ended before its last chunk");
    }
    const step = decoder?.decode(from.view(), data) ?? copy(from.view(), data);
    from.consume(step.consumed);
    const isLast = decoder?.done ?? false;
    const decoded = data.subarray(0, step.produced);
    const passed = filter === undefined ? decoded : pass(filter, decoded, isLast);
    await sink.write(output === "plain" ? passed : asChunk(passed, data, { room, isLast }));
    if (isLast) return await sink.flushHead();
  }
  const held = filter?.end() ?? EMPTY;
  await sink.write(output === "plain" ? held : asChunk(held, data, { room, isLast: true }));
}

/** Returns what a filter lets pass of a piece, at the end with all that it held back. */
function pass(filter: BodyFilter, piece: Uint8Array, isLast: boolean): Uint8Array {
  const passed = filter.push(piece);
  if (passed === null) throw new BodyRelayError("body_refused", "it holds what may not go on");
  if (!isLast) return passed;
  const held = filter.end();
  return held.length === 0 ? passed : concat(passed, held);
}

/** Frames bytes, in place where they lie in the room already. */
function asChunk(
  bytes: Uint8Array,
  data: Uint8Array,
  { room, isLast }: { readonly room: Uint8Array; readonly isLast: boolean },
): Uint8Array {
  if (bytes.length === 0) return isLast ? LAST_CHUNK : EMPTY;
  const isInPlace = bytes.buffer === data.buffer && bytes.byteOffset === data.byteOffset;
  if (isInPlace) return frame(room, bytes.length, isLast);
  const other = new Uint8Array(SIZE_LINE_BYTES_MAX + bytes.length + TAIL_BYTES_MAX);
  other.set(bytes, SIZE_LINE_BYTES_MAX);
  return frame(other, bytes.length, isLast);
}

/** Puts the size before the data and what belongs after it, in place, and returns it all. */
function frame(room: Uint8Array, bytes: number, isLast: boolean): Uint8Array {
  const size = `${bytes.toString(16)}\r\n`;
  const start = SIZE_LINE_BYTES_MAX - size.length;
  for (let i = 0; i < size.length; i += 1) room[start + i] = size.charCodeAt(i);
  let end = SIZE_LINE_BYTES_MAX + bytes;
  room.set(CR_LF, end);
  end += CR_LF.length;
  if (isLast) {
    room.set(LAST_CHUNK, end);
    end += LAST_CHUNK.length;
  }
  return room.subarray(start, end);
}

function copy(input: Uint8Array, into: Uint8Array): { consumed: number; produced: number } {
  const bytes = Math.min(input.length, into.length);
  into.set(input.subarray(0, bytes));
  return { consumed: bytes, produced: bytes };
}

async function fill(from: BufferedStream): Promise<boolean> {
  try {
    return await from.fill();
  } catch (cause) {
    throw new BodyRelayError("body_unreadable", "its sender's connection failed", { cause });
  }
}

/** Returns whether it settles, in whatever way, in the moment that a head may wait. */
async function settlesSoon(filled: Promise<boolean>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), HTTP_COALESCE_MS);
  });
  try {
    return await Promise.race([filled.then(() => true, () => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (second.length === 0) return first;
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
