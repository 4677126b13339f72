/**
 * Covers live secrets in bytes that come back, so that a server that repeats what it was sent shows
 * the sandbox nothing.
 *
 * What covers a secret is as long as it: lengths and chunks of the message stay right, and nothing
 * has to be buffered. A server that encodes or compresses what it repeats is not seen through.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { ByteSearch } from "./byte_search.ts";
import { REDACTED } from "./placeholder.ts";

/** Shorter values are found in texts that have nothing to do with them. */
const SECRET_BYTES_MIN = 8;

const EMPTY = new Uint8Array(0);

interface Secret {
  readonly search: ByteSearch;
  readonly cover: Uint8Array;
}

/** Covers secrets in one body, piece by piece. */
export class SecretMask {
  readonly #secrets: readonly Secret[];
  readonly #onFound: () => void;
  #held: Uint8Array = EMPTY;

  /** `onFound` is told of each secret that was covered. */
  constructor(secrets: readonly string[], onFound: () => void) {
    this.#secrets = secrets.map((text) => new TextEncoder().encode(text))
      .filter((bytes) => bytes.length >= SECRET_BYTES_MIN)
      .toSorted((a, b) => b.length - a.length)
      .map((bytes) => ({ search: new ByteSearch(bytes), cover: coverOf(bytes.length) }));
    this.#onFound = onFound;
  }

  /** Nothing is looked for. */
  get isIdle(): boolean {
    return this.#secrets.length === 0;
  }

  push(piece: Uint8Array): Uint8Array {
    let bytes = piece;
    if (this.#held.length > 0) {
      bytes = new Uint8Array(this.#held.length + piece.length);
      bytes.set(this.#held);
      bytes.set(piece, this.#held.length);
    }
    let kept = 0;
    for (const { search, cover } of this.#secrets) {
      for (let at = search.find(bytes); at >= 0; at = search.find(bytes, at + cover.length)) {
        if (bytes === piece) bytes = piece.slice();
        bytes.set(cover, at);
        this.#onFound();
      }
      kept = Math.max(kept, search.beginningAtEnd(bytes));
    }
    const end = bytes.length - kept;
    this.#held = kept === 0 ? EMPTY : bytes.slice(end);
    return bytes.subarray(0, end);
  }

  end(): Uint8Array {
    const held = this.#held;
    this.#held = EMPTY;
    return held;
  }

  /** Returns a header's value without secrets; its length may change. */
  text(value: string): string {
    return this.#secrets.length === 0 ? value : this.#cover(value);
  }

  #cover(value: string): string {
    const bytes = new TextEncoder().encode(value);
    const hits = this.#secrets.some(({ search }) => search.find(bytes) >= 0);
    if (!hits) return value;
    const mask = this.push(bytes).slice();
    const rest = this.end();
    return new TextDecoder().decode(mask) + new TextDecoder().decode(rest);
  }
}

/** `[CREDENTIAL]`, cut or filled up. */
function coverOf(bytes: number): Uint8Array {
  return new TextEncoder().encode(REDACTED.slice(0, bytes).padEnd(bytes, "*"));
}
