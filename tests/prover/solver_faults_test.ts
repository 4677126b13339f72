/**
 * What a solver may do wrong, for every question that it is asked: never is anything proved by it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { EngineDisagreementError } from "../../prover/errors.ts";
import { prove } from "../../prover/prove.ts";
import type { SolverPort } from "../../prover/solver/port.ts";
import { SolverError } from "../../prover/solver/z3.ts";
import { loadCases, type ProofCase } from "./load_cases.ts";

/** One proved and one refuted case for each question that is asked as a formula. */
const ASKED = [
  "within_ceiling",
  "above_floor",
  "same_as_baseline",
  "write_bypass",
  "uninspected_credentials",
  "exfiltration",
  "read_carries_data",
  "claim:c",
];

const CASES = loadCases();

function caseOf(question: string, want: "proved" | "refuted"): ProofCase {
  return CASES.find((one) => one.question === question && one.want === want)!;
}

function solver(check: SolverPort["check"]): SolverPort {
  return { name: "a solver with a fault", check };
}

/** Answers the question of a case with the help of a solver. */
async function statusWith(one: ProofCase, port: SolverPort, timeoutMs = 30_000) {
  const { answers } = await prove(one.input, { engine: "both", solver: port, timeoutMs });
  return answers.find(({ question }) => question === one.question)!;
}

for (const question of ASKED) {
  for (const want of ["proved", "refuted"] as const) {
    const one = caseOf(question, want);
    const asked = `${question} that is ${want}`;

    Deno.test(`prove() takes no word of a solver that gives up about ${asked}`, async () => {
      const answer = await statusWith(one, solver(() => Promise.resolve("unknown")));
      // A counterexample is real, whoever gives up.
      assert.equal(answer.status, want === "proved" ? "unknown" : "refuted");
      assert.equal(answer.isConfirmed, false);
    });

    Deno.test(`prove() takes no word of a solver that is silent about ${asked}`, async () => {
      const silent = solver(() => new Promise(() => {}));
      const answer = await statusWith(one, silent, 300);
      // It may have used up the time before the question had its turn.
      assert.ok(answer.status === "unknown" || answer.status === "refuted" && want === "refuted");
      assert.equal(answer.isConfirmed, false);
    });

    for (const lie of ["sat", "unsat"] as const) {
      Deno.test(`prove() finds a solver that always says ${lie} about ${asked}`, async () => {
        const liar = solver(() => Promise.resolve(lie));
        const isTruth = (lie === "sat") === (want === "refuted");
        // The questions of one proof do not all have one answer, so mostly another one gives it away.
        const answer = await statusWith(one, liar).catch((error) => error);
        if (answer instanceof Error) assert.ok(answer instanceof EngineDisagreementError);
        else assert.ok(isTruth && answer.status === want, `${lie}: ${answer.status}`);
      });
    }

    for (const fault of ["a crash", "an answer in other words"]) {
      Deno.test(`prove() fails with ${fault} about ${asked}`, async () => {
        const crash = () => Promise.reject(new SolverError("ask"));
        const words = () => Promise.resolve("maybe" as "sat");
        const port = solver(fault === "a crash" ? crash : words);
        await assert.rejects(statusWith(one, port), SolverError);
      });
    }
  }
}
