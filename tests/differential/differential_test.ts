/**
 * Evaluator against reference on generated policies. A disagreement prints the seed and the
 * smallest policy found.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { wasmBase64 as debugBase64 } from "../../policy-wasm/build/debug.ts";
import { REASONS } from "../../proto/reason.ts";
import { comparePairs } from "./compare.ts";
import { TEST_SEED } from "../test_seed.ts";

/** Pairs of policy and question compared with the release build. */
const PAIRS = 100_000;
const DEBUG_PAIRS = 20_000;

/** Reasons that generated questions cannot lead to: malformed spellings and destinations. */
const OUT_OF_REACH =
  /^(engine_error|invalid_(host|path|query)|destination_.*|allowed_ips_invalid)$/;

Deno.test(`release build agrees with the reference on ${PAIRS} pairs`, () => {
  const seed = TEST_SEED;
  console.log(`seed ${seed} (set OPENSHELL_TEST_SEED to repeat)`);
  const { pairs, reasons, disagreement } = comparePairs(seed, PAIRS);
  assert.equal(disagreement, null, `seed ${seed}: ${JSON.stringify(disagreement, null, 1)}`);
  assert.ok(pairs >= PAIRS);
  const seen = new Set([...reasons.keys()].map((reason) => reason.split(" ")[0]));
  const missing = REASONS.filter((reason) => !OUT_OF_REACH.test(reason) && !seen.has(reason));
  assert.deepEqual(missing, [], "a reason never came up: the generator has a hole");
});

Deno.test(`debug build agrees with the reference on ${DEBUG_PAIRS} pairs`, () => {
  const seed = TEST_SEED;
  const { disagreement } = comparePairs(seed, DEBUG_PAIRS, Uint8Array.fromBase64(debugBase64));
  assert.equal(disagreement, null, `seed ${seed}: ${JSON.stringify(disagreement, null, 1)}`);
});
