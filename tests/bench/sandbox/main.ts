/**
 * Prints what real sandboxes cost, beside peers of the distribution, and which budgets hold.
 *
 * `deno run -A tests/bench/sandbox/main.ts [filter]` runs the sections whose name contains the
 * filter. Needs root, `dist/openshell`, and for the peers bubblewrap, squid and nginx.
 *
 * @module
 */

import { findMissing } from "../../e2e/support/requirements.ts";
import { World } from "../../e2e/support/world.ts";
import { type Budget, budgetTable, type Report } from "../report.ts";
import { memory, starts } from "./starts.ts";
import { traffic } from "./traffic.ts";

const SECTIONS: Readonly<Record<string, (world: World) => Promise<Report>>> = {
  starts,
  memory,
  traffic,
};

async function main(filter = ""): Promise<void> {
  const missing = findMissing();
  const names = Object.keys(SECTIONS).filter((name) => name.includes(filter));
  if (missing !== null || names.length === 0) {
    console.error(
      `Cannot measure: ${missing ?? `sections are ${Object.keys(SECTIONS).join(", ")}`}`,
    );
    Deno.exit(2);
  }
  const budgets: Budget[] = [];
  for (const name of names) {
    const world = await World.start();
    try {
      const report = await SECTIONS[name]!(world);
      for (const text of report.tables) console.log(text);
      budgets.push(...report.budgets);
    } finally {
      for (const leftover of await world.close()) console.error(`left behind: ${leftover}`);
    }
  }
  console.log(budgetTable(budgets));
  console.log(`Load of the machine over the last minute: ${Deno.loadavg()[0]!.toFixed(2)}`);
}

if (import.meta.main) await main(Deno.args[0]);
