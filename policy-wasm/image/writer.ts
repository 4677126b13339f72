/**
 * Bytes of an image under construction: words, texts, lists and hash tables, each stored once.
 *
 * @module
 */

import { IMAGE_BYTES_MAX } from "../../proto/limits.ts";
import {
  HASH_FACTOR,
  HASH_ROTATION,
  HEADER_WORDS,
  SLOT_BYTES,
  SLOT_HASH,
  SLOT_KEY,
  SLOT_KEY_LENGTH,
  SLOT_VALUE,
} from "../assembly/format.ts";
import { CodedError } from "../../proto/errors.ts";

/** The compiled policy would be larger than an image may be. */
export class ImageTooLargeError extends CodedError {
  override readonly name = "ImageTooLargeError";
  override readonly code = "resource_exhausted";

  constructor() {
    super(`Cannot compile policy: its image has more than ${IMAGE_BYTES_MAX} bytes`, {
      hint: "Split the policy, or use fewer distinct path patterns",
    });
  }
}

/** Grows as needed; offsets are from the start of the image and never 0 for a stored thing. */
export class ImageWriter {
  #bytes = new Uint8Array(64 * 1024);
  #view = new DataView(this.#bytes.buffer);
  #length = HEADER_WORDS * 4;
  readonly #lists = new Map<string, number>();
  readonly #texts = new Map<string, { offset: number; length: number }>();
  readonly #encoder = new TextEncoder();

  /** Makes room for `size` bytes at a word boundary and returns its offset. */
  reserve(size: number): number {
    const offset = this.#length;
    this.#length = (offset + size + 3) & ~3;
    if (this.#length > IMAGE_BYTES_MAX) throw new ImageTooLargeError();
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return offset;
  }

  setWord(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  setBytes(offset: number, bytes: ArrayLike<number>): void {
    this.#bytes.set(bytes, offset);
  }

  setHeader(index: number, value: number): void {
    this.setWord(index * 4, value);
  }

  /** Stores words as they are. */
  words(values: readonly number[]): number {
    const key = values.join();
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const offset = this.reserve(values.length * 4);
    values.forEach((value, index) => this.setWord(offset + index * 4, value));
    this.#lists.set(key, offset);
    return offset;
  }

  /** Stores a count and the values. */
  list(values: readonly number[]): number {
    return this.words([values.length, ...values]);
  }

  /** Stores a count and pairs, ascending by key, for binary search. */
  pairs(pairs: ReadonlyMap<number, number>): number {
    const sorted = [...pairs].sort((a, b) => a[0] - b[0]);
    return this.words([sorted.length, ...sorted.flat()]);
  }

  text(text: string): { readonly offset: number; readonly length: number } {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const bytes = this.#encoder.encode(text);
    // An empty text still needs an offset other than 0.
    const offset = this.reserve(Math.max(bytes.length, 1));
    this.setBytes(offset, bytes);
    const stored = { offset, length: bytes.length };
    this.#texts.set(text, stored);
    return stored;
  }

  /** Stores an open-addressing table, at most half full; returns its offset and mask, or zeros. */
  table(entries: ReadonlyMap<string, number>): { readonly offset: number; readonly mask: number } {
    if (entries.size === 0) return { offset: 0, mask: 0 };
    const slots = 2 ** Math.ceil(Math.log2(entries.size * 2));
    const stored = [...entries].map(([key, value]) => ({ ...this.text(key), value }));
    const offset = this.reserve(slots * SLOT_BYTES);
    const taken = new Uint8Array(slots);
    for (const { value, offset: keyOffset, length } of stored) {
      const hash = hashOf(this.#bytes.subarray(keyOffset, keyOffset + length));
      let slot = ((hash ^ (hash >>> 15)) >>> 0) & (slots - 1);
      while (taken[slot] === 1) slot = (slot + 1) & (slots - 1);
      taken[slot] = 1;
      const at = offset + slot * SLOT_BYTES;
      this.setWord(at + SLOT_HASH, hash);
      this.setWord(at + SLOT_KEY, keyOffset);
      this.setWord(at + SLOT_KEY_LENGTH, length);
      this.setWord(at + SLOT_VALUE, value);
    }
    return { offset, mask: slots - 1 };
  }

  /** Returns the bytes written so far, as a copy of their own. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }
}

/** The same as in `assembly/memory.ts`. */
function hashOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const wordsEnd = bytes.length & ~3;
  let hash = bytes.length;
  for (let at = 0; at < wordsEnd; at += 4) hash = mix(hash, view.getUint32(at, true));
  for (let at = wordsEnd; at < bytes.length; at++) hash = mix(hash, bytes[at]!);
  return hash >>> 0;
}

function mix(hash: number, value: number): number {
  const rotated = (hash << HASH_ROTATION) | (hash >>> (32 - HASH_ROTATION));
  return Math.imul(rotated ^ value, HASH_FACTOR);
}
