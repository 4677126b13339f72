/**
 * Policies that are wider than their ceiling by one edge: each has to be found.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Chance } from "../tests/differential/generate.ts";
import { unwritten } from "./fixtures.ts";
import { prove } from "./prove.ts";
import { basePolicy, MAY_TAKE, WIDENINGS } from "./widened_policies.ts";

const SEED = Number(
  Deno.env.get("OPENSHELL_TEST_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0],
);

const MUTATIONS = 1000;

Deno.test(`prove() finds ${MUTATIONS} policies that are wider by one edge`, async () => {
  const chance = new Chance(SEED);
  const names = Object.keys(WIDENINGS);
  for (let round = 0; round < MUTATIONS; round++) {
    const base = basePolicy(chance);
    const name = names[round % names.length]!;
    const wider = WIDENINGS[name]!(base);
    const message = `seed ${SEED}, round ${round}: ${name}`;
    const input = { policy: unwritten(wider), ceiling: unwritten(base) };
    const { answers } = await prove(input).catch((cause) => {
      throw new assert.AssertionError({ message: `${message}: ${cause}` });
    });
    const answer = answers.find(({ question }) => question === "within_ceiling")!;
    assert.equal(answer.status, "refuted", message);
    if (round >= names.length) continue;
    const back = await prove({ policy: unwritten(base), ceiling: unwritten(wider) });
    const inside = back.answers.find(({ question }) => question === "within_ceiling")!;
    // The base itself stays within what was added to it.
    if (!MAY_TAKE.has(name)) assert.equal(inside.status, "proved", `${message}, the other way`);
  }
});
