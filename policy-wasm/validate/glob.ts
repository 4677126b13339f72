/**
 * Globs in policies: well-formed, and for paths, able to match at all.
 *
 * @module
 */

import { type Glob, type GlobUse, parseGlob, type Token } from "../glob/glob.ts";
import type { Findings } from "../parse/findings.ts";
import { quote } from "../parse/source.ts";
import { spanWithin } from "../parse/tree.ts";
import type { Placed } from "./place.ts";

/** Returns the parsed pattern, or `null` after reporting what is malformed and where. */
export function checkGlob(
  { field, value }: Placed<string>,
  use: GlobUse,
  findings: Findings,
): Glob | null {
  const result = parseGlob(value, use);
  if (result.ok) {
    const stars = starsAt(value);
    if (stars < 0) return result.glob;
    const message = `${quote(value)} has three * or more in a row, which means no more than *`;
    const at = spanWithin(findings.source, field.node, stars);
    const fix = value.replaceAll(/\*{3,}/g, "**");
    findings.add("glob_stars", field, message, { at, fix });
    return null;
  }
  const at = spanWithin(findings.source, field.node, result.offset);
  const shown = result.code === "pattern_too_long" ? "" : ` in ${quote(value)}`;
  findings.add(result.code, field, `${result.message}${shown}`, { at });
  return null;
}

/** Returns where three stars stand outside of escapes and classes, or -1. */
function starsAt(pattern: string): number {
  const parts = /\\.|\[(?:\\.|[^\]\\])*\]|\*{3,}/gs;
  for (const { 0: part, index } of pattern.matchAll(parts)) if (part.startsWith("*")) return index;
  return -1;
}

/**
 * Checks a pattern that is matched against canonical request paths. One that holds what no
 * canonical path has, such as a space or a doubled slash, is an error: it would never match.
 */
export function checkPathGlob(
  path: Placed<string>,
  options: { readonly allowEncodedSlash: boolean },
  findings: Findings,
): boolean {
  const glob = checkGlob(path, "path", findings);
  if (glob === null) return false;
  const fault = glob.alternatives.map((tokens) => pathFault(tokens, options)).find((f) =>
    f !== null
  );
  if (fault !== undefined) {
    const fix = fault.fix ?? canonicalised(path.value, options);
    const message = `${fault.message}, so ${quote(path.value)} never matches`;
    findings.add("path_not_canonical", path.field, message, { fix });
    return false;
  }
  if (/\?[\w.-]+=/.test(path.value)) {
    const message = "? is one character here; the query is judged by query, not by path";
    const at = spanWithin(findings.source, path.field.node, path.value.indexOf("?"));
    findings.add("path_holds_query", path.field, message, { at });
  }
  return true;
}

/** Stands for whatever a wildcard matches. */
const WILD = "\0";

interface PathFault {
  readonly message: string;
  readonly fix?: string;
}

/** Says why no canonical path matches the tokens, or `null`. */
function pathFault(
  tokens: readonly Token[],
  options: { readonly allowEncodedSlash: boolean },
): PathFault | null {
  const text = tokens.map(skeleton).join("");
  if (text.includes("//")) return { message: "A canonical path has no doubled slash" };
  if (text.split("/").some((part) => part === "." || part === "..")) {
    return { message: "A canonical path has no dot segment" };
  }
  if (text.includes(";")) return { message: "A canonical path has no ; parameters" };
  for (const [escape] of text.matchAll(/%[^%]?[^%]?/g)) {
    const message = escapeFault(escape);
    if (message !== null) return { message };
    if (escape === "%2F" && !options.allowEncodedSlash) {
      const message = "Requests with %2F are refused without allow_encoded_slash";
      return { message, fix: "allow_encoded_slash: true" };
    }
  }
  const stray = /[^A-Za-z0-9\-._~!$&'()*+,=:@/%\0]/u.exec(text);
  return stray === null ? null : { message: `A canonical path writes ${quote(stray[0])} escaped` };
}

function skeleton(token: Token): string {
  if (token.kind === "literal") return token.text;
  return token.kind === "components" ? `${WILD}/` : WILD;
}

function escapeFault(escape: string): string | null {
  if (escape.includes(WILD)) return null;
  if (!/^%[0-9A-Fa-f]{2}$/.test(escape)) return "A canonical path writes % as %25";
  if (escape !== escape.toUpperCase()) return "A canonical path has its escapes in upper case";
  const character = String.fromCharCode(parseInt(escape.slice(1), 16));
  if (character === ";") return "A canonical path has no ; parameters";
  if (character < " " || character === "\x7f") return "A canonical path has no control character";
  return /[A-Za-z0-9\-._~!$&'()*+,=:@]/.test(character)
    ? `A canonical path writes ${quote(character)} without escape`
    : null;
}

/** Returns the pattern as it would match, or `null` where that needs a person. */
function canonicalised(
  pattern: string,
  options: { readonly allowEncodedSlash: boolean },
): string | null {
  if (/[;#]|\/\.\.?(?:\/|$)/.test(pattern)) return null;
  const fixed = pattern
    .replaceAll(/%(?![0-9A-Fa-f]{2})/g, "%25")
    .replaceAll(/%[0-9A-Fa-f]{2}/g, (escape) => {
      const character = String.fromCharCode(parseInt(escape.slice(1), 16));
      return /[A-Za-z0-9\-._~!$&'()+,=:@]/.test(character) ? character : escape.toUpperCase();
    })
    .replaceAll(/[^\x21-\x7e]|["<>^`|]/gu, (c) => encodeURIComponent(c.toWellFormed()))
    .replaceAll(/\/{2,}/g, "/");
  const result = parseGlob(fixed, "path");
  const isRight = result.ok &&
    result.glob.alternatives.every((tokens) => pathFault(tokens, options) === null);
  return isRight && fixed !== pattern ? fixed : null;
}
