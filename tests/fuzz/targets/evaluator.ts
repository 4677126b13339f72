/**
 * Evaluator and reference decide alike about generated policies and questions.
 *
 * @module
 */

import assert from "node:assert/strict";
import { comparePairs } from "../../differential/compare.ts";
import type { Target } from "../target.ts";

/** As many questions as one policy is asked. */
const PAIRS = 40;

export const EVALUATOR: Target = {
  name: "evaluator",
  holds: "evaluator and reference decide alike",
  // Much more of it runs in tests/differential/.
  iterations: 20,
  generate: (chance) => Uint8Array.from({ length: 4 }, () => chance.below(256)),
  check: (input) => {
    const bytes = new Uint8Array(4);
    bytes.set(input.subarray(0, 4));
    const seed = new DataView(bytes.buffer).getUint32(0);
    const { disagreement } = comparePairs(seed, PAIRS);
    assert.equal(disagreement, null, JSON.stringify(disagreement, null, 1));
  },
};
