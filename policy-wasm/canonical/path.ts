/**
 * Gives a request target its one path, or refuses it. What is judged is what is forwarded.
 *
 * 1. The origin form is taken; of the absolute form (`http`, `https`) scheme and authority are
 *    cut off. `*` is refused, and an empty path is `/`.
 * 2. Raw bytes beyond ASCII, control bytes (raw or escaped), `#`, and more than `PATH_BYTES_MAX`
 *    bytes before or after are refused.
 * 3. Escapes are decoded once; a broken one is refused. `%2F` is refused, or with
 *    `allowEncodedSlash` stays `%2F`. On output letters, digits and `-._~!$&'()*+,=:@` are raw and
 *    all other bytes are upper-case escapes, so `%2520` stays what it is.
 * 4. From each segment everything after its first `;` goes, an escaped one included.
 * 5. `.` and `..` are resolved and doubled slashes collapse; above the root is refused. A trailing
 *    dot segment leaves a trailing slash.
 * 6. A dot segment next to an encoded slash (`..%2f`) is refused.
 * 7. The query is what follows the first `?`, verbatim. It may hold visible ASCII only.
 *
 * Stricter than the reference, because some upstream reads a dot segment where step 5 sees none:
 *
 * - a dot segment next to a backslash (`..\`, `%5c..`), since Windows servers separate there;
 * - overlong UTF-8 (`%c0%ae`), since old decoders take it for the ASCII character it imitates;
 * - an authority of the absolute form that holds anything but a host and a port.
 *
 * INVARIANT: the path of a result gives itself when it goes in again with the same options.
 *
 * Pure: no I/O, no module state. Linear, and a single pass for a target that is canonical.
 *
 * @module
 */

import { PATH_BYTES_MAX } from "../../proto/limits.ts";
import { isQueryText, QUERY_TEXT_DETAIL } from "./query.ts";

/** A canonical path and the raw query, or one sentence that says why there is none. */
export type PathForm =
  | {
    readonly ok: true;
    readonly path: string;
    /** Without its `?`; `null` when the target has none. `decodeQuery` bounds its length. */
    readonly query: string | null;
    /** The target has `%2F`, also where a parameter that was cut off held it. */
    readonly encodedSlash: boolean;
  }
  | Refusal;

export interface PathOptions {
  /** Keeps `%2F` inside a segment instead of refusing it. */
  readonly allowEncodedSlash: boolean;
}

/** Returns the one path of a request target as it came from the wire. */
export function canonicalPath(raw: string | Uint8Array, options: PathOptions): PathForm {
  const text = typeof raw === "string" ? raw : LATIN1.decode(raw);
  const question = text.indexOf("?");
  const target = question < 0 ? text : text.slice(0, question);
  const query = question < 0 ? null : text.slice(question + 1);
  if (query !== null && !isQueryText(query)) return refuse(QUERY_TEXT_DETAIL);
  const origin = originPath(target);
  if (!origin.ok) return origin;
  if (origin.value.length > PATH_BYTES_MAX) return refuse(TOO_LONG_DETAIL);
  if (isCanonical(origin.value)) {
    return { ok: true, path: origin.value, query, encodedSlash: false };
  }
  const units = decodeUnits(origin.value, options);
  if (!units.ok) return units;
  const path = resolveSegments(units.value);
  if (!path.ok) return path;
  if (path.value.length > PATH_BYTES_MAX) return refuse(TOO_LONG_DETAIL);
  return { ok: true, path: path.value, query, encodedSlash: units.value.includes(ENCODED_SLASH) };
}

interface Refusal {
  readonly ok: false;
  readonly detail: string;
}

type Step<Value> = { readonly ok: true; readonly value: Value } | Refusal;

/** Leaves every byte beyond ASCII beyond ASCII, so that the checks refuse it. */
const LATIN1 = new TextDecoder("latin1");

const TOO_LONG_DETAIL = `The path is longer than ${PATH_BYTES_MAX} bytes`;

const HASH = 0x23;
const PERCENT = 0x25;
const DOT = 0x2e;
const SLASH = 0x2f;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/** Stands for a decoded `%2F` among the bytes, where no byte can be mistaken for it. */
const ENCODED_SLASH = 0x100 | SLASH;

/** How each byte of a segment is written. `;` is missing among the raw ones: step 4 removes it. */
const OUTPUT: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (/[A-Za-z0-9\-._~!$&'()*+,=:@]/.test(character)) return character;
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
});

const IS_RAW = Uint8Array.from(OUTPUT, (text) => text.length === 1 ? 1 : 0);

/** Returns the path that starts with a slash: step 1. */
function originPath(target: string): Step<string> {
  if (target.startsWith("/")) return { ok: true, value: target };
  if (target === "") return { ok: true, value: "/" };
  if (target === "*") return refuse("The target is *, which names no path");
  const scheme = target.slice(0, "https://".length).toLowerCase();
  const start = scheme === "https://" ? 8 : scheme.startsWith("http://") ? 7 : -1;
  if (start < 0) return refuse("The target is neither a path nor an http or https URL");
  const slash = target.indexOf("/", start);
  const end = slash < 0 ? target.length : slash;
  if (!isAuthority(target, start, end)) {
    return refuse("The target is a URL whose authority is not just a host and a port");
  }
  return { ok: true, value: slash < 0 ? "/" : target.slice(slash) };
}

/** Letters, digits and `-._:[]`. A user name or a backslash would let two readers disagree. */
function isAuthority(target: string, start: number, end: number): boolean {
  for (let i = start; i < end; i += 1) {
    const code = target.charCodeAt(i);
    const isDigitOrColon = code >= 0x30 && code <= 0x3a;
    const letter = code | 0x20;
    const isLetter = code < 0x80 && letter >= 0x61 && letter <= 0x7a;
    const isOther = code === 0x2d || code === DOT || code === 0x5f || code === 0x5b ||
      code === 0x5d;
    if (!isDigitOrColon && !isLetter && !isOther) return false;
  }
  return end > start;
}

/** Returns whether a path surely is its own canonical form; `false` only means to look closer. */
function isCanonical(path: string): boolean {
  let previous = SLASH;
  for (let i = 1; i < path.length; i += 1) {
    const code = path.charCodeAt(i);
    if (code === SLASH || code === DOT) {
      if (previous === SLASH) return false;
    } else if (IS_RAW[code] !== 1) {
      return false;
    }
    previous = code;
  }
  return true;
}

/** Returns the bytes of a path, with {@link ENCODED_SLASH} for `%2F`: steps 2 and 3. */
function decodeUnits(path: string, options: PathOptions): Step<Uint16Array> {
  const units = new Uint16Array(path.length);
  let length = 0;
  for (let i = 0; i < path.length; i += 1) {
    let unit = path.charCodeAt(i);
    if (unit > 0x7f) return refuse("The path has a byte beyond ASCII that is not escaped");
    if (unit === HASH) return refuse("The path has a fragment");
    if (unit === PERCENT) {
      unit = decodeEscape(path, i);
      if (unit < 0) return refuse("The path has a % without two hexadecimal digits");
      if (unit === SLASH) {
        if (!options.allowEncodedSlash) return refuse("The path has an encoded slash");
        unit = ENCODED_SLASH;
      }
      i += 2;
    }
    if (unit < 0x20 || unit === 0x7f) return refuse("The path has a control character");
    if (isOverlong(units[length - 1], unit)) return refuse("The path has overlong UTF-8");
    units[length] = unit;
    length += 1;
  }
  return { ok: true, value: units.subarray(0, length) };
}

/** Returns the byte of the escape at the index, or -1. */
function decodeEscape(path: string, index: number): number {
  const high = hexValue(path.charCodeAt(index + 1));
  const low = hexValue(path.charCodeAt(index + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** Returns the value of a hexadecimal digit, or -1, also for the NaN beyond the end. */
function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Returns whether the byte completes a start that only too long a form of a character has. */
function isOverlong(previous: number | undefined, unit: number): boolean {
  if (unit === 0xc0 || unit === 0xc1) return true;
  if (previous === 0xe0) return unit >= 0x80 && unit < 0xa0;
  return previous === 0xf0 && unit >= 0x80 && unit < 0x90;
}

/** Returns the path without parameters, dot segments and empty segments: steps 4 to 6. */
function resolveSegments(units: Uint16Array): Step<string> {
  const segments: string[] = [];
  let endsInSlash = false;
  for (let start = 1; start <= units.length;) {
    const slash = units.indexOf(SLASH, start);
    const end = slash < 0 ? units.length : slash;
    const segment = withoutParameters(units.subarray(start, end));
    const isDot = isDotSegment(segment, 0, segment.length);
    if (isDot && segment.length === 2) {
      if (segments.pop() === undefined) return refuse("The path goes above its root");
    } else if (!isDot && segment.length > 0) {
      if (hidesDotSegment(segment)) {
        return refuse("The path has a dot segment next to an encoded slash or a backslash");
      }
      segments.push(writeSegment(segment));
    }
    endsInSlash = isDot || segment.length === 0;
    start = end + 1;
  }
  const tail = endsInSlash && segments.length > 0 ? "/" : "";
  return { ok: true, value: `/${segments.join("/")}${tail}` };
}

function withoutParameters(segment: Uint16Array): Uint16Array {
  const semicolon = segment.indexOf(SEMICOLON);
  return semicolon < 0 ? segment : segment.subarray(0, semicolon);
}

function isDotSegment(units: Uint16Array, start: number, end: number): boolean {
  if (end - start === 1) return units[start] === DOT;
  return end - start === 2 && units[start] === DOT && units[start + 1] === DOT;
}

/** Returns whether a part is a dot segment to a reader that also separates at `%2F` or `\`. */
function hidesDotSegment(segment: Uint16Array): boolean {
  let start = 0;
  for (let i = 0; i <= segment.length; i += 1) {
    const unit = segment[i];
    if (unit !== undefined && unit !== ENCODED_SLASH && unit !== BACKSLASH) continue;
    if (isDotSegment(segment, start, i)) return true;
    start = i + 1;
  }
  return false;
}

/** INVARIANT: the low byte of {@link ENCODED_SLASH} is a slash, which is written as `%2F`. */
function writeSegment(segment: Uint16Array): string {
  let text = "";
  for (const unit of segment) text += OUTPUT[unit & 0xff];
  return text;
}

function refuse(detail: string): Refusal {
  return { ok: false, detail };
}
