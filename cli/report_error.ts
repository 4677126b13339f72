/**
 * Tells a person why the program could not do what was asked.
 *
 * @module
 */

import { CodedError } from "../proto/errors.ts";
import { printableLine, printableText } from "./printable.ts";
import type { Style } from "./style.ts";

/** Causes of causes that are shown, so that a cycle ends. */
const CAUSES_MAX = 8;

/** How much to tell, and how. */
export interface ReportOptions {
  /** From 1 on: causes of expected errors, stacks of unexpected ones. */
  readonly verbosity: number;
  readonly style: Style;
}

/** Returns the report of an error that ended the program, with a final line feed. */
export function reportError(error: unknown, { verbosity, style }: ReportOptions): string {
  const coded = error instanceof CodedError;
  const lines = coded
    ? [`${style.red("error:")} ${printableLine(error.message)}`]
    : [`${style.red("error:")} Cannot go on: OpenShell has met an internal error`];
  const hint = coded ? error.hint : internalHint(verbosity);
  if (hint !== undefined) lines.push(`${style.cyan("hint:")} ${printableText(hint)}`);
  if (verbosity > 0) lines.push(...(coded ? causes(error) : [printableText(describe(error))]));
  return lines.map((line) => `${line}\n`).join("");
}

function internalHint(verbosity: number): string {
  return verbosity > 0
    ? "Report this together with the lines below"
    : "Run it again with -v to see where, and report that";
}

function causes(error: Error): readonly string[] {
  const lines: string[] = [];
  let cause: unknown = error.cause;
  while (cause !== undefined && lines.length < CAUSES_MAX) {
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    lines.push(`cause: ${printableText(text)}`);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? String(error) : String(error);
}
