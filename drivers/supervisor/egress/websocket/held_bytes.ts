/**
 * How much of unfinished messages all WebSockets of one sandbox hold together.
 *
 * @module
 */

export class HeldBytes {
  readonly #bytesMax: number;
  #held = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What is held now, in bytes. */
  get held(): number {
    return this.#held;
  }

  /** Returns whether there is room, which is taken then. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#bytesMax) return false;
    this.#held += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#held -= bytes;
  }
}
