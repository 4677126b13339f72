/**
 * How many attacks each peer held, and which it did not.
 *
 * @module
 */

import { table } from "../table.ts";
import type { AttackResult, Holding } from "./attacks.ts";

const HOLDINGS: readonly Holding[] = ["held", "not held", "unclear", "not applicable"];

export function attackTable(results: readonly AttackResult[]): string {
  const groups = Map.groupBy(results, ({ contender, area }) => `${contender}: ${area}`);
  const rows = [...groups].map(([name, those]) => [
    name,
    ...HOLDINGS.map((each) => String(those.filter(({ holding }) => holding === each).length)),
  ]);
  const open = results.filter(({ holding }) => holding === "not held" || holding === "unclear");
  const lines = open.map(({ contender, id, title, holding }) =>
    `${contender} ${holding}: ${id} (${title})`
  );
  return [table("Attacks, as an ordinary user", ["", ...HOLDINGS], rows), ...lines, ""].join("\n");
}
