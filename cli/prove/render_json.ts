/**
 * A proof as JSON, for programs. The shape is described in `architecture/prover.md` and is stable:
 * keys are added, never renamed.
 *
 * @module
 */

import { printableJson } from "../printable.ts";
import type { JudgedAnswer, JudgedFinding, Judgement } from "./judge.ts";

/** Version of the shape. */
const SCHEMA = 1;

/** Returns the text, with a final line feed. */
export function renderJson(judgement: Judgement): string {
  return printableJson(JSON.stringify(jsonOf(judgement), null, 2)) + "\n";
}

/** Returns the value that is printed. */
export function jsonOf({ file, report, answers, notices, ...rest }: Judgement) {
  const { engine, solver, combinations, changes } = report;
  return {
    schema: SCHEMA,
    policy: file,
    verdict: rest.verdict,
    exitCode: rest.exitCode,
    strict: rest.isStrict,
    /** One engine alone has answered, and no other has confirmed it. */
    fast: engine === "exact",
    engine,
    solver,
    combinations,
    answers: answers.map(answerOf),
    changes,
    risks: notices.map(({ kind, message, risk }) => ({
      kind,
      message,
      file: rest.risksFile,
      line: risk.line,
      question: risk.question,
      expires: risk.expires,
    })),
  };
}

function answerOf(answer: JudgedAnswer) {
  const { question, level, status, decides, isConfirmed, title, meaning, remediation } = answer;
  return {
    question,
    level,
    status,
    decides,
    confirmed: isConfirmed,
    title,
    meaning,
    remediation,
    reason: answer.reason,
    findings: answer.findings.map(findingOf),
    findingsHidden: answer.findingsHidden,
  };
}

function findingOf(finding: JudgedFinding) {
  const { message, role, file, rule, endpoint, requestRule, path, range, witness } = finding;
  return {
    message,
    role,
    file,
    rule,
    endpoint,
    requestRule,
    path,
    line: range?.line ?? null,
    column: range?.column ?? null,
    endLine: range?.endLine ?? null,
    endColumn: range?.endColumn ?? null,
    witness,
    curl: finding.curl,
    replay: finding.foretold,
    accepted: finding.accepted,
    fingerprint: finding.fingerprint,
  };
}
