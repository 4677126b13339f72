/**
 * Compares evaluator and reference for as long as it is told: `deno task fuzz [MINUTES] [SEED]`,
 * one minute from a random seed by default. Exits with 1 at the first disagreement.
 *
 * @module
 */

import { comparePairs } from "../differential/compare.ts";

/** Pairs between two lines of progress, each from a seed of its own. */
const PAIRS_PER_SEED = 50_000;

function main(): number {
  const minutes = Number(Deno.args[0] ?? 1);
  let seed = Number(Deno.args[1] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const end = performance.now() + minutes * 60_000;
  let total = 0;
  while (performance.now() < end) {
    const { pairs, disagreement } = comparePairs(seed, PAIRS_PER_SEED);
    total += pairs;
    if (disagreement !== null) {
      console.log(`seed ${seed}: ${JSON.stringify(disagreement, null, 1)}`);
      return 1;
    }
    console.log(`seed ${seed}: ${pairs} pairs agree, ${total} in all`);
    seed = (seed + 1) >>> 0;
  }
  return 0;
}

if (import.meta.main) Deno.exit(main());
