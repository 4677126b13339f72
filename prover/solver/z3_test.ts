/**
 * z3 itself, and both engines on generated policies.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { anyPolicy, Chance } from "../../tests/differential/generate.ts";
import { prove } from "../prove.ts";
import type { Subject } from "../input.ts";
import { SolverError, startZ3 } from "./z3.ts";
import { among, and, not, TRUE } from "./term.ts";
import { printScript } from "./smt_lib.ts";
import { TEST_SEED } from "../../tests/test_seed.ts";

const PAIRS = 6;

const PAIR_MS_MAX = 15_000;

Deno.test("z3 answers what the formulas mean", async (t) => {
  const z3 = await startZ3();
  const choices = { counts: { spot: 6, content: 2, method: 3 }, isChoice: TRUE };
  await t.step("a choice within the range can be made", async () => {
    const script = printScript(and(among("spot", [1, 2, 3]), not(among("spot", [1, 2]))), choices);
    assert.equal(await z3.check(script, 1000), "sat");
  });
  await t.step("a choice beyond the range cannot", async () => {
    const script = printScript(and(among("spot", [6]), among("method", [1])), choices);
    assert.equal(await z3.check(script, 1000), "unsat");
  });
  await t.step("calls at the same time are answered one by one", async () => {
    const scripts = [0, 5, 6, 7].map((cell) => printScript(among("spot", [cell]), choices));
    const answers = await Promise.all(scripts.map((script) => z3.check(script, 1000)));
    assert.deepEqual(answers, ["sat", "sat", "unsat", "unsat"]);
  });
  await t.step("text that is no formula fails", async () => {
    await assert.rejects(z3.check("(assert nothing)", 60_000), SolverError);
  });
  z3.close();
  assert.equal(await z3.check("", 1000), "unknown");
});

Deno.test(`both engines agree on ${PAIRS} pairs of policies`, async () => {
  const chance = new Chance(TEST_SEED);
  let confirmed = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    const [policy, ceiling] = [subject(anyPolicy(chance)), subject(anyPolicy(chance))];
    const input = { policy, ceiling, baseline: ceiling, trustedHosts: ["a.ex.com"] };
    // One whose time is over answers nothing more, and some of these are hard.
    const solver = await startZ3();
    try {
      const report = await prove(input, { engine: "both", solver, timeoutMs: PAIR_MS_MAX });
      confirmed += report.answers.filter(({ isConfirmed }) => isConfirmed).length;
    } catch (error) {
      throw new assert.AssertionError({ message: `seed ${TEST_SEED}, pair ${pair}: ${error}` });
    } finally {
      solver.close();
    }
  }
  assert.ok(confirmed >= PAIRS * 4, `only ${confirmed} answers were confirmed`);
});

Deno.test("z3 is ended when an answer takes too long, and then knows nothing more", async () => {
  const z3 = await startZ3();
  const factor = "((_ zero_extend 64) ";
  const hard = "(declare-const a (_ BitVec 64))(declare-const b (_ BitVec 64))" +
    "(assert (bvugt a #x0000000000000001))(assert (bvugt b #x0000000000000001))" +
    `(assert (= (bvmul ${factor}a) ${factor}b)) #x6fffffffffffffb1400000000000000d))`;
  const asked = [z3.check(hard, 200), z3.check("(declare-const c Bool)", 60_000)];
  assert.deepEqual(await Promise.all(asked), ["unknown", "unknown"]);
  assert.equal(await z3.check("(declare-const c Bool)", 60_000), "unknown");
  z3.close();
});

function subject(policy: Subject["policy"]): Subject {
  return { policy, locate: () => null };
}
