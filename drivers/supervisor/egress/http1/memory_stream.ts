/**
 * Pairs of byte streams in memory, for tests: what one end writes, the other reads.
 *
 * They behave like sockets where that matters: half-close, a bounded pipe that makes writers wait,
 * and errors for whoever reads, writes or closes after a close. They can also cut what is read into pieces
 * of any size, count writes, and fail on demand.
 *
 * @module
 */

import type { ByteStream } from "../byte_stream.ts";

export interface MemoryStreamOptions {
  /** Bytes that wait in one direction until a writer has to wait. */
  readonly pipeBytes?: number;
  /** Most bytes that one read returns. */
  readonly readBytesMax?: number;
}

/** One end. `reading` and `writing` are pipes that the other end holds the other way round. */
export class MemoryStream implements ByteStream {
  readonly #reading: Pipe;
  readonly #writing: Pipe;
  readonly #readBytesMax: number;
  #isClosed = false;
  /** Sizes of all writes, in order. */
  readonly writeSizes: number[] = [];

  constructor(reading: Pipe, writing: Pipe, readBytesMax: number) {
    this.#reading = reading;
    this.#writing = writing;
    this.#readBytesMax = readBytesMax;
  }

  /** True once this end was closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#isClosed) throw new Deno.errors.BadResource("closed");
    return await this.#reading.take(into.subarray(0, this.#readBytesMax));
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#isClosed) throw new Deno.errors.BadResource("closed");
    this.writeSizes.push(bytes.length);
    return await this.#writing.put(bytes);
  }

  closeWrite(): Promise<void> {
    this.#writing.end();
    return Promise.resolve();
  }

  close(): void {
    if (this.#isClosed) throw new Deno.errors.BadResource("closed twice");
    this.#isClosed = true;
    this.#writing.end();
    this.#reading.fail(new Deno.errors.Interrupted("closed"), new Deno.errors.BrokenPipe("closed"));
  }

  /** Lets the other end see a failure instead of an end, as of a reset. */
  reset(): void {
    this.#isClosed = true;
    const error = new Deno.errors.ConnectionReset("reset");
    this.#writing.fail(error, error);
    this.#reading.fail(error, error);
  }
}

/** Returns the two ends of a connection. */
export function memoryPair(options: MemoryStreamOptions = {}): [MemoryStream, MemoryStream] {
  const { pipeBytes = 256 * 1024, readBytesMax = Infinity } = options;
  const there = new Pipe(pipeBytes);
  const back = new Pipe(pipeBytes);
  return [new MemoryStream(back, there, readBytesMax), new MemoryStream(there, back, readBytesMax)];
}

/** Returns a stream that holds the bytes and then ends. What is written to it waits unread. */
export function memoryStreamOf(
  bytes: Uint8Array | string,
  options: MemoryStreamOptions = {},
): MemoryStream {
  const { readBytesMax = Infinity } = options;
  const content = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  const reading = new Pipe(Infinity);
  reading.put(content);
  reading.end();
  return new MemoryStream(reading, new Pipe(Infinity), readBytesMax);
}

/** Returns everything that a stream gives until its end. */
export async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const count = await stream.read(buffer);
    if (count === null) break;
    pieces.push(buffer.slice(0, count));
  }
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** One direction. */
class Pipe {
  readonly #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isEnded = false;
  #readError: Error | null = null;
  #writeError: Error | null = null;
  #wakers: (() => void)[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  async take(into: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#readError !== null) throw this.#readError;
      const [piece] = this.#pieces;
      if (piece !== undefined) {
        const count = Math.min(piece.length, into.length);
        into.set(piece.subarray(0, count));
        if (count === piece.length) this.#pieces.shift();
        else this.#pieces[0] = piece.subarray(count);
        this.#bytes -= count;
        this.#wake();
        return count;
      }
      if (this.#isEnded) return null;
      await this.#change();
    }
  }

  async put(bytes: Uint8Array): Promise<number> {
    if (bytes.length === 0) return 0;
    for (;;) {
      if (this.#writeError !== null) throw this.#writeError;
      if (this.#isEnded) throw new Deno.errors.BrokenPipe("ended");
      const count = Math.min(bytes.length, this.#bytesMax - this.#bytes);
      if (count > 0) {
        this.#pieces.push(bytes.slice(0, count));
        this.#bytes += count;
        this.#wake();
        return count;
      }
      await this.#change();
    }
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  fail(readError: Error, writeError: Error): void {
    this.#readError ??= readError;
    this.#writeError ??= writeError;
    this.#wake();
  }

  #wake(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve));
  }
}
