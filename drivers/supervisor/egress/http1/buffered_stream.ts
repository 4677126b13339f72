/**
 * A byte stream whose next bytes can be looked at before they are taken.
 *
 * Heads are found by searching what one read brought, never byte by byte, and what follows a head
 * stays unread: a pipelined request is never swallowed.
 *
 * The buffer is made on the first read, starts small and doubles while reads fill it, up to its
 * bound. A caller that is behind pauses reading.
 *
 * @module
 */

import { HTTP_BUFFER_BYTES_MAX, HTTP_BUFFER_BYTES_MIN } from "../../../../proto/egress_limits.ts";
import type { ByteStream } from "../byte_stream.ts";
import { BufferFullError } from "./http1_error.ts";

/** What reading a message's head found. */
export type HeadRead =
  /** All bytes up to the empty line and with it. They are the caller's own. */
  | { readonly kind: "head"; readonly bytes: Uint8Array }
  /** The stream ended before a first byte. */
  | { readonly kind: "ended" }
  /** The stream ended inside a head. */
  | { readonly kind: "truncated" }
  | { readonly kind: "too_large" }
  /** A line ends in LF alone. Nobody needs to wait for the rest. */
  | { readonly kind: "bare_line_feed" };

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Wraps a stream. Whoever holds it reads through it alone: the wrapped one lacks the buffer. */
export class BufferedStream implements ByteStream {
  readonly #stream: ByteStream;
  readonly #bytesMax: number;
  #buffer = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #ended = false;
  #isClosed = false;
  #filling: Promise<boolean> | null = null;
  #failure: { readonly cause: unknown } | null = null;

  constructor(stream: ByteStream, bytesMax: number = HTTP_BUFFER_BYTES_MAX) {
    this.#stream = stream;
    this.#bytesMax = bytesMax;
  }

  /** True once reading failed: it stays so. */
  get failed(): boolean {
    return this.#failure !== null;
  }

  /** Bytes that were read and not taken yet. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** True once the stream said that nothing more comes; buffered bytes may be left. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Returns the buffered bytes, or the first of them. Valid until the next read of any kind. */
  view(bytesMax: number = this.buffered): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#start + Math.min(bytesMax, this.buffered));
  }

  /** Takes bytes that were looked at. */
  consume(bytes: number): void {
    this.#start += Math.min(bytes, this.buffered);
  }

  /**
   * Waits for further bytes; `false` at the end. Calls that overlap share one read, so that an idle
   * connection can be watched by a call whose result a later one takes.
   *
   * @throws {BufferFullError} when the buffer has no room.
   */
  fill(): Promise<boolean> {
    // A failed stream may claim a clean end when it is asked again.
    if (this.#failure !== null) return Promise.reject(this.#failure.cause);
    if (this.#ended) return Promise.resolve(false);
    this.#filling ??= this.#readMore().finally(() => {
      this.#filling = null;
    });
    return this.#filling;
  }

  /** Returns at least so many bytes without taking them; fewer only at the end. */
  async peek(bytesMin: number): Promise<Uint8Array> {
    while (this.buffered < bytesMin && await this.fill());
    return this.view();
  }

  /** Takes a head of at most `bytesMax` bytes, its empty line included. What follows stays. */
  async readHead(bytesMax: number): Promise<HeadRead> {
    let searched = 0;
    for (;;) {
      const found = this.#findHeadEnd(searched, bytesMax);
      if (found === "bare_line_feed") return { kind: found };
      if (found > 0) {
        const bytes = this.view(found).slice();
        this.#start += found;
        return { kind: "head", bytes };
      }
      searched = this.buffered;
      if (searched >= bytesMax) return { kind: "too_large" };
      if (!await this.fill()) return { kind: this.buffered === 0 ? "ended" : "truncated" };
    }
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (into.length === 0) return 0;
    if (this.buffered === 0 && this.#filling === null && this.#failure === null) {
      if (this.#ended) return null;
      const count = await this.#readSome(into);
      this.#ended = count === null;
      return count;
    }
    while (this.buffered === 0) if (!await this.fill()) return null;
    const bytes = this.view(into.length);
    into.set(bytes);
    this.#start += bytes.length;
    return bytes.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#stream.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#stream.closeWrite();
  }

  /** Closing again is no error, also where the wrapped stream was closed by someone else. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#stream.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Returns the length of the head, 0 where its end is not there yet. */
  #findHeadEnd(searched: number, bytesMax: number): number | "bare_line_feed" {
    const bytes = this.view(bytesMax);
    for (let at = bytes.indexOf(LINE_FEED, searched); at >= 0;) {
      if (bytes[at - 1] !== CARRIAGE_RETURN) return "bare_line_feed";
      if (bytes[at - 2] === LINE_FEED) return at + 1;
      at = bytes.indexOf(LINE_FEED, at + 1);
    }
    return 0;
  }

  async #readMore(): Promise<boolean> {
    this.#makeRoom();
    const count = await this.#readSome(this.#buffer.subarray(this.#end));
    if (count === null) this.#ended = true;
    else this.#end += count;
    return count !== null;
  }

  async #readSome(into: Uint8Array): Promise<number | null> {
    try {
      return await this.#stream.read(into);
    } catch (cause) {
      this.#failure = { cause };
      throw cause;
    }
  }

  /** INVARIANT: only called while no read is under way, whose bytes would land elsewhere. */
  #makeRoom(): void {
    const wasFull = this.#end === this.#buffer.length;
    if (this.#start === this.#end) this.#start = this.#end = 0;
    if (!wasFull) return;
    const size = Math.min(
      Math.max(this.#buffer.length * 2, HTTP_BUFFER_BYTES_MIN),
      this.#bytesMax,
    );
    if (size > this.#buffer.length) {
      const larger = new Uint8Array(size);
      larger.set(this.view());
      this.#buffer = larger;
    } else {
      if (this.buffered === size) throw new BufferFullError(size);
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    this.#end = this.buffered;
    this.#start = 0;
  }
}
