/**
 * Finds one short text in bytes that pass, several bytes at a step.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

export interface ByteSearchOptions {
  /** Letters of ASCII match in both cases; the pattern is in lower case then. */
  readonly ignoresCase?: boolean;
}

/** A pattern of 1 to 255 bytes, or the first 255 of a longer one. */
const STEP_MAX = 255;

export class ByteSearch {
  readonly #pattern: Uint8Array;
  /** What a byte is compared as. */
  readonly #folded = new Uint8Array(256);
  /** How far the pattern moves on when this byte is under its last one. */
  readonly #steps = new Uint8Array(256);

  constructor(pattern: Uint8Array, { ignoresCase = false }: ByteSearchOptions = {}) {
    this.#pattern = pattern;
    for (let byte = 0; byte < 256; byte += 1) {
      this.#folded[byte] = ignoresCase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    }
    this.#steps.fill(Math.min(pattern.length, STEP_MAX));
    for (let at = 0; at < pattern.length - 1; at += 1) {
      const step = Math.min(pattern.length - 1 - at, STEP_MAX);
      this.#steps[pattern[at]!] = step;
      if (ignoresCase && pattern[at]! >= 0x61 && pattern[at]! <= 0x7a) {
        this.#steps[pattern[at]! - 0x20] = step;
      }
    }
  }

  get length(): number {
    return this.#pattern.length;
  }

  /** Returns where the pattern begins, from a place on; -1 where it does not. */
  find(bytes: Uint8Array, from = 0): number {
    const pattern = this.#pattern;
    const folded = this.#folded;
    const steps = this.#steps;
    const last = pattern.length - 1;
    for (let end = from + last; end < bytes.length; end += steps[bytes[end]!]!) {
      let at = last;
      while (at >= 0 && folded[bytes[end - last + at]!] === pattern[at]) at -= 1;
      if (at < 0) return end - last;
    }
    return -1;
  }

  /** Returns how many of the last bytes may be the beginning of the pattern. */
  beginningAtEnd(bytes: Uint8Array): number {
    const pattern = this.#pattern;
    for (let length = Math.min(pattern.length - 1, bytes.length); length > 0; length -= 1) {
      const start = bytes.length - length;
      let at = 0;
      while (at < length && this.#folded[bytes[start + at]!] === pattern[at]) at += 1;
      if (at === length) return length;
    }
    return 0;
  }
}
