/**
 * The exact engine against the evaluator: every cell of generated policies, with every method.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { anyPolicy, Chance } from "../../tests/differential/generate.ts";
import { Budget, DEFAULT_CAPS } from "../atoms/limits.ts";
import { Matcher } from "../space/matcher.ts";
import { Space } from "../space/space.ts";
import { confirm, evaluatorReplay } from "./replay.ts";
import { judge } from "./verdict.ts";
import { foretell, witnessOf } from "./witness.ts";
import { TEST_SEED } from "../../tests/test_seed.ts";

Deno.test("judge() says about every cell what the evaluator says about its witness", () => {
  const chance = new Chance(TEST_SEED);
  const matcher = new Matcher();
  let checked = 0;
  for (let round = 0; round < 60; round++) {
    const policy = anyPolicy(chance);
    const budget = new Budget(DEFAULT_CAPS, 60_000, () => performance.now());
    const space = new Space([policy], [], { matcher, budget });
    const replay = evaluatorReplay();
    const { methods } = space;
    for (const cell of space.cells()) {
      const verdict = judge(cell, 0, methods);
      for (const name of methods.names) {
        // One cell in a few, so that all rounds have their turn.
        if (!chance.once(8)) continue;
        const bit = methods.bit(name);
        const witness = witnessOf(cell, bit, { methods, verdict });
        const foretold = [foretell(cell, verdict, { role: "policy", side: 0, bit })];
        try {
          confirm("test", { witness, foretold }, { policies: { policy }, replay });
        } catch (error) {
          const text = JSON.stringify({ witness, policy: policy.rules }, null, 1);
          throw new assert.AssertionError({ message: `seed ${TEST_SEED}: ${error}\n${text}` });
        }
        checked++;
      }
    }
  }
  assert.ok(checked > 1000, `only ${checked} requests`);
  console.log(`seed ${TEST_SEED}: ${checked} requests`);
});
