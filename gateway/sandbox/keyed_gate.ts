/**
 * Lets one piece of work for each key run at a time, in the order in which it came.
 *
 * @module
 */

/** One queue for each key; a key without work costs nothing. */
export class KeyedGate {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when everything before it with this key is done, however that ended. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => {});
    this.#last.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }

  /** Keys that have work. */
  get size(): number {
    return this.#last.size;
  }
}
