/**
 * The long runs of faults, for as long as you like.
 *
 * | Arguments             | Does                                                          |
 * | --------------------- | ------------------------------------------------------------- |
 * | `kills [COUNT [SEED]]`| kills processes at so many points, 200 by default             |
 * | `soak [MINUTES]`      | holds 100 connections open and watches memory, 30 by default  |
 * | `fairness`            | what a busy sandbox costs another one                         |
 *
 * @module
 */

import { findMissing } from "../support/requirements.ts";
import { World } from "../support/world.ts";
import { fairness } from "./fairness.ts";
import { soak } from "./soak.ts";
import { Kills, VICTIMS } from "./support/kills.ts";
import { seeded } from "./support/seeded.ts";

/** A long run, in a world of its own. False where something did not hold. */
type Run = (world: World, args: readonly string[]) => Promise<boolean>;

const RUNS: Readonly<Record<string, Run>> = {
  kills: (world, [count = "200", seed = String(Date.now() % 1e9)]) =>
    runKills(world, { count: Number(count), seed: Number(seed) }),
  soak: (world, [minutes = "30"]) => soak(world, { minutes: Number(minutes) }),
  fairness: (world) => fairness(world),
};

/** Goes on after a failure, with a world that may be odd from then on: the first counts. */
async function runKills(
  world: World,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<boolean> {
  console.log(`${count} kills, seed ${seed}`);
  const random = seeded(seed);
  const kills = new Kills(world, random);
  await kills.begin();
  const took = new Map<string, number[]>();
  for (let round = 1; round <= count; round++) {
    const victim = VICTIMS[Math.floor(random() * VICTIMS.length)]!;
    try {
      const ms = await kills.round(victim);
      took.set(victim, [...took.get(victim) ?? [], ms]);
      console.log(`${round}\t${victim}\t${(ms / 1000).toFixed(1)} s`);
    } catch (error) {
      console.log(`${round}\t${victim}\tFAILED: ${(error as Error).message}`);
      return false;
    }
  }
  for (const [victim, all] of took) {
    const longest = Math.max(...all) / 1000;
    console.log(`${victim}: ${all.length} times, well again within ${longest.toFixed(1)} s`);
  }
  return true;
}

async function main([name = "", ...args]: readonly string[]): Promise<number> {
  const chosen = RUNS[name];
  const missing = findMissing();
  if (chosen === undefined || missing !== null) {
    console.error(missing ?? `Cannot run "${name}": it should be ${Object.keys(RUNS).join(", ")}`);
    return 2;
  }
  const world = await World.start();
  let isGood = false;
  try {
    isGood = await chosen(world, args);
    if (!isGood) console.error(await world.machine.gatewayLog());
  } finally {
    const leftovers = await world.close();
    for (const leftover of leftovers) console.log(`left behind: ${leftover}`);
    isGood &&= leftovers.length === 0;
  }
  console.log(isGood ? "All held" : "NOT all held");
  return isGood ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
