/**
 * The lines of a message's head, and what they say about where its body ends.
 *
 * Strict where RFC 9112 lets a reader choose, because the one who judges and the one who answers
 * might choose differently: whatever has a second reading is refused, for requests and responses
 * alike.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { HTTP_HEADERS_MAX } from "../../../../proto/egress_limits.ts";

/** A header as it was sent: its name in its case, its value without the space around it. */
export type HeaderField = readonly [name: string, value: string];

/** Where a body ends. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" };

/** What is wrong with the lines of a head. */
export type FieldProblem =
  | "not_utf8"
  | "malformed_head"
  | "leading_blank_line"
  | "bare_line_feed"
  | "bare_carriage_return"
  | "folded_header"
  | "header_without_colon"
  | "space_before_colon"
  | "invalid_header_name"
  | "ambiguous_header_name"
  | "invalid_header_value"
  | "too_many_headers"
  | "invalid_connection"
  | "connection_names_framing"
  | "length_and_transfer_encoding"
  | "repeated_content_length"
  | "invalid_content_length"
  | "repeated_transfer_encoding"
  | "unsupported_transfer_encoding"
  | "transfer_encoding_on_http10";

export type Step<Value, Problem = FieldProblem> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: Problem };

/** The start line, and the headers in order. */
export interface HeadLines {
  readonly startLine: string;
  readonly fields: readonly HeaderField[];
}

/** What the headers say about the connection and the body. */
export interface FieldFacts {
  readonly framing: Framing;
  /** True where Content-Length or Transfer-Encoding is there. */
  readonly isFramed: boolean;
  /** Lower-case names that `Connection` lists. */
  readonly connectionTokens: ReadonlySet<string>;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Tab, and all characters but controls (C0, DEL, C1). What is not UTF-8 never gets here. */
const FIELD_VALUE = /^[\t\x20-\x7e\xa0-\uffff]*$/;

/** No leading zeros, which some readers take for octal, and no sign. */
const CONTENT_LENGTH = /^(?:0|[1-9][0-9]{0,15})$/;

/** Headers that decide where a message ends or goes. Gateways to CGI read `_` as `-`. */
const DECISIVE: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "transfer-encoding",
]);

/** Keeps a byte order mark, so that it is refused where it stands. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

export function isFieldValue(text: string): boolean {
  return FIELD_VALUE.test(text);
}

/** Reads a head from its first byte to the end of its empty line. */
export function readHeadLines(bytes: Uint8Array): Step<HeadLines> {
  const text = decodeUtf8(bytes);
  if (text === null) return fail("not_utf8");
  if (!text.endsWith("\r\n\r\n")) {
    return fail(/(?:^|[^\r])\n/.test(text) ? "bare_line_feed" : "malformed_head");
  }
  if (text.startsWith("\r\n")) return fail("leading_blank_line");
  const lines = text.slice(0, -4).split("\r\n");
  if (lines.length > HTTP_HEADERS_MAX + 1) return fail("too_many_headers");
  const fields: HeaderField[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.includes("\n")) return fail("bare_line_feed");
    if (line.includes("\r")) return fail("bare_carriage_return");
    if (index === 0) continue;
    const field = readField(line);
    if (!field.ok) return field;
    fields.push(field.value);
  }
  return { ok: true, value: { startLine: lines[0] ?? "", fields } };
}

/** Reads one header line, without its CRLF. */
export function readField(line: string): Step<HeaderField> {
  if (line === "") return fail("malformed_head");
  const first = line.charCodeAt(0);
  if (first === 0x20 || first === 0x09) return fail("folded_header");
  const colon = line.indexOf(":");
  if (colon < 0) return fail("header_without_colon");
  const name = line.slice(0, colon);
  if (/[ \t]$/.test(name)) return fail("space_before_colon");
  if (!isToken(name)) return fail("invalid_header_name");
  if (name.includes("_") && DECISIVE.has(name.toLowerCase().replaceAll("_", "-"))) {
    return fail("ambiguous_header_name");
  }
  // Some readers take a tab beside `chunked` or a length for a part of it, others for space.
  if (line.includes("\t") && isDecisive(name)) return fail("invalid_header_value");
  const value = trimSpace(line, colon + 1);
  return isFieldValue(value) ? { ok: true, value: [name, value] } : fail("invalid_header_value");
}

/** Returns whether a header decides where a message ends or goes; no trailer may. */
export function isDecisive(name: string): boolean {
  return DECISIVE.has(name.toLowerCase());
}

/** Returns the values of all headers of a name, which is given in lower case. */
export function valuesOf(fields: readonly HeaderField[], name: string): readonly string[] {
  return fields.flatMap(([key, value]) =>
    key.length === name.length && key.toLowerCase() === name ? [value] : []
  );
}

/** Reads what the headers say about the connection and the body. */
export function readFieldFacts(
  fields: readonly HeaderField[],
  version: "1.0" | "1.1",
): Step<FieldFacts> {
  const connectionTokens = new Set<string>();
  for (const value of valuesOf(fields, "connection")) {
    for (const part of value.split(",")) {
      const token = trimSpace(part, 0).toLowerCase();
      if (token === "") continue;
      if (!isToken(token)) return fail("invalid_connection");
      if (token !== "connection" && DECISIVE.has(token)) return fail("connection_names_framing");
      connectionTokens.add(token);
    }
  }
  const framing = readFraming(fields, version);
  if (!framing.ok) return framing;
  const isFramed = framing.value.kind !== "none";
  return { ok: true, value: { framing: framing.value, isFramed, connectionTokens } };
}

function readFraming(fields: readonly HeaderField[], version: "1.0" | "1.1"): Step<Framing> {
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (codings.length > 0 && lengths.length > 0) return fail("length_and_transfer_encoding");
  if (codings.length > 1) return fail("repeated_transfer_encoding");
  if (codings.length === 1) {
    if (version === "1.0") return fail("transfer_encoding_on_http10");
    if (codings[0] !== "chunked") return fail("unsupported_transfer_encoding");
    return { ok: true, value: { kind: "chunked" } };
  }
  const [length] = lengths;
  if (length === undefined) return { ok: true, value: { kind: "none" } };
  if (lengths.length > 1) return fail("repeated_content_length");
  if (!CONTENT_LENGTH.test(length)) return fail("invalid_content_length");
  const bytes = Number(length);
  if (!Number.isSafeInteger(bytes)) return fail("invalid_content_length");
  return { ok: true, value: { kind: "length", bytes } };
}

/** Cuts off spaces and tabs, and nothing else that `trim` would take for space. */
function trimSpace(text: string, from: number): string {
  let start = from;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function fail(problem: FieldProblem): { readonly ok: false; readonly problem: FieldProblem } {
  return { ok: false, problem };
}
