/**
 * Prints what sandboxes cost and hold, side by side: the plain machine, bubblewrap, the sandbox
 * runtime of npm, and ours.
 *
 * `deno run -A tests/bench/peers/main.ts [--quick] [-o json] [filter]` runs the sections whose name
 * contains the filter. Needs root, `dist/openshell` and a package registry; what else is missing is
 * said where it would have been measured.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { findMissing } from "../../e2e/support/requirements.ts";
import { World } from "../../e2e/support/world.ts";
import { attackTable } from "./attack_table.ts";
import { type AttackResult, tryAttacks } from "./attacks.ts";
import { assemble, type Field } from "./contenders.ts";
import { findAttacks } from "./find_attacks.ts";
import { jsonOf, type Section, tablesOf } from "./measurement.ts";
import { memory } from "./memory.ts";
import { type LoadExtent, proxies } from "./proxies.ts";
import { starts } from "./starts.ts";
import { versionsOf } from "./versions.ts";
import { work } from "./work.ts";

/** How much is measured. */
interface Extent {
  readonly starts: number;
  readonly sandboxes: number;
  readonly rounds: number;
  readonly times: number;
  readonly load: LoadExtent;
  readonly sizes: {
    readonly treeFiles: number;
    readonly functions: number;
    readonly packages: number;
  };
}

const FULL: Extent = {
  starts: 100,
  sandboxes: 6,
  rounds: 3,
  times: 5,
  load: { rounds: 3, requests: 1_000, connects: 150, seconds: 3 },
  sizes: { treeFiles: 30_000, functions: 400, packages: 60 },
};

const QUICK: Extent = {
  starts: 8,
  sandboxes: 2,
  rounds: 1,
  times: 2,
  load: { rounds: 1, requests: 200, connects: 20, seconds: 1 },
  sizes: { treeFiles: 5_000, functions: 100, packages: 10 },
};

const SECTIONS: Readonly<
  Record<string, (world: World, field: Field, extent: Extent) => Promise<Section>>
> = {
  starts: (world, field, extent) => starts(world, field, extent.starts),
  memory: (world, field, extent) => memory(world, field, extent.sandboxes),
  work,
  proxies: (world, field, extent) => proxies(world, field, extent.load),
};

async function main(): Promise<void> {
  const { values, positionals: [filter = ""] } = parseArgs({
    args: [...Deno.args],
    options: { quick: { type: "boolean" }, output: { type: "string", short: "o" } },
    allowPositionals: true,
  });
  const isJson = values.output === "json";
  const names = [...Object.keys(SECTIONS), "attacks"].filter((name) => name.includes(filter));
  const missing = findMissing();
  if (missing !== null || names.length === 0) {
    const sections = `sections are ${Object.keys(SECTIONS).join(", ")}`;
    console.error(`Cannot measure: ${missing ?? sections}`);
    Deno.exit(2);
  }
  const extent = values.quick === true ? QUICK : FULL;
  const loadBefore = Deno.loadavg()[0]!;
  const world = await World.start();
  const sections: Section[] = [];
  let attacks: readonly AttackResult[] = [];
  try {
    const field = await assemble(world);
    for (const name of names) {
      if (name === "attacks") {
        attacks = await tryAttacks(world, field, await findAttacks());
        if (!isJson) console.log(attackTable(attacks));
        continue;
      }
      const section = await SECTIONS[name]!(world, field, extent);
      sections.push(section);
      if (!isJson) { for (const text of tablesOf(section)) console.log(text); }
    }
  } finally {
    for (const leftover of await world.close()) console.error(`left behind: ${leftover}`);
  }
  const load = {
    before: loadBefore,
    after: Deno.loadavg()[0]!,
    processors: navigator.hardwareConcurrency,
  };
  const versions = await versionsOf();
  if (isJson) {
    const sectionsJson = sections.map(jsonOf);
    console.log(
      JSON.stringify(
        { quick: values.quick === true, load, versions, sections: sectionsJson, attacks },
        null,
        2,
      ),
    );
    return;
  }
  console.log(Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", "));
  console.log(
    `Load over the last minute: ${load.before.toFixed(2)} before, ${
      load.after.toFixed(2)
    } after, ` +
      `on ${load.processors} processors`,
  );
}

if (import.meta.main) await main();
