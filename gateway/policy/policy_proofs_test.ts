import assert from "node:assert/strict";
import { ProofQueueError, ProofThreadError } from "../../prover/proof_threads.ts";
import type { Answer, Finding, ProofReport, Witness } from "../../prover/report.ts";
import { judgeReport, NOT_ASKED, policyProofs } from "./policy_proofs.ts";
import { ProofFolderError } from "./proof_documents.ts";

const WITNESS: Witness = {
  caller: { binary: "/usr/bin/curl", ancestors: [] },
  target: { host: "api.example.com", port: 443 },
  method: "DELETE",
  path: "/admin",
  query: [["token", "hunter2"]],
  graphql: null,
  rpc: null,
  isOpaque: false,
};

const FINDING: Finding = {
  message: "DELETE passes",
  role: "policy",
  rule: "api",
  endpoint: 0,
  requestRule: null,
  path: null,
  range: null,
  witness: WITNESS,
  foretold: [],
};

function answer(question: string, change: Partial<Answer> = {}): Answer {
  return {
    question,
    level: "error",
    title: "",
    meaning: "",
    remediation: "",
    status: "proved",
    reason: null,
    findings: [],
    findingsHidden: 0,
    isConfirmed: false,
    ...change,
  };
}

function report(...answers: Answer[]): ProofReport {
  return { engine: "exact", solver: null, answers, changes: [], combinations: 0 };
}

const REFUTED = { status: "refuted", findings: [FINDING] } as const;
const UNKNOWN = { status: "unknown", reason: "no time" } as const;

Deno.test.each<{ name: string; answers: Answer[]; verdict: string; warnings?: string[] }>([
  { name: "nothing but what is proved", answers: [answer("claim:a")], verdict: "proved" },
  { name: "a refuted claim", answers: [answer("claim:a", REFUTED)], verdict: "refuted" },
  { name: "a claim without answer", answers: [answer("claim:a", UNKNOWN)], verdict: "unknown" },
  {
    name: "both",
    answers: [answer("claim:a", UNKNOWN), answer("above_floor", REFUTED)],
    verdict: "refuted",
  },
  { name: "a ceiling", answers: [answer("within_ceiling", REFUTED)], verdict: "refuted" },
  {
    name: "a claim that only warns",
    answers: [answer("claim:a", { ...REFUTED, level: "warning" })],
    verdict: "proved",
  },
  {
    name: "a built-in question",
    answers: [answer("metadata_reach", REFUTED), answer("write_bypass", UNKNOWN)],
    verdict: "proved",
    warnings: ["metadata_reach", "write_bypass"],
  },
])("judgeReport() of $name is $verdict", ({ answers, verdict, warnings = [] }) => {
  const outcome = judgeReport(report(...answers));
  assert.equal(outcome.verdict, verdict);
  assert.deepEqual(outcome.warnings, warnings);
  assert.equal(outcome.refusal === null, verdict === "proved");
});

Deno.test("judgeReport() shows the request, and no value of its query", () => {
  const { refusal } = judgeReport(report(answer("claim:a", REFUTED)));
  assert.equal(
    refusal,
    `claim:a is refuted: DELETE passes; \
request: DELETE api.example.com:443/admin?token=*** by /usr/bin/curl; \
try: curl -sS -X DELETE --path-as-is -g 'https://api.example.com/admin?token=***'`,
  );
});

Deno.test("policyProofs() asks nothing where there is nothing to ask", async () => {
  const prove = policyProofs({
    documents: () => Promise.resolve({}),
    prove: () => Promise.reject(new TypeError("asked")),
  });
  assert.deepEqual(await prove("version: 1\n"), NOT_ASKED);
});

Deno.test("policyProofs() says what it was proved against", async () => {
  const hashes = await Promise.all(["a", "b"].map(async (claims) => {
    const prove = policyProofs({
      documents: () => Promise.resolve({ claims }),
      prove: () => Promise.resolve(report(answer("claim:a"))),
    });
    const { documents, verdict } = await prove("version: 1\n");
    assert.equal(verdict, "proved");
    return documents;
  }));
  assert.match(hashes[0]!, /^sha256:[0-9a-f]{64}$/);
  assert.notEqual(hashes[0], hashes[1]);
});

Deno.test.each([
  { error: new ProofThreadError("its thread broke down"), says: /broke down/ },
  { error: new ProofQueueError(), says: /others wait/ },
  { error: new ProofFolderError("/p", "cannot be read"), says: /cannot be read/ },
  { error: new TypeError("secret"), says: /^The prover failed$/ },
])("policyProofs() knows nothing after $error", async ({ error, says }) => {
  const failing = () => Promise.reject(error);
  for (const documents of [failing, () => Promise.resolve({ claims: "" })]) {
    const outcome = await policyProofs({ documents, prove: failing })("version: 1\n");
    assert.equal(outcome.verdict, "unknown");
    assert.match(outcome.refusal!, says);
  }
});
