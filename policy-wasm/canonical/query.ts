/**
 * Decodes the query of a request into the pairs that rules are matched against.
 *
 * The query is forwarded verbatim; the pairs are only judged. So whatever an upstream could decode
 * to other pairs is refused: a broken escape, text that is not UTF-8, a NUL, raw bytes that a
 * request line cannot hold. A query that is dropped instead would slip past a deny rule.
 *
 * `;` is an ordinary character. HTML 4 once advised to accept it as a separator; the URL standard,
 * and servers since the cache poisoning of 2021 (CVE-2021-23336), separate at `&` only.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { QUERY_BYTES_MAX, QUERY_PAIRS_MAX } from "../../proto/limits.ts";
import type { QueryPair } from "../request.ts";

/** Decoded pairs in order, or one sentence that says why there are none. */
export type QueryForm =
  | { readonly ok: true; readonly pairs: readonly QueryPair[] }
  | { readonly ok: false; readonly detail: string };

/**
 * Returns the pairs of a query without its `?`; `null` is a request without one. A key without
 * `=` has the empty value, nothing between two `&` is no pair, and duplicates stay.
 */
export function decodeQuery(raw: string | null): QueryForm {
  if (raw === null) return { ok: true, pairs: [] };
  if (raw.length > QUERY_BYTES_MAX) {
    return refuse(`The query is longer than ${QUERY_BYTES_MAX} bytes`);
  }
  if (!isQueryText(raw)) return refuse(QUERY_TEXT_DETAIL);
  const pairs: QueryPair[] = [];
  for (let start = 0; start < raw.length;) {
    const ampersand = raw.indexOf("&", start);
    const end = ampersand < 0 ? raw.length : ampersand;
    if (end > start) {
      if (pairs.length === QUERY_PAIRS_MAX) {
        return refuse(`The query has more than ${QUERY_PAIRS_MAX} pairs`);
      }
      const pair = decodePair(raw.slice(start, end));
      if (pair === null) return refuse("The query has an escape that is not UTF-8 text");
      pairs.push(pair);
    }
    start = end + 1;
  }
  return { ok: true, pairs };
}

/** Why {@link isQueryText} says no, as a sentence. */
export const QUERY_TEXT_DETAIL =
  "The query has white space, a control character, a # or a byte beyond ASCII";

/** Returns whether a raw query holds only what a request line can carry: visible ASCII but `#`. */
export function isQueryText(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || code === HASH) return false;
  }
  return true;
}

const HASH = 0x23;

function decodePair(piece: string): QueryPair | null {
  const equals = piece.indexOf("=");
  const key = decodeText(equals < 0 ? piece : piece.slice(0, equals));
  const value = equals < 0 ? "" : decodeText(piece.slice(equals + 1));
  return key === null || value === null ? null : [key, value];
}

/** Returns the decoded text, or `null` for a broken escape, invalid UTF-8 or a NUL. */
function decodeText(text: string): string | null {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    const decoded = decodeURIComponent(spaced);
    return decoded.includes("\0") ? null : decoded;
  } catch {
    return null; // A URIError is how it reports a broken escape or invalid UTF-8.
  }
}

function refuse(detail: string): QueryForm {
  return { ok: false, detail };
}
