/**
 * Tries all attacks, and prints what came of each: a line for an attack in a mode.
 *
 * `-o json` prints a document; a pattern tries only the attacks whose id matches it. Ends with 1 where an
 * attack has worked.
 *
 * @module
 */

import { findMissing } from "../support/requirements.ts";
import type { Suite } from "../support/suite.ts";
import { World } from "../support/world.ts";
import { NETWORK_ATTACKS } from "./net/attacks.ts";
import { AttackedNetwork } from "./net/world.ts";
import { formatJson, formatTable } from "./support/format_table.ts";
import { type AttackResult, runAttacks } from "./support/run_attacks.ts";

async function main(args: readonly string[]): Promise<number> {
  const missing = findMissing();
  if (missing !== null) {
    console.error(`Cannot try attacks: ${missing}`);
    return 2;
  }
  const isJson = args.join(" ").includes("-o json");
  const word = args.filter((arg) => !["-o", "json"].includes(arg))[0] ?? "";
  const results = await tryAll(word);
  console.log(isJson ? formatJson(results) : formatTable(results));
  return results.some(({ outcome }) => outcome === "FAILED") ? 1 : 0;
}

async function tryAll(word: string): Promise<readonly AttackResult[]> {
  const chosen = NETWORK_ATTACKS.filter(({ id }) => new RegExp(word).test(id));
  await using world = await World.start();
  // The results say what came of it: a step that fails need not say it again.
  const step = async (_: string, body: () => Promise<void> | void) => {
    await Promise.resolve(body()).catch(() => {});
    return true;
  };
  const suite: Suite = { world, step, isRootless: false };
  try {
    await using network = await AttackedNetwork.start(world);
    return await runAttacks(suite, network.sandbox(), chosen);
  } finally {
    await world.machine.close();
  }
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
