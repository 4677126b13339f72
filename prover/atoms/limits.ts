/**
 * What a proof may cost, and how it says that it cost too much.
 *
 * Beyond a bound nothing is guessed: the answer is `unknown`, with the bound as its reason.
 *
 * @module
 */

import {
  PROOF_ATOMS_MAX,
  PROOF_COMBINATIONS_MAX,
  PROOF_FINDINGS_MAX,
  PROOF_STEPS_MAX,
} from "../../proto/proof_limits.ts";

/** Bounds of one proof. Each is a count unless its name says otherwise. */
export interface Caps {
  /** Steps of the search for witnesses, all machines together. */
  readonly steps: number;
  /** Atoms that one list of patterns is cut into. */
  readonly atoms: number;
  /** Combinations of atoms that are judged, all questions together. */
  readonly combinations: number;
  /** Findings that one question reports; further ones are counted. */
  readonly findings: number;
}

/** The bounds where nothing else is said. */
export const DEFAULT_CAPS: Caps = {
  steps: PROOF_STEPS_MAX,
  atoms: PROOF_ATOMS_MAX,
  combinations: PROOF_COMBINATIONS_MAX,
  findings: PROOF_FINDINGS_MAX,
};

/** Leaves the search when a bound is passed. Never reaches a caller of `prove`. */
export class BudgetSpent {
  constructor(readonly reason: string) {}
}

/** Counts what a proof has used, and stops it at a bound. */
export class Budget {
  readonly caps: Caps;
  readonly #now: () => number;
  readonly #endMs: number;
  readonly #timeoutMs: number;
  #steps = 0;
  #combinations = 0;

  /** `now` gives milliseconds from any fixed start. */
  constructor(caps: Caps, timeoutMs: number, now: () => number) {
    this.caps = caps;
    this.#now = now;
    this.#timeoutMs = timeoutMs;
    this.#endMs = now() + timeoutMs;
  }

  get combinations(): number {
    return this.#combinations;
  }

  /** Milliseconds that are left; not below zero. */
  get msLeft(): number {
    return Math.max(0, this.#endMs - this.#now());
  }

  /** @throws {BudgetSpent} */
  step(count: number): void {
    this.#steps += count;
    if (this.#steps > this.caps.steps) {
      throw new BudgetSpent(`More than ${this.caps.steps} steps to find witnesses`);
    }
    this.checkTime();
  }

  /** @throws {BudgetSpent} */
  combine(count: number): void {
    const before = this.#combinations;
    this.#combinations += count;
    if (this.#combinations > this.caps.combinations) {
      throw new BudgetSpent(`More than ${this.caps.combinations} combinations of atoms`);
    }
    // The clock costs more than a combination.
    if ((before ^ this.#combinations) >= CLOCK_EVERY) this.checkTime();
  }

  /** @throws {BudgetSpent} */
  checkTime(): void {
    if (this.#now() > this.#endMs) throw new BudgetSpent(`More than ${this.#timeoutMs} ms`);
  }
}

/** A power of two: the clock is read when the count passes a multiple of it. */
const CLOCK_EVERY = 256;
