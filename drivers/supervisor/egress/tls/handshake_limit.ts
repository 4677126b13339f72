/**
 * Ends a handshake that takes too long, or that nobody waits for any more.
 *
 * @module
 */

/** Which of the two it was. */
export type LimitReached = "timeout" | "aborted";

/** Runs from when it is made until it is disposed of. */
export class HandshakeLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #outer: AbortSignal | undefined;
  readonly #abort = (): void => this.#reach("aborted");
  #reached: LimitReached | null = null;

  constructor(ms: number, outer?: AbortSignal) {
    this.#timer = setTimeout(() => this.#reach("timeout"), ms);
    this.#outer = outer;
    outer?.addEventListener("abort", this.#abort, { once: true });
    if (outer?.aborted === true) this.#reach("aborted");
  }

  /** Aborts as soon as the limit is reached. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reached(): LimitReached | null {
    return this.#reached;
  }

  /** Calls the function when the limit is reached, at once if it is already. */
  onReached(cancel: () => void): void {
    if (this.#reached !== null) cancel();
    else this.signal.addEventListener("abort", cancel, { once: true });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#abort);
  }

  #reach(reached: LimitReached): void {
    this[Symbol.dispose]();
    this.#reached ??= reached;
    this.#controller.abort();
  }
}
