/**
 * The formulas of all questions are byte for byte what they were, and z3 reads them.
 *
 * `deno test -A tests/prover/formulas_test.ts -- --update` writes them anew, for a review.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { startZ3 } from "../../prover/solver/z3.ts";
import { closeSolver } from "./close_solver.ts";
import { FORMULAS, scriptOf } from "./formulas.ts";

const FOLDER = new URL("snapshots/", import.meta.url);
const IS_UPDATE = Deno.args.includes("--update");

for (const name of Object.keys(FORMULAS)) {
  Deno.test(`the formula of ${name} is what it was`, async () => {
    const file = new URL(`${name}.smt2`, FOLDER);
    const script = await scriptOf(name);
    if (IS_UPDATE) await Deno.writeTextFile(file, script);
    assert.equal(script, await Deno.readTextFile(file));
  });
}

Deno.test("there is no snapshot without a formula", () => {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
  assert.deepEqual(files, Object.keys(FORMULAS).map((name) => `${name}.smt2`).sort());
});

/** What z3 says about each: satisfiable is refuted. Of rules the idle ones are asked about. */
const ANSWERS: Readonly<Record<string, "sat" | "unsat">> = {
  within_ceiling: "sat",
  within_ceiling_networks: "sat",
  above_floor: "sat",
  same_as_baseline: "sat",
  write_bypass: "sat",
  uninspected_credentials: "sat",
  exfiltration: "unsat",
  read_carries_data: "sat",
  claim_never: "sat",
  claim_always: "sat",
  rules: "unsat",
};

Deno.test("z3 answers every formula as the question was answered", async () => {
  const solver = await startZ3();
  try {
    const answers = await Promise.all(
      Object.keys(FORMULAS).map(async (name) =>
        [name, await solver.check(await scriptOf(name), 30_000)] as const
      ),
    );
    assert.deepEqual(Object.fromEntries(answers), ANSWERS);
  } finally {
    closeSolver(solver);
  }
});
