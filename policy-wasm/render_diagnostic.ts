/**
 * One diagnostic as text for a terminal: where, what, the line with a caret, and the fix.
 *
 * Safe to print: what a terminal would act upon is replaced, so that a policy file cannot move
 * the cursor or change what a reader sees.
 *
 * @module
 */

import type { Diagnostic } from "./diagnostic.ts";
import { escapeInvisible, lineText, type Source } from "./parse/source.ts";

export interface RenderOptions {
  /** Name of the document, as the reader knows it. */
  readonly file: string;
  /** Adds ANSI colors. */
  readonly color?: boolean;
}

/**
 * Returns the lines, each ended by a line break.
 *
 * ```text
 * policy.yaml:3:1: error[unknown_key]: Key "filesystem" does not exist in a policy
 * 3 | filesystem: {}
 *   | ^^^^^^^^^^
 *   fix: filesystem_policy
 * ```
 */
export function renderDiagnostic(
  diagnostic: Diagnostic,
  source: Source,
  options: RenderOptions,
): string {
  const paint = options.color === true ? painted : plain;
  const { severity, code, line, column, fix } = diagnostic;
  const place = `${escapeInvisible(options.file)}:${line}:${column}:`;
  const message = escapeInvisible(diagnostic.message);
  const style = severity === "error" ? RED : YELLOW;
  const lines = [`${paint(BOLD, place)} ${paint(style, `${severity}[${code}]`)}: ${message}`];
  const { text, caretStart, caretLength } = excerpt(diagnostic, lineText(source, line));
  const number = String(line);
  const margin = " ".repeat(number.length);
  if (text.trim() !== "") {
    const carets = " ".repeat(caretStart) + paint(style, "^".repeat(caretLength));
    lines.push(`${paint(DIM, `${number} |`)} ${text}`, `${paint(DIM, `${margin} |`)} ${carets}`);
  }
  if (fix !== null) lines.push(`${margin} ${paint(GREEN, "fix:")} ${escapeInvisible(fix)}`);
  return lines.map((rendered) => `${rendered}\n`).join("");
}

const BOLD = 1;
const DIM = 2;
const RED = 31;
const GREEN = 32;
const YELLOW = 33;

/** Terminal columns of the source line that are shown; longer lines are cut around the caret. */
const LINE_COLUMNS_MAX = 100;

/** Columns that stay before the caret when a line is cut. */
const CONTEXT_COLUMNS = 30;

/** A tab is shown as so many spaces, wherever it stands. */
const TAB_COLUMNS = 4;

interface Cell {
  readonly text: string;
  readonly columns: number;
}

function excerpt(diagnostic: Diagnostic, line: string) {
  const from = diagnostic.column - 1;
  const to = diagnostic.endLine === diagnostic.line ? diagnostic.endColumn - 1 : Infinity;
  const cells = cellsAround(line, from);
  const skipped = cells.skipped;
  const before = width(cells.cells.slice(0, from - skipped));
  const marked = width(cells.cells.slice(from - skipped, to - skipped));
  const whole = width(cells.cells);
  const start = whole <= LINE_COLUMNS_MAX ? 0 : Math.max(0, before - CONTEXT_COLUMNS);
  const { text, columns, cutBefore } = cut(cells.cells, start);
  const startMark = skipped > 0 || start > 0 ? "…" : "";
  const endMark = cells.isCut || start + columns < whole ? "…" : "";
  const caretStart = startMark.length + before - cutBefore;
  const space = startMark.length + columns - caretStart;
  return {
    text: `${startMark}${text}${endMark}`,
    caretStart,
    caretLength: Math.max(1, Math.min(marked, space)),
  };
}

/** Splits a part of the line around the caret, so that a line of megabytes costs nothing. */
function cellsAround(line: string, from: number) {
  const characters = line.length <= 4 * LINE_COLUMNS_MAX ? [...line] : undefined;
  if (characters !== undefined) return { cells: characters.map(cell), skipped: 0, isCut: false };
  const cells: Cell[] = [];
  const skipped = Math.max(0, from - 2 * LINE_COLUMNS_MAX);
  let index = 0;
  for (const character of line) {
    if (index >= skipped + 4 * LINE_COLUMNS_MAX) return { cells, skipped, isCut: true };
    if (index++ >= skipped) cells.push(cell(character));
  }
  return { cells, skipped, isCut: false };
}

/** Takes what fits into the line, from a column on. */
function cut(cells: readonly Cell[], start: number) {
  let cutBefore = 0;
  let columns = 0;
  let text = "";
  for (const { text: character, columns: wide } of cells) {
    if (columns === 0 && cutBefore < start) {
      cutBefore += wide;
    } else {
      if (columns + wide > LINE_COLUMNS_MAX) break;
      columns += wide;
      text += character;
    }
  }
  return { text, columns, cutBefore };
}

function cell(character: string): Cell {
  if (character === "\t") return { text: " ".repeat(TAB_COLUMNS), columns: TAB_COLUMNS };
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(character)) return { text: "\ufffd", columns: 1 };
  if (/\p{M}/u.test(character)) return { text: character, columns: 0 };
  return { text: character, columns: WIDE.test(character) ? 2 : 1 };
}

/** East Asian wide and full-width characters, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

function width(cells: readonly Cell[]): number {
  return cells.reduce((sum, { columns }) => sum + columns, 0);
}

function plain(_style: number, text: string): string {
  return text;
}

function painted(style: number, text: string): string {
  return `\x1b[${style}m${text}\x1b[0m`;
}
