/**
 * `openshell policy check`.
 *
 * @module
 */

import type { Diagnostic } from "../policy-wasm/diagnostic.ts";
import type { Invocation } from "./command.ts";
import { EXIT_BAD_INPUT, EXIT_OK } from "./exit.ts";
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
  for (const file of invocation.arguments("FILE")) {
    const checked = await readPolicyFile(invocation, file);
    const rules = checked.policy?.rules ?? [];
    reports.push({
      file,
      ok: checked.image !== null,
      generation: checked.image?.generation ?? null,
      rules: rules.length,
      endpoints: rules.reduce((sum, rule) => sum + rule.endpoints.length, 0),
      diagnostics: checked.diagnostics,
    });
    if (isForPeople && checked.diagnostics.length > 0) {
      stderr.write(`${renderAll(invocation, file, checked)}\n`);
    }
  }
  const annotations = reports.flatMap(annotate);
  if (invocation.switch("annotate")) (isForPeople ? stdout : stderr).write(annotations.join(""));
  const ok = reports.every((report) => report.ok);
  await printResult(invocation, {
    value: { ok, files: reports },
    text: () => reports.map(summarise).join(""),
  });
  return ok ? EXIT_OK : EXIT_BAD_INPUT;
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

/** Workflow commands of GitHub Actions: values are percent-encoded as its toolkit does. */
function annotate({ file, diagnostics }: FileReport): string[] {
  return diagnostics.map((d) => {
    const properties = [
      ["file", file],
      ["line", d.line],
      ["endLine", d.endLine],
      ["col", d.column],
      ["title", d.code],
    ].map(([name, value]) => `${name}=${escapeProperty(String(value))}`);
    const text = d.fix === null ? d.message : `${d.message}. Fix: ${d.fix}`;
    return `::${d.severity} ${properties.join(",")}::${escapeData(text)}\n`;
  });
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
