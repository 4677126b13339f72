/**
 * The text of a policy document with an index of its lines.
 *
 * Offsets count UTF-16 units from the start of the text, as in JavaScript strings. Lines and
 * columns, as in diagnostics, count from 1, and columns count characters.
 *
 * @module
 */

import type { Range } from "../diagnostic.ts";

/** A document as text. A byte order mark at its start is not part of it. */
export interface Source {
  readonly text: string;
  /** Offset of the first character of each line, ascending; the first is 0. */
  readonly lineStarts: readonly number[];
}

/** A stretch of the text, `end` not included. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A character that no policy may hold, with the reason. */
export interface TextFault {
  readonly code: "not_utf8" | "control_character";
  readonly span: Span;
  readonly message: string;
}

/** Returns the text with its line index. Lines end in LF or CRLF. */
export function sourceOf(text: string): Source {
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    lineStarts.push(at + 1);
  }
  return { text, lineStarts };
}

/**
 * Decodes UTF-8 without throwing. Where the bytes are not UTF-8, the text holds replacement
 * characters and `fault` names the first bad byte.
 */
export function decodeSource(input: Uint8Array | string): {
  readonly source: Source;
  readonly fault: TextFault | null;
} {
  if (typeof input === "string") {
    const text = input.startsWith("\ufeff") ? input.slice(1) : input;
    const bad = /\p{Surrogate}/u.exec(text)?.index ?? -1;
    return { source: sourceOf(text), fault: bad < 0 ? null : surrogateFault(bad) };
  }
  const source = sourceOf(new TextDecoder().decode(input));
  const bad = findBadByte(input);
  if (bad < 0) return { source, fault: null };
  const start = new TextDecoder().decode(input.subarray(0, bad)).length;
  const message = `Byte ${bad} of the document (0x${hex(input[bad]!, 2)}) is not valid UTF-8`;
  return { source, fault: { code: "not_utf8", span: { start, end: start + 1 }, message } };
}

/** Returns the characters that would make the text mean different things to different readers. */
export function findForbiddenCharacters(text: string): TextFault[] {
  const faults: TextFault[] = [];
  for (const match of text.matchAll(FORBIDDEN)) {
    if (faults.length === FORBIDDEN_COUNT_MAX) break;
    const span = { start: match.index, end: match.index + match[0].length };
    faults.push({
      code: "control_character",
      span,
      message: `Character ${nameOf(match[0])} is not allowed in a policy`,
    });
  }
  return faults;
}

/** Returns the first character of a value that no text of a policy may hold, or `null`. */
export function findForbiddenInValue(value: string): string | null {
  const found = FORBIDDEN_IN_VALUE.exec(value);
  return found === null ? null : nameOf(found[0]);
}

/** Returns lines and columns of a span. */
export function rangeOf(source: Source, span: Span): Range {
  const first = position(source, span.start);
  const last = span.end > span.start ? position(source, span.end) : first;
  return {
    line: first.line,
    column: first.column,
    endLine: last.line,
    endColumn: last.column,
  };
}

/** Returns a line, counted from 1, without its line break. */
export function lineText(source: Source, line: number): string {
  const start = source.lineStarts[line - 1];
  if (start === undefined) return "";
  const end = source.lineStarts[line] ?? source.text.length + 1;
  const text = source.text.slice(start, end - 1);
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}

/** Quotes text for a message: escaped where invisible, cut where long. */
export function quote(text: string): string {
  const shown = text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, QUOTED_LENGTH_MAX)}…` : text;
  return escapeInvisible(JSON.stringify(shown.toWellFormed()));
}

/** Writes what a terminal would act upon or hide as `\u` escapes. */
export function escapeInvisible(text: string): string {
  return text.replace(INVISIBLE, (c) => {
    return [...Array(c.length).keys()].map((i) => `\\u${hex(c.charCodeAt(i), 4)}`).join("");
  });
}

const QUOTED_LENGTH_MAX = 60;

/** Forbidden characters that are reported; a binary file has more than anybody reads. */
const FORBIDDEN_COUNT_MAX = 1000;

/**
 * Control characters; line breaks of YAML 1.1 that YAML 1.2 takes as text; characters that change
 * the order in which an editor shows the text; a second byte order mark; noncharacters.
 */
const FORBIDDEN =
  // deno-lint-ignore no-control-regex -- these are the characters to find
  /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)/gu;

/** The same in a value, where escapes may have made them, tabs and line breaks included. */
const FORBIDDEN_IN_VALUE =
  // deno-lint-ignore no-control-regex -- these are the characters to find
  /[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\p{Surrogate}/u;

/** Control, format, unassigned and separator characters other than the space. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

function position(source: Source, offset: number): { line: number; column: number } {
  let low = 0;
  let high = source.lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (source.lineStarts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return {
    line: low + 1,
    column: countCharacters(source.text, source.lineStarts[low]!, offset) + 1,
  };
}

function countCharacters(text: string, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    const pair = code >= 0xd800 && code < 0xdc00 && i + 1 < end && isLowSurrogate(text, i + 1);
    if (pair) i++;
    count++;
  }
  return count;
}

function isLowSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code < 0xe000;
}

function surrogateFault(start: number): TextFault {
  const message = "Text holds half of a surrogate pair, which is not valid Unicode";
  return { code: "not_utf8", span: { start, end: start + 1 }, message };
}

/** Returns the index of the first byte that is not part of a UTF-8 sequence, or -1. */
function findBadByte(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i]!;
    if (lead < 0x80) {
      i++;
      continue;
    }
    const length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >> 4 === 0xe ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4) return i;
    // The second byte excludes overlong forms, surrogates and what is beyond U+10FFFF.
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    for (let k = 1; k < length; k++) {
      const byte = bytes[i + k];
      const inside = byte !== undefined && byte >= (k === 1 ? low : 0x80) &&
        byte <= (k === 1 ? high : 0xbf);
      if (!inside) return i;
    }
    i += length;
  }
  return -1;
}

function nameOf(character: string): string {
  return `U+${hex(character.codePointAt(0)!, 4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
