import assert from "node:assert/strict";
import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import { type Reason, REASONS } from "../../proto/reason.ts";
import { judgesOf, type NamedJudge, outcomeOf } from "./judges.ts";
import { type CaseGroup, loadCases, parseCaseFile } from "./load_cases.ts";

const GROUPS = loadCases();

/** Reasons that the policy core gives to no question of a case. */
const OTHER_REASONS: readonly Reason[] = [
  "engine_error",
  ...REASONS.filter((reason) => reason.startsWith("destination_")),
  "allowed_ips_invalid",
];

for (const group of GROUPS) {
  const judges = lazily(() => makeJudges(group));
  for (const { name, question, want } of group.cases) {
    Deno.test(`cases: ${group.file}: ${group.title}: ${name}`, () => {
      const outcomes = judges().map((judge) => ({
        judge: judge.name,
        ...outcomeOf(judge.ask(question).decision),
      }));
      const due = outcomes.map((outcome) => ({ ...outcome, ...want }));
      assert.deepEqual(outcomes, due);
      const [first, ...others] = outcomes.map(({ judge: _, ...outcome }) => outcome);
      for (const other of others) assert.deepEqual(other, first);
    });
  }
}

Deno.test("cases: there are at least 300", () => {
  const count = GROUPS.reduce((sum, { cases }) => sum + cases.length, 0);
  assert.ok(count >= 300, `${count} cases`);
});

Deno.test("cases: every reason of the policy core occurs", () => {
  const seen = new Set(GROUPS.flatMap(({ cases }) => cases.map(({ want }) => want.reason)));
  const missing = REASONS.filter((reason) => !seen.has(reason) && !OTHER_REASONS.includes(reason));
  assert.deepEqual(missing, []);
});

Deno.test("cases: every group has both an allowed and a denied or audited question", () => {
  const oneSided = GROUPS.filter(({ cases }) => {
    const allowed = cases.filter(({ want }) => want.reason === "allowed").length;
    return cases.length > 3 && (allowed === 0 || allowed === cases.length);
  });
  assert.deepEqual(oneSided.map(({ file, title }) => `${file}: ${title}`), []);
});

/** A file with one case, which each row spoils. */
const FILE = {
  title: "One",
  policy: { version: 1 },
  cases: [{ name: "a", host: "h", port: 1, verdict: "deny", reason: "no_network_rules" }],
};

Deno.test.each([
  { name: "an unknown key of a file", change: { extra: 1 }, want: /One in f\.yaml|unknown keys/ },
  { name: "an unknown key of a case", change: spoil({ hots: "h" }), want: /unknown keys/ },
  { name: "a port as text", change: spoil({ port: "1" }), want: /whole number/ },
  { name: "a reason that does not exist", change: spoil({ reason: "no" }), want: /one of/ },
  {
    name: "an allowed verdict with a denying reason",
    change: spoil({ verdict: "allow" }),
    want: /Verdict/,
  },
  { name: "a denial that is audited", change: spoil({ audited: true }), want: /audited/ },
  {
    name: "an unknown key of a message",
    change: spoil({ rpc: { method: "m", to: 1 } }),
    want: /unknown keys/,
  },
  { name: "a name twice", change: { cases: [...FILE.cases, ...FILE.cases] }, want: /repeat/ },
])("parseCaseFile() refuses $name", ({ change, want }) => {
  const text = JSON.stringify({ ...FILE, ...change });
  assert.equal(parseCaseFile("f.yaml", JSON.stringify(FILE)).length, 1);
  assert.throws(() => parseCaseFile("f.yaml", text), { name: "AssertionError", message: want });
});

function spoil(change: Record<string, unknown>) {
  return { cases: [{ ...FILE.cases[0], ...change }] };
}

function makeJudges({ policy: text }: CaseGroup): readonly NamedJudge[] {
  const { policy, diagnostics } = parsePolicy(text);
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  assert.deepEqual(errors.map(({ code, path, message }) => `${code} ${path}: ${message}`), []);
  assert.ok(policy !== null);
  return judgesOf(policy);
}

/** Returns a function that makes the value once, when it is first needed. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
