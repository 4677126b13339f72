/**
 * A proof as JUnit XML: one test case for each question.
 *
 * @module
 */

import { describeEngines, type JudgedAnswer, type Judgement } from "./judge.ts";
import { renderAnswer } from "./render_table.ts";
import { PLAIN } from "../style.ts";
import { printableText } from "../printable.ts";

/** Returns the document, with a final line feed. */
export function renderJunit(judgement: Judgement): string {
  const { answers, file, report, notices, verdict } = judgement;
  const counts = [
    `tests="${answers.length}"`,
    `failures="${answers.filter(isFailure).length}"`,
    `errors="${answers.filter(isError).length}"`,
    `skipped="${answers.filter(({ status }) => status === "not_asked").length}"`,
  ].join(" ");
  const properties = Object.entries({
    engine: report.engine,
    solver: report.solver ?? "none",
    fast: String(report.engine === "exact"),
    verdict,
  }).map(([name, value]) => `      <property name="${name}" value="${escape(value)}"/>`);
  const told = [describeEngines(report), ...notices.map(({ message }) => message)];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="openshell policy prove" ${counts}>`,
    `  <testsuite name="${escape(file)}" ${counts}>`,
    "    <properties>",
    ...properties,
    "    </properties>",
    ...answers.map(caseOf),
    `    <system-out>${escape(told.join("\n"))}</system-out>`,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function isFailure({ decides, status }: JudgedAnswer): boolean {
  return decides && status === "refuted";
}

function isError({ decides, status }: JudgedAnswer): boolean {
  return decides && status === "unknown";
}

function caseOf(answer: JudgedAnswer): string {
  const { question, level, status, reason, findings } = answer;
  const open = `    <testcase classname="${level}" name="${escape(question)}"`;
  if (status === "proved") return `${open}/>`;
  if (status === "not_asked") {
    return `${open}><skipped message="${escape(reason ?? "")}"/></testcase>`;
  }
  const text = escape(renderAnswer(answer, PLAIN));
  const message = escape(reason ?? findings[0]?.message ?? "");
  if (isFailure(answer)) {
    return `${open}><failure type="refuted" message="${message}">${text}</failure></testcase>`;
  }
  if (isError(answer)) {
    return `${open}><error type="unknown" message="${message}">${text}</error></testcase>`;
  }
  return `${open}><system-out>${text}</system-out></testcase>`;
}

/** XML has no way to write most control characters, so none is left. */
function escape(text: string): string {
  return printableText(text)
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&apos;")
    .replaceAll(/[\ufffe\uffff]/g, "\ufffd");
}
