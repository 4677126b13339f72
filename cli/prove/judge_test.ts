/**
 * Tests of what a report comes to.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ProofReport } from "../../prover/report.ts";
import { judgementOf, NOW, riskOf } from "./fixtures.ts";
import { describeEngines, judge, type JudgeOptions } from "./judge.ts";

const DELETION = "match: { rule: api, method: DELETE }, reason: Planned, expires: 2027-01-31 }";

Deno.test.each<
  { name: string; change: Partial<JudgeOptions>; code: number; status: string; notices: string[] }
>([
  { name: "counts an error", change: {}, code: 1, status: "refuted", notices: [] },
  {
    name: "shows an accepted finding, which does not count",
    change: { risks: [riskOf(`{ question: within_ceiling, ${DELETION}`)] },
    code: 0,
    status: "accepted",
    notices: [],
  },
  {
    name: "counts a finding again when its risk has expired",
    change: {
      risks: [{ ...riskOf(`{ question: within_ceiling, ${DELETION}`), isExpired: true }],
    },
    code: 1,
    status: "refuted",
    notices: ["expired"],
  },
  {
    name: "takes the risk that has not expired of two",
    change: {
      risks: [
        { ...riskOf(`{ question: within_ceiling, ${DELETION}`), isExpired: true },
        riskOf(`{ question: within_ceiling, ${DELETION}`),
      ],
    },
    code: 0,
    status: "accepted",
    notices: ["expired"],
  },
  ...[
    "rule: other",
    "rule: api, host: other.example.com",
    "rule: api, port: 80",
    "rule: api, binary: /usr/bin/wget",
    "rule: api, method: PUT",
    "rule: api, path: /v2",
    "rule: api, endpoint: 7",
  ].map((match) => ({
    name: `warns of a risk that matches nothing (${match})`,
    change: {
      risks: [
        riskOf(`{ question: within_ceiling, match: { ${match} }, reason: R, expires: 2027-01-31 }`),
      ],
    },
    code: 1,
    status: "refuted",
    notices: ["unused"],
  })),
  {
    name: "does not take a risk about another question",
    change: { risks: [riskOf(`{ question: above_floor, ${DELETION}`)] },
    code: 1,
    status: "refuted",
    notices: ["unused"],
  },
  {
    name: "takes another level",
    change: { levels: { within_ceiling: "note" } },
    code: 0,
    status: "refuted",
    notices: [],
  },
  {
    name: "counts warnings when it is strict",
    change: { levels: { within_ceiling: "note" }, isStrict: true },
    code: 1,
    status: "refuted",
    notices: [],
  },
  {
    name: "counts no note when it is strict",
    change: {
      levels: { within_ceiling: "note", shadowed_rules: "note", redundant_rules: "note" },
      isStrict: true,
    },
    code: 0,
    status: "refuted",
    notices: [],
  },
])("judge() $name", async ({ change, code, status, notices }) => {
  const judgement = await judgementOf(change);
  assert.equal(judgement.exitCode, code);
  const answer = judgement.answers.find(({ question }) => question === "within_ceiling");
  assert.equal(answer?.status, status);
  assert.deepEqual(judgement.notices.map(({ kind }) => kind), notices);
});

Deno.test("judge() leaves out a question that is off", async () => {
  const { answers, exitCode } = await judgementOf({ levels: { within_ceiling: "off" } });
  assert.equal(answers.find(({ question }) => question === "within_ceiling"), undefined);
  assert.equal(exitCode, 0);
});

Deno.test.each([
  { name: "an error without an answer is no success", want: 3, status: "unknown" as const },
  { name: "a refutation comes before it", want: 1, status: "refuted" as const },
])("judge(): $name", async ({ want, status }) => {
  const { report } = await judgementOf();
  const answers = report.answers.map((answer) => ({
    ...answer,
    status: answer.question === "within_ceiling"
      ? status
      : answer.question === "write_bypass"
      ? "unknown" as const
      : answer.status,
  }));
  const options = { files: { policy: "p" }, levels: {}, risksFile: null, isStrict: false };
  assert.equal(judge({ ...report, answers }, { ...options, risks: [] }).exitCode, want);
});

Deno.test("judge() does not accept findings that are beyond the cap", async () => {
  const { report } = await judgementOf();
  const answers = report.answers.map((answer) => ({
    ...answer,
    findingsHidden: answer.question === "within_ceiling" ? 1 : 0,
  }));
  const risks = [riskOf(`{ question: within_ceiling, ${DELETION}`)];
  const options = { files: { policy: "p" }, levels: {}, risksFile: null, isStrict: false };
  assert.equal(judge({ ...report, answers }, { ...options, risks }).exitCode, 1);
});

Deno.test("judge() gives the same fingerprint again, and another for another finding", async () => {
  const of = async () =>
    (await judgementOf()).answers.flatMap(({ findings }) => findings.map((one) => one.fingerprint));
  const fingerprints = await of();
  assert.deepEqual(fingerprints, await of());
  assert.equal(new Set(fingerprints).size, fingerprints.length);
});

Deno.test("describeEngines() names the engines and how much is confirmed", async () => {
  const { report } = await judgementOf();
  assert.match(describeEngines(report), /exact engine alone \(--fast\)/);
  const both: ProofReport = {
    ...report,
    engine: "both",
    solver: "z3 5.1.0.0",
    answers: report.answers.slice(0, 2).map((answer, index) => ({
      ...answer,
      isConfirmed: index === 0,
    })),
  };
  assert.match(describeEngines(both), /z3 5\.1\.0\.0 has confirmed 1 of 2 answers/);
});

Deno.test("the clock of the fixtures is before the risks end", () => {
  assert.ok(NOW < Date.UTC(2027, 0, 31));
});
