/**
 * Holds the pieces of one text message until it is whole, within what its sandbox may hold.
 *
 * @module
 */

import type { HeldBytes } from "./held_bytes.ts";

export class TextAssembly {
  readonly #held: HeldBytes;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(held: HeldBytes) {
    this.#held = held;
  }

  /** Returns whether there is room for a further piece, which is held then. */
  add(piece: Uint8Array): boolean {
    if (!this.#held.take(piece.length)) return false;
    this.#bytes += piece.length;
    if (piece.length > 0) this.#pieces.push(piece);
    return true;
  }

  /** Returns all of it. It still counts, until it is dropped. */
  whole(): Uint8Array {
    const [only] = this.#pieces;
    if (this.#pieces.length === 1 && only !== undefined) return only;
    const all = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  /** Begins anew, for the next message. */
  drop(): void {
    this.#held.release(this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
  }
}
