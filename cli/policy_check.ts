/**
 * `openshell policy check`.
 *
 * @module
 */

import type { Diagnostic } from "../policy-wasm/diagnostic.ts";
import type { Invocation } from "./command.ts";
import { EXIT_BAD_INPUT, EXIT_OK } from "./exit.ts";
import { FileError } from "./files.ts";
import { annotation } from "./github_annotation.ts";
import { outputFormat, printResult } from "./output.ts";
import { printableLine } from "./printable.ts";
import { errorsOf, readPolicyFile, renderAll } from "./policy_input.ts";

/** What is known of one file. This shape is what `-o json` prints. */
interface FileReport {
  readonly file: string;
  readonly ok: boolean;
  /** Hash of the compiled policy, `null` for an invalid one. */
  readonly generation: string | null;
  readonly rules: number;
  readonly endpoints: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** Checks policy files and prints what is wrong with each. */
export async function check(invocation: Invocation): Promise<number> {
  const { stderr, stdout } = invocation.context;
  const isForPeople = outputFormat(invocation) === "table";
  const reports: FileReport[] = [];
  const unreadable: FileError[] = [];
  for (const file of invocation.arguments("FILE")) {
    try {
      const { report, text } = await checkFile(invocation, file);
      reports.push(report);
      if (isForPeople) stderr.write(text);
    } catch (error) {
      // The other files are checked all the same; the first of these decides the exit code.
      if (!(error instanceof FileError)) throw error;
      unreadable.push(error);
    }
  }
  const annotations = reports.flatMap(annotate);
  if (invocation.switch("annotate")) (isForPeople ? stdout : stderr).write(annotations.join(""));
  const ok = unreadable.length === 0 && reports.every((report) => report.ok);
  await printResult(invocation, {
    value: { ok, files: reports },
    text: () => reports.map(summarise).join(""),
  });
  for (const error of unreadable.slice(1)) stderr.write(`error: ${printableLine(error.message)}\n`);
  const [first] = unreadable;
  if (first !== undefined) throw first;
  return ok ? EXIT_OK : EXIT_BAD_INPUT;
}

async function checkFile(
  invocation: Invocation,
  file: string,
): Promise<{ report: FileReport; text: string }> {
  const checked = await readPolicyFile(invocation, file);
  const { diagnostics } = checked;
  const rules = checked.policy?.rules ?? [];
  const report = {
    file,
    ok: checked.image !== null,
    generation: checked.image?.generation ?? null,
    rules: rules.length,
    endpoints: rules.reduce((sum, rule) => sum + rule.endpoints.length, 0),
    diagnostics,
  };
  const text = diagnostics.length === 0 ? "" : `${renderAll(invocation, file, checked)}\n`;
  return { report, text };
}

function summarise(
  { file: name, ok, rules, endpoints, generation, diagnostics }: FileReport,
): string {
  const file = printableLine(name);
  const errors = errorsOf(diagnostics).length;
  const warnings = count(diagnostics.length - errors, "warning");
  if (!ok) return `${file}: invalid, ${count(errors, "error")}, ${warnings}\n`;
  const size = `${count(rules, "rule")}, ${count(endpoints, "endpoint")}`;
  return `${file}: ok, ${size}, ${warnings}, ${generation}\n`;
}

function annotate({ file, diagnostics }: FileReport): string[] {
  return diagnostics.map((d) => {
    const place = { file, line: d.line, endLine: d.endLine, col: d.column, title: d.code };
    const text = d.fix === null ? d.message : `${d.message}. Fix: ${d.fix}`;
    return annotation(d.severity, place, text);
  });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
