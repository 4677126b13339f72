/**
 * Tells a person at a terminal that a proof is still at work.
 *
 * The prover keeps its thread busy and looks at the clock all the time, so it is the clock that
 * shows the progress.
 *
 * @module
 */

import type { Sink } from "../context.ts";

/** Time before anything is shown, and between two looks, in milliseconds. */
const QUIET_MS = 1_000;
const INTERVAL_MS = 500;

/** A clock that shows how long it runs. */
export class ProgressClock {
  readonly #sink: Sink;
  readonly #now: () => number;
  readonly #startMs: number;
  #nextMs: number;
  #isShown = false;

  constructor(sink: Sink, now: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#now = now;
    this.#startMs = now();
    this.#nextMs = this.#startMs + QUIET_MS;
  }

  /** Returns the time in milliseconds, from any fixed start. */
  readonly now = (): number => {
    const now = this.#now();
    if (now >= this.#nextMs && this.#sink.isTerminal) {
      this.#nextMs = now + INTERVAL_MS;
      this.#isShown = true;
      this.#sink.write(`\rProving, ${Math.floor((now - this.#startMs) / 1000)} s\x1b[K`);
    }
    return now;
  };

  /** Clears the line. */
  end(): void {
    if (this.#isShown) this.#sink.write("\r\x1b[K");
    this.#isShown = false;
  }
}
