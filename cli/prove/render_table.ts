/**
 * A proof for people: one row for each question, then each refutation in full.
 *
 * @module
 */

import { formatTable } from "../output.ts";
import { printableLine } from "../printable.ts";
import type { Style } from "../style.ts";
import { describeEngines, type JudgedAnswer, type JudgedFinding, type Judgement } from "./judge.ts";
import { activeFirst, placeOf, replayLine, requestLine, statusWord, verdictLine } from "./words.ts";

/** Characters of a witness in the table; the whole of it is below. */
const WITNESS_CHARACTERS_MAX = 60;

/** Findings of one question in full. Further ones are counted. */
const FINDINGS_SHOWN_MAX = 20;

/** Returns the text, with a final line feed. */
export function renderTable(judgement: Judgement, style: Style): string {
  const { answers, report, notices } = judgement;
  const details = answers.filter(({ status }) => status !== "proved" && status !== "not_asked")
    .map((answer) => renderAnswer(answer, style));
  const warnings = notices.map(({ message, risk }) =>
    `${style.yellow("warning:")} ${line(`${judgement.risksFile}:${risk.line}: ${message}`)}\n`
  );
  return [
    formatTable({
      headings: ["LEVEL", "QUESTION", "ANSWER", "PLACE", "WITNESS"],
      rows: answers.map(rowOf),
    }, style),
    ...details.map((text) => `\n${text}`),
    warnings.length === 0 ? "" : `\n${warnings.join("")}`,
    `\n${line(describeEngines(report))}\n`,
    `${style.bold(line(verdictLine(judgement)))}\n`,
  ].join("");
}

/** Returns one answer with all that was found. */
export function renderAnswer(answer: JudgedAnswer, style: Style): string {
  const { level, question, status, reason, title, meaning, remediation, findingsHidden } = answer;
  const paint = status === "accepted" || level === "note"
    ? style.cyan
    : level === "error"
    ? style.red
    : style.yellow;
  const lines = [
    `${paint(`${level}: ${statusWord(status)}:`)} ${style.bold(line(question))}: ${line(title)}`,
  ];
  if (reason !== null) lines.push(`  no answer: ${line(reason)}`);
  else lines.push(`  ${line(meaning)}`);
  const findings = activeFirst(answer);
  for (const finding of findings.slice(0, FINDINGS_SHOWN_MAX)) {
    lines.push(...renderFinding(finding, style));
  }
  const more = Math.max(0, findings.length - FINDINGS_SHOWN_MAX) + findingsHidden;
  if (more > 0) lines.push(`  and ${more} more; -o json has them`);
  if (reason === null) lines.push(`  ${style.green("fix:")} ${line(remediation)}`);
  return lines.map((text) => `${text}\n`).join("");
}

function renderFinding(finding: JudgedFinding, style: Style): readonly string[] {
  const { message, witness, curl, foretold, accepted } = finding;
  const lines = [`  ${style.bold(line(placeOf(finding)))}: ${line(message)}`];
  if (witness !== null) lines.push(`    request: ${line(requestLine(witness))}`);
  if (curl !== null) lines.push(`    try it:  ${line(curl)}`);
  if (witness !== null && foretold.length > 0) {
    lines.push(`    replay:  ${line(replayLine(foretold))}`);
  }
  if (accepted !== null) {
    lines.push(`    accepted until ${accepted.expires}: ${line(accepted.reason)}`);
  }
  return lines;
}

function rowOf(answer: JudgedAnswer): readonly string[] {
  const { level, question, status, reason, findings, findingsHidden } = answer;
  const [first] = activeFirst(answer);
  const count = findings.length + findingsHidden;
  const place = first === undefined
    ? "-"
    : [first.rule, first.range === null ? null : `line ${first.range.line}`]
      .filter((part) => part !== null).join(", ") || "-";
  const witness = first?.witness ?? null;
  const shown = witness === null ? reason ?? first?.message ?? "-" : requestLine(witness);
  return [
    level,
    question,
    count > 1 ? `${statusWord(status)} (${count})` : statusWord(status),
    place,
    shorten(shown),
  ];
}

function shorten(text: string): string {
  const characters = [...text];
  return characters.length <= WITNESS_CHARACTERS_MAX
    ? text
    : `${characters.slice(0, WITNESS_CHARACTERS_MAX - 1).join("")}…`;
}

function line(text: string): string {
  return printableLine(text);
}
