/**
 * `openshell policy diff --semantic`: what a change opens and what it closes.
 *
 * @module
 */

import { curlLine } from "../../prover/curl_line.ts";
import type { ProofReport } from "../../prover/report.ts";
import type { Invocation } from "../command.ts";
import { EXIT_FAILED, EXIT_OK, EXIT_UNKNOWN } from "../exit.ts";
import { formatTable, printResult } from "../output.ts";
import { readPolicy } from "../policy_input.ts";
import { printableLine } from "../printable.ts";
import type { Style } from "../style.ts";
import { describeEngines } from "./judge.ts";
import { runProof, withProofCodes } from "./run.ts";
import { requestLine } from "./words.ts";

/** Prints the requests that two policies treat differently, as one row for each rule. */
export async function semanticDiff(invocation: Invocation): Promise<number> {
  return await withProofCodes(invocation, async () => {
    const baseline = await readPolicy(invocation, invocation.argument("OLD"));
    const policy = await readPolicy(invocation, invocation.argument("NEW"));
    const report = await runProof(invocation, { policy, baseline });
    const { status, reason } = outcomeOf(report);
    const { changes, engine, solver } = report;
    await printResult(invocation, {
      value: {
        verdict: VERDICTS[status],
        exitCode: EXIT_CODES[status],
        reason,
        before: baseline.image.generation,
        after: policy.image.generation,
        fast: engine === "exact",
        engine,
        solver,
        changes: changes.map((row) => ({ ...row, curl: curlLine(row.witness) })),
      },
      text: (style) => renderDiff(report, style),
    });
    return EXIT_CODES[status];
  });
}

type Outcome = "proved" | "refuted" | "unknown";

const VERDICTS = { proved: "same", refuted: "different", unknown: "unknown" } as const;

const EXIT_CODES = { proved: EXIT_OK, refuted: EXIT_FAILED, unknown: EXIT_UNKNOWN } as const;

/** A comparison that was not made is none that came out well. */
function outcomeOf({ answers }: ProofReport): {
  readonly status: Outcome;
  readonly reason: string | null;
} {
  const answer = answers.find(({ question }) => question === "same_as_baseline");
  if (answer === undefined || answer.status === "not_asked") {
    return { status: "unknown", reason: "It was not asked" };
  }
  return { status: answer.status, reason: answer.reason };
}

/** Returns the text for a person, with a final line feed. */
export function renderDiff(report: ProofReport, style: Style): string {
  const { status, reason } = outcomeOf(report);
  const rows = report.changes.map((row) => [
    row.kind,
    `${row.host}:${row.port}`,
    row.binary,
    row.methods.join(" "),
    row.path,
    row.rule ?? "-",
    curlLine(row.witness) ?? requestLine(row.witness),
  ]);
  const headings = ["CHANGE", "HOST", "BINARY", "METHODS", "PATH", "RULE", "WITNESS"];
  const said = {
    proved: "Exactly the same requests pass both policies",
    refuted: `${rows.length} differences`,
    unknown: `No answer: ${reason}`,
  }[status];
  return [
    rows.length === 0 ? "" : `${formatTable({ headings, rows }, style)}\n`,
    `${printableLine(describeEngines(report))}\n`,
    `${style.bold(printableLine(said))}\n`,
  ].join("");
}
