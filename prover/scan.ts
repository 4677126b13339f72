/**
 * One pass through the cells of a space for all questions about it.
 *
 * @module
 */

import { type Budget, BudgetSpent } from "./atoms/limits.ts";
import { judge, type Verdict } from "./exact/verdict.ts";
import type { Cell, Space } from "./space/space.ts";

/** Called for each cell, with the verdict of each policy. */
export type Look = (cell: Cell, verdicts: readonly Verdict[]) => void;

/** What came of a pass: `null` when every cell was seen, otherwise why not. */
export type ScanOutcome = string | null;

/** Makes a space and looks at all of it, within the budget. */
export function scan(
  makeSpace: (budget: Budget) => { readonly space: Space; readonly look: Look },
  budget: Budget,
): ScanOutcome {
  try {
    const { space, look } = makeSpace(budget);
    const sides = space.policies.map((_, side) => side);
    for (const cell of space.cells()) {
      look(cell, sides.map((side) => judge(cell, side, space.methods)));
    }
    return null;
  } catch (thrown) {
    if (thrown instanceof BudgetSpent) return thrown.reason;
    throw thrown;
  }
}
