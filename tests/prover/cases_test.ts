/**
 * Every case of `cases/`, by both engines, with its witness decided by the reference and by the
 * evaluator.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { rawQuestionOf } from "../../prover/exact/replay.ts";
import { prove } from "../../prover/prove.ts";
import { CATALOG } from "../../prover/questions/catalog.ts";
import type { Answer, Finding, Role, Witness } from "../../prover/report.ts";
import { startZ3 } from "../../prover/solver/z3.ts";
import { closeSolver } from "./close_solver.ts";
import { judgesOf } from "../cases/judges.ts";
import { loadCases, parseCases, type ProofCase, type Shown } from "./load_cases.ts";

const CASES = loadCases();

/** Questions that are about more than what passes, so that no formula is asked. */
const UNCONFIRMED: ReadonlySet<string> = new Set([
  "ambiguous_rules",
  "metadata_reach",
  "private_reach",
  "public_suffix_wildcard",
  "link_local_reach",
  "l7_bypass_credentialed",
  "credential_reach_expansion",
  "capability_expansion",
]);

Deno.test("prover cases", async (t) => {
  const solver = await startZ3();
  for (const one of CASES) {
    const { file, question, name, want, input } = one;
    await t.step(`${file}: ${question} of ${name} is ${want}`, async () => {
      const both = answerTo(one, await prove(input, { engine: "both", solver }));
      check(one, both);
      assert.equal(both.isConfirmed, !UNCONFIRMED.has(question), "whether z3 came to the same");
      const exact = answerTo(one, await prove(input));
      assert.deepEqual({ ...exact, isConfirmed: both.isConfirmed }, both);
    });
  }
  closeSolver(solver);
});

function answerTo({ question }: ProofCase, report: { readonly answers: readonly Answer[] }) {
  const answer = report.answers.find((candidate) => candidate.question === question);
  assert.ok(answer !== undefined, `${question} was not answered`);
  return answer;
}

function check({ want, level, shows, findings, input }: ProofCase, answer: Answer): void {
  const said = answer.findings.map((finding) => finding.message).join("; ");
  assert.equal(answer.status, want, answer.reason ?? said);
  assert.equal(answer.level, level, "level");
  assert.equal(answer.findings.length > 0, want === "refuted", said);
  if (findings !== null) assert.equal(answer.findings.length, findings, said);
  for (const finding of answer.findings) checkDecisions(finding, input);
  if (shows === null) return;
  const seen = answer.findings.map((finding) => describe(finding, shows, input));
  const due = normal(shows);
  assert.ok(
    seen.some((one) => JSON.stringify(one) === JSON.stringify(due)),
    `due: ${JSON.stringify(due)}\nseen: ${seen.map((one) => JSON.stringify(one)).join("\n      ")}`,
  );
}

/** Keys in one order, and the place in full. */
function normal(shows: Shown): Record<string, unknown> {
  const entries = Object.entries(shows).sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(entries);
}

/** Returns those parts of a finding that a case speaks of. */
function describe(finding: Finding, shows: Shown, input: ProofCase["input"]) {
  const { witness, message, rule, path } = finding;
  const all: Record<string, unknown> = {
    says: shows.says !== undefined && message.includes(shows.says) ? shows.says : message,
    rule,
    place: path?.replace("network_policies.", ""),
    ...(witness !== null && describeWitness(witness)),
    ...(witness !== null && shows.reasons !== undefined && {
      reasons: reasonsOf(witness, Object.keys(shows.reasons) as Role[], input),
    }),
  };
  return Object.fromEntries(Object.keys(normal(shows)).map((key) => [key, all[key] ?? null]));
}

function describeWitness(witness: Witness): Record<string, unknown> {
  const { caller, target, method, path, query, graphql, rpc, isOpaque } = witness;
  return {
    binary: caller.binary,
    ancestors: caller.ancestors,
    host: target.host,
    port: target.port,
    method,
    path,
    query: query.map(([key, value]) => `${key}=${value}`).join("&"),
    operation: graphql === null
      ? ""
      : graphql.kind === "persisted"
      ? graphql.id
      : `${graphql.type} ${graphql.name} { ${graphql.fields.join(" ")} }`,
    message: rpc === null ? "" : rpc.kind === "call" ? callOf(rpc) : rpc.kind,
    opaque: isOpaque,
  };
}

function callOf({ method, tool }: { readonly method: string; readonly tool?: string }): string {
  return tool === undefined ? method : `${method} ${tool}`;
}

function reasonsOf(witness: Witness, roles: readonly Role[], input: ProofCase["input"]) {
  return Object.fromEntries(roles.map((role) => {
    const [reference] = judgesOf(input[role]!.policy!);
    return [role, reference!.ask(rawQuestionOf(witness)).decision.reason];
  }));
}

/** The reference, which shares nothing with the automata, and both builds decide as foretold. */
function checkDecisions({ witness, foretold }: Finding, input: ProofCase["input"]): void {
  if (witness === null) return;
  for (const { role, verdict, audited } of foretold) {
    for (const judge of judgesOf(input[role]!.policy!)) {
      const { decision } = judge.ask(rawQuestionOf(witness));
      assert.deepEqual(
        { verdict: decision.verdict, audited: decision.audited },
        { verdict, audited },
        `${judge.name} about ${role}: ${JSON.stringify(witness)}`,
      );
    }
  }
}

Deno.test("prover cases: every built-in question and both kinds of claims have both answers", () => {
  const missing = [...Object.keys(CATALOG), "claim:never", "claim:always"].flatMap((question) =>
    (["proved", "refuted"] as const).filter((want) =>
      !CASES.some((one) => one.want === want && subjectOf(one) === question)
    ).map((want) => `${question} ${want}`)
  );
  assert.deepEqual(missing, []);
});

function subjectOf({ question, input }: ProofCase): string {
  const claim = input.claims?.find(({ key }) => question === `claim:${key}`);
  return claim === undefined ? question : `claim:${claim.kind}`;
}

/** A file with one case, which each row spoils. */
const FILE = {
  title: "One",
  levels: { ambiguous_rules: "error" },
  rules: { a: { endpoints: [{ host: "a.example.com", port: 443 }] } },
  cases: [{ name: "one", question: "ambiguous_rules", policy: ["a"], want: "proved" }],
};

function spoil(change: Record<string, unknown>) {
  return { cases: [{ ...FILE.cases[0], ...change }] };
}

Deno.test.each([
  { name: "an unknown key", change: { extra: 1 }, want: /unknown keys/ },
  { name: "an unknown key of a case", change: spoil({ polcy: [] }), want: /unknown keys/ },
  { name: "a rule that is not there", change: spoil({ policy: ["b"] }), want: /no rule b/ },
  { name: "a question without a level", change: spoil({ question: "x" }), want: /no level/ },
  { name: "an answer that nobody gives", change: spoil({ want: "maybe" }), want: /one of/ },
  { name: "a proof with a witness", change: spoil({ shows: {} }), want: /what there is not/ },
  { name: "a rule with errors", change: { rules: { a: { endpoints: 1 } } }, want: /Rule a/ },
  { name: "a name twice", change: { cases: [...FILE.cases, ...FILE.cases] }, want: /Names of/ },
])("parseCases() refuses $name", ({ change, want }) => {
  assert.equal(parseCases("f.yaml", JSON.stringify(FILE)).length, 1);
  const text = JSON.stringify({ ...FILE, ...change });
  assert.throws(() => parseCases("f.yaml", text), { name: "AssertionError", message: want });
});
