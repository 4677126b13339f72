/**
 * What a section of the benchmark hands back: tables, and how its budgets stand.
 *
 * @module
 */

import { duration, ratio, table } from "./table.ts";

/** A promise of `architecture/`, and what was measured. */
export interface Budget {
  readonly name: string;
  /** Nanoseconds, or a ratio. */
  readonly unit: "ns" | "ratio";
  readonly limit: number;
  readonly median: number;
  /** The same from the fastest samples; a budget is for the median. */
  readonly fastest: number;
}

export interface Report {
  readonly tables: readonly string[];
  readonly budgets: readonly Budget[];
}

/** Returns the table that marks which budgets hold. */
export function budgetTable(budgets: readonly Budget[]): string {
  const rows = budgets.map(({ name, unit, limit, median, fastest }) => {
    const print = unit === "ns" ? duration : ratio;
    const verdict = median <= limit ? "holds" : "MISSED";
    return [name, print(limit), print(median), print(fastest), verdict];
  });
  return table("Budgets", ["", "at most", "median", "fastest", ""], rows);
}
