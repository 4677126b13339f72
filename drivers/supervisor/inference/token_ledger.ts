/**
 * Counts the tokens that a sandbox has used, and says when there are none left.
 *
 * A call that is under way holds what its request is likely to cost, so that many at once do not
 * get far beyond the budget together. What a reply will cost is not known before it comes: the
 * calls under way when the budget ends are served to their end.
 *
 * @module
 */

import type { TokenUsage } from "./usage.ts";

/** Where the count outlives a supervisor. */
export interface LedgerFile {
  read(): number;
  write(used: number): void;
}

/** What one call holds. */
export interface Reservation {
  /** Counts what was used instead. Once. */
  settle(usage: TokenUsage | null): void;
}

export class TokenLedger {
  readonly #file: LedgerFile | null;
  #used: number;
  #held = 0;

  /** @throws {CodedError} of the file: what was used is not known then. */
  constructor(file: LedgerFile | null = null) {
    this.#file = file;
    this.#used = file?.read() ?? 0;
  }

  get used(): number {
    return this.#used;
  }

  /** Returns `null` where the budget does not have so many. `null` as budget is no limit. */
  reserve(tokens: number, budget: number | null): Reservation | null {
    if (budget !== null && this.#used + this.#held + tokens > budget) return null;
    this.#held += tokens;
    let isSettled = false;
    return {
      settle: (usage) => {
        if (isSettled) return;
        isSettled = true;
        this.#held -= tokens;
        if (usage === null) return;
        this.#used += usage.input + usage.output;
        this.#file?.write(this.#used);
      },
    };
  }
}
