/**
 * Prints the result of a command as a table or text for a person, or as JSON or YAML for a program.
 *
 * @module
 */

import type { Invocation } from "./command.ts";
import { OUTPUT_FORMATS, type OutputFormat } from "./flags.ts";
import { printableJson, printableLine } from "./printable.ts";
import { type Style, styleOf } from "./style.ts";

/** A result in both of its forms. */
export interface Result {
  /** What `json` and `yaml` print. Its shape is stable: programs read it. */
  readonly value: unknown;
  /** What `table` prints, with its final line feed. Text from elsewhere goes through `printable`. */
  readonly text: (style: Style) => string;
}

/** Rows of cells under headings. Cells may hold anything: they are escaped when printed. */
export interface Table {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Prints a result to standard output in the format that the person chose. */
export async function printResult(invocation: Invocation, result: Result): Promise<void> {
  const { stdout } = invocation.context;
  stdout.write(
    await formatResult(result, outputFormat(invocation), styleOf(stdout, invocation.context)),
  );
}

/** Returns the format that the person chose with `-o`. The verb has to list `OUTPUT_FLAG`. */
export function outputFormat(invocation: Invocation): OutputFormat {
  const text = invocation.requiredText("output");
  return OUTPUT_FORMATS.find((format) => format === text) ?? "table";
}

/** Returns the text of a result, with a final line feed. */
export async function formatResult(
  result: Result,
  format: OutputFormat,
  style: Style,
): Promise<string> {
  if (format === "table") return result.text(style);
  const json = printableJson(JSON.stringify(result.value, null, 2)) + "\n";
  if (format === "json") return json;
  const { formatYaml } = await import("./format_yaml.ts");
  return formatYaml(JSON.parse(json));
}

/** Returns a table with aligned columns and a final line feed; only headings without rows. */
export function formatTable(table: Table, style: Style): string {
  const rows = table.rows.map((row) => row.map(printableLine));
  const widths = table.headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => characters(row[column] ?? "")))
  );
  const lines = [
    style.bold(formatRow(table.headings, widths)),
    ...rows.map((row) => formatRow(row, widths)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function formatRow(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - characters(cell))))
    .join("  ")
    .trimEnd();
}

function characters(text: string): number {
  return [...text].length;
}
