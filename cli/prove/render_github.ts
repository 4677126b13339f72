/**
 * A proof as annotations of a GitHub workflow.
 *
 * @module
 */

import type { Level } from "../../prover/report.ts";
import { annotation, type AnnotationKind } from "../github_annotation.ts";
import { printableText } from "../printable.ts";
import { describeEngines, type JudgedAnswer, type JudgedFinding, type Judgement } from "./judge.ts";
import { replayLine, requestLine, verdictLine } from "./words.ts";

const KINDS: Readonly<Record<Level, AnnotationKind>> = {
  error: "error",
  warning: "warning",
  note: "notice",
};

/** Returns one line for each finding, then the warnings about risks and the outcome. */
export function renderGithub(judgement: Judgement): string {
  const { answers, notices, report, risksFile, verdict } = judgement;
  const outcome = `${verdictLine(judgement)}. ${describeEngines(report)}`;
  return [
    ...answers.flatMap((answer) => answerLines(answer, judgement.file)),
    ...notices.map(({ message, risk }) =>
      annotation("warning", { file: risksFile ?? "", line: risk.line, title: "risks" }, message)
    ),
    annotation(verdict === "proved" ? "notice" : "error", { title: "policy prove" }, outcome),
  ].map((text) => text.replace(/\n$/, "")).map(printableText).map((text) => `${text}\n`).join("");
}

function answerLines(answer: JudgedAnswer, file: string): readonly string[] {
  const { question, level, status, reason, findings, findingsHidden, remediation } = answer;
  if (status === "proved" || status === "not_asked") return [];
  if (status === "unknown") {
    return [annotation(KINDS[level], { file, title: question }, `No answer: ${reason ?? ""}`)];
  }
  const hidden = findingsHidden === 0
    ? []
    : [annotation(KINDS[level], { file, title: question }, `And ${findingsHidden} more`)];
  return [
    ...findings.map((finding) => findingLine(finding, { question, level, remediation })),
    ...hidden,
  ];
}

function findingLine(
  finding: JudgedFinding,
  { question, level, remediation }: Pick<JudgedAnswer, "question" | "level" | "remediation">,
): string {
  const { message, file, range, witness, curl, foretold, accepted } = finding;
  const place = {
    file,
    ...(range === null ? {} : {
      line: range.line,
      // A range up to the start of a line does not hold that line.
      endLine: range.endColumn === 1 ? Math.max(range.line, range.endLine - 1) : range.endLine,
      col: range.column,
    }),
    title: question,
  };
  const text = [
    message,
    ...(witness === null ? [] : [`Request: ${requestLine(witness)}`]),
    ...(curl === null ? [] : [`Try it: ${curl}`]),
    ...(witness === null || foretold.length === 0 ? [] : [`Replay: ${replayLine(foretold)}`]),
    accepted === null
      ? `Fix: ${remediation}`
      : `Accepted until ${accepted.expires}: ${accepted.reason}`,
  ].join("\n");
  return annotation(accepted === null ? KINDS[level] : "notice", place, text);
}
