/**
 * What a proof does when something is wrong: with the input, with its bounds, with an engine.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { parsePolicy } from "../policy-wasm/parse_policy.ts";
import { parseClaims } from "./claims/parse_claims.ts";
import {
  EngineDisagreementError,
  ReplayMismatchError,
  UnknownCredentialError,
  UnprovablePolicyError,
} from "./errors.ts";
import { evaluatorReplay } from "./exact/replay.ts";
import { plainRule, restRule, subjectOf, unwritten } from "./fixtures.ts";
import type { ProofInput, ProofOptions } from "./input.ts";
import { prove } from "./prove.ts";
import type { SolverPort } from "./solver/port.ts";
import { SolverError } from "./solver/z3.ts";

const READ = restRule("read", {});
const WIDE = restRule("wide", { allow: '{ method: "*", path: /a/** }' });
const BROKEN: ProofInput = { policy: subjectOf(WIDE), ceiling: subjectOf(READ) };
const HELD: ProofInput = { policy: subjectOf(READ), ceiling: subjectOf(WIDE) };

function solverThatSays(answer: "sat" | "unsat" | "unknown"): SolverPort {
  return { name: "z3 in a test", check: () => Promise.resolve(answer) };
}

async function answerTo(question: string, input: ProofInput, options: ProofOptions = {}) {
  const report = await prove(input, options);
  return report.answers.find((answer) => answer.question === question)!;
}

Deno.test("prove() reports the line of the rule", async () => {
  const { findings } = await answerTo("within_ceiling", BROKEN);
  assert.deepEqual(findings[0]?.range?.line, 3);
});

Deno.test("prove() gives the same report for the same input", async () => {
  const input = { ...BROKEN, baseline: BROKEN.ceiling! };
  assert.deepEqual(await prove(input), await prove(input));
});

Deno.test("prove() refuses a policy with errors", async () => {
  const input = { ...HELD, ceiling: { policy: null, locate: () => null } };
  await assert.rejects(prove(input), (error: Error) => {
    assert.ok(error instanceof UnprovablePolicyError);
    assert.equal(error.role, "ceiling");
    return true;
  });
});

Deno.test("prove() refuses a claim about a credential that is not given", async () => {
  const { claims } = parseClaims("version: 1\nclaims: { a: { never: { credential: github } } }");
  await assert.rejects(prove({ ...HELD, claims: claims! }), UnknownCredentialError);
});

Deno.test.each<{ name: string; options: ProofOptions; reason: RegExp }>([
  { name: "steps", options: { caps: { steps: 20 } }, reason: /More than 20 steps/ },
  { name: "atoms", options: { caps: { atoms: 1 } }, reason: /More than 1 atoms/ },
  { name: "combinations", options: { caps: { combinations: 1 } }, reason: /More than 1 comb/ },
  { name: "time", options: { timeoutMs: 5, now: clock(2) }, reason: /More than 5 ms/ },
])("prove() knows nothing beyond the bound of $name", async ({ options, reason }) => {
  const { status, reason: got } = await answerTo("within_ceiling", HELD, options);
  assert.equal(status, "unknown");
  assert.match(got ?? "", reason);
});

Deno.test("prove() keeps a counterexample that it found before a bound", async () => {
  const policy = subjectOf([WIDE, restRule("z", { host: "z.example.com" })].join("\n"));
  const input = {
    policy,
    claims: parseClaims(
      "version: 1\nclaims: { a: { never: { host: api.example.com, method: POST } } }",
    ).claims!,
  };
  for (let combinations = 1;; combinations++) {
    const answer = await answerTo("claim:a", input, { caps: { combinations } });
    if (answer.status === "unknown") continue;
    assert.equal(answer.status, "refuted");
    const other = await answerTo("shadowed_rules", input, { caps: { combinations } });
    assert.equal(other.status, "unknown", "the pass was not stopped");
    break;
  }
});

Deno.test("prove() shows so many findings and counts the rest", async () => {
  const rules = ["a", "b", "c"].map((name) => restRule(name, { host: `${name}.example.com` }));
  const input = { policy: subjectOf(rules.join("\n")), ceiling: subjectOf(READ) };
  const answer = await answerTo("within_ceiling", input, { caps: { findings: 2 } });
  assert.deepEqual([answer.findings.length, answer.findingsHidden], [2, 1]);
});

Deno.test.each([
  { name: "verdict", lie: { verdict: "deny" as const } },
  { name: "audit mark", lie: { audited: true } },
  { name: "rule", lie: { rule: "other" } },
])("prove() stops when the evaluator decides otherwise about the $name", async ({ lie }) => {
  const honest = evaluatorReplay();
  const options: ProofOptions = {
    replay: (policy, witness) => {
      const decision = honest(policy, witness);
      return decision.verdict === "allow" ? { ...decision, ...lie } : decision;
    },
  };
  await assert.rejects(prove(BROKEN, options), ReplayMismatchError);
});

Deno.test("prove() knows nothing when the evaluator passes a bound of its own", async () => {
  const honest = evaluatorReplay();
  const replay: ProofOptions["replay"] = (policy, witness) => ({
    ...honest(policy, witness),
    verdict: "deny",
    reason: "engine_error",
  });
  const answer = await answerTo("within_ceiling", BROKEN, { replay });
  assert.deepEqual([answer.status, answer.reason], [
    "unknown",
    "The evaluator passed a bound of its own",
  ]);
});

Deno.test.each<{ name: string; input: ProofInput; says: "sat" | "unsat" }>([
  { name: "a proof", input: HELD, says: "sat" },
  { name: "a refutation", input: BROKEN, says: "unsat" },
])("prove() stops when the second engine contradicts $name", async ({ input, says }) => {
  const options: ProofOptions = { engine: "both", solver: solverThatSays(says) };
  await assert.rejects(prove(input, options), EngineDisagreementError);
});

Deno.test("prove() does not call proved what the second engine could not answer", async () => {
  const options: ProofOptions = { engine: "both", solver: solverThatSays("unknown") };
  const held = await answerTo("within_ceiling", HELD, options);
  assert.deepEqual([held.status, held.reason], ["unknown", "The second engine gave up"]);
  const broken = await answerTo("within_ceiling", BROKEN, options);
  assert.deepEqual([broken.status, broken.isConfirmed], ["refuted", false]);
});

Deno.test("prove() makes one row for each rule that a change opens or closes", async () => {
  const input = {
    policy: subjectOf([WIDE, plainRule("db", "db.example.com", { port: 5432 })].join("\n")),
    baseline: subjectOf([READ, restRule("gone", { host: "old.example.com" })].join("\n")),
  };
  const { changes } = await prove(input);
  const rows = changes.map(({ kind, host, port, rule, methods }) =>
    `${kind} ${host}:${port} ${rule} ${methods.slice(0, 2).join()}`
  );
  assert.deepEqual(rows.toSorted(), [
    "closed old.example.com:443 gone GET,HEAD",
    "opened api.example.com:443 wide POST,PUT",
    "opened db.example.com:5432 db POST,PUT",
  ]);
});

Deno.test("prove() takes levels other than those of the catalogue", async () => {
  const answer = await answerTo("within_ceiling", HELD, { levels: { within_ceiling: "note" } });
  assert.equal(answer.level, "note");
});

Deno.test("prove() proves everything of a policy without rules", async () => {
  const empty = unwritten({ ...subjectOf(READ).policy!, rules: [] });
  const { answers } = await prove({ policy: empty, ceiling: empty, floor: empty, baseline: empty });
  const open = answers.filter(({ status }) => status !== "proved" && status !== "not_asked");
  assert.deepEqual(open, []);
});

Deno.test("prove() asks the second engine nothing when the time is over", async () => {
  let now = 0;
  const solver: SolverPort = {
    name: "z3 in a test",
    check: () => {
      now = 1_000;
      return Promise.resolve("unsat");
    },
  };
  const options: ProofOptions = { engine: "both", solver, timeoutMs: 500, now: () => now };
  const { answers } = await prove(HELD, options);
  const first = answers.find(({ question }) => question === "contradictory_rules");
  const last = answers.find(({ question }) => question === "within_ceiling");
  assert.deepEqual([first?.status, last?.status], ["proved", "unknown"]);
});

Deno.test("prove() says so when the second engine does not start", async () => {
  const solver: SolverPort = {
    name: "z3 in a test",
    check: () => Promise.reject(new SolverError("start")),
  };
  await assert.rejects(prove(HELD, { engine: "both", solver }), SolverError);
});

Deno.test("prove() refutes nothing of weight in the examples", async () => {
  const folder = new URL("../examples/", import.meta.url);
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.endsWith(".yaml")) continue;
    const policy = parsePolicy(await Deno.readFile(new URL(name, folder)));
    const { answers } = await prove({ policy });
    const open = answers.filter(({ status, level }) =>
      status === "unknown" || (status === "refuted" && level !== "note")
    );
    assert.deepEqual(open.map(({ question }) => question), [], name);
  }
});

/** A clock that moves on by so much with each look at it. */
function clock(stepMs: number): () => number {
  let now = 0;
  return () => now += stepMs;
}
