/**
 * Prints how fast policy decisions are, next to peers, and which budgets hold.
 *
 * `deno task bench [filter]` runs the sections whose name contains the filter.
 *
 * @module
 */

import { compiling } from "./compiling.ts";
import { decisions } from "./decisions.ts";
import { floor } from "./floor.ts";
import { processes } from "./processes.ts";
import type { Budget, Report } from "./report.ts";
import { budgetTable } from "./report.ts";
import { shapes } from "./shapes.ts";

const SECTIONS: Readonly<Record<string, () => Report | Promise<Report>>> = {
  floor,
  decisions,
  shapes,
  compiling,
  processes,
};

async function main(filter = ""): Promise<void> {
  const names = Object.keys(SECTIONS).filter((name) => name.includes(filter));
  if (names.length === 0) {
    console.error(`Cannot run "${filter}": sections are ${Object.keys(SECTIONS).join(", ")}`);
    Deno.exit(2);
  }
  const budgets: Budget[] = [];
  for (const name of names) {
    const report = await SECTIONS[name]!();
    for (const text of report.tables) console.log(text);
    budgets.push(...report.budgets);
  }
  console.log(budgetTable(budgets));
  console.log(`Load of the machine over the last minute: ${Deno.loadavg()[0]!.toFixed(2)}`);
}

if (import.meta.main) await main(Deno.args[0]);
