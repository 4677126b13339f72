/**
 * The glob language of policies: text to tokens. `architecture/policy.md` defines it.
 *
 * `automaton.ts` turns tokens into machines; the evaluator, the ambiguity check and the prover all
 * go through these two modules. `reference.ts` has a matcher of its own, on purpose.
 *
 * @module
 */

import { PATTERN_ALTERNATIVES_MAX, PATTERN_UNITS_MAX } from "../../proto/limits.ts";

/**
 * What a pattern is matched against: `path` splits at `/`, `text` and `host` at `.`; `any` is the
 * `text` of a deny rule, in which `*` crosses everything.
 */
export type GlobUse = "path" | "text" | "host" | "any";

export type Token =
  | { readonly kind: "literal"; readonly text: string }
  /** One character other than the separator. */
  | { readonly kind: "one" }
  /** One character in (or not in) the ASCII ranges; may be the separator. */
  | { readonly kind: "class"; readonly negated: boolean; readonly ranges: readonly AsciiRange[] }
  /** Any run without the separator. */
  | { readonly kind: "run" }
  /** Any text. */
  | { readonly kind: "all" }
  /** Nothing, or any text that ends in the separator. */
  | { readonly kind: "components" };

/** First and last code of a range, both included. */
export type AsciiRange = readonly [low: number, high: number];

/** A parsed pattern: it matches when one of the alternatives does. */
export interface Glob {
  readonly use: GlobUse;
  readonly alternatives: readonly (readonly Token[])[];
}

export type GlobResult =
  | { readonly ok: true; readonly glob: Glob }
  /** `offset` counts UTF-16 units from the start of the pattern. */
  | {
    readonly ok: false;
    readonly code: "malformed_glob" | "pattern_too_long" | "pattern_too_complex";
    readonly message: string;
    readonly offset: number;
  };

/** Returns the tokens of a pattern, or what is malformed about it and where. */
export function parseGlob(pattern: string, use: GlobUse): GlobResult {
  if (pattern.length > PATTERN_UNITS_MAX) {
    const message = `Pattern has more than ${PATTERN_UNITS_MAX} characters`;
    return { ok: false, code: "pattern_too_long", message, offset: 0 };
  }
  const fault = findFault(pattern);
  if (fault !== null) return { ok: false, code: "malformed_glob", ...fault };
  const texts = expandBraces(pattern);
  if (texts === null) {
    const message = `Braces expand to more than ${PATTERN_ALTERNATIVES_MAX} alternatives`;
    return { ok: false, code: "pattern_too_complex", message, offset: pattern.indexOf("{") };
  }
  return { ok: true, glob: { use, alternatives: texts.map((text) => tokenize(text, use)) } };
}

/** Returns the glob that matches one text and nothing else, whatever characters it has. */
export function literalGlob(text: string, use: GlobUse): Glob {
  return { use, alternatives: [text === "" ? [] : [{ kind: "literal", text }]] };
}

/** Returns the character that `*` does not cross, or `null` where it crosses all. */
export function separatorOf(use: GlobUse): string | null {
  if (use === "any") return null;
  return use === "path" ? "/" : ".";
}

interface Fault {
  readonly message: string;
  readonly offset: number;
}

function findFault(pattern: string): Fault | null {
  let brace = -1;
  let alternative = -1;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "\\") {
      if (++i === pattern.length) return { message: "Pattern ends in a backslash", offset: i - 1 };
    } else if (c === "[") {
      const end = classEnd(pattern, i);
      if (typeof end !== "number") return end;
      i = end;
    } else if (c === "]") {
      return { message: "Bracket is closed but was not opened", offset: i };
    } else if (c === "{") {
      if (brace >= 0) return { message: "Braces do not nest", offset: i };
      brace = i;
      alternative = i + 1;
    } else if (c === "}" || (c === "," && brace >= 0)) {
      if (brace < 0) return { message: "Brace is closed but was not opened", offset: i };
      if (alternative === i) return { message: "Braces hold an empty alternative", offset: i };
      alternative = i + 1;
      if (c === "}") brace = -1;
    }
  }
  return brace >= 0 ? { message: "Brace is opened but not closed", offset: brace } : null;
}

/** Returns the index of the `]` that closes the class opened at `start`, or what is wrong. */
function classEnd(pattern: string, start: number): number | Fault {
  let i = start + 1;
  if (pattern[i] === "!" || pattern[i] === "^") i++;
  const first = i;
  let previous = -1;
  for (; i < pattern.length; i++) {
    const code = pattern.charCodeAt(i);
    if (code > 0x7e) {
      return { message: "Character class holds a character beyond ASCII", offset: i };
    }
    if (pattern[i] === "]") {
      return i > first ? i : { message: "Character class is empty", offset: start };
    }
    if (pattern[i] === "\\" || pattern[i] === "[") {
      return { message: `Character class may not hold ${pattern[i]}`, offset: i };
    }
    if (pattern[i] === "-" && i > first && pattern[i + 1] !== "]" && i + 1 < pattern.length) {
      if (pattern.charCodeAt(i + 1) < previous) {
        return { message: "Range of the character class is reversed", offset: i };
      }
      i++;
    }
    previous = pattern.charCodeAt(i);
  }
  return { message: "Bracket is opened but not closed", offset: start };
}

function expandBraces(pattern: string): string[] | null {
  let texts = [""];
  let alternatives: string[] | null = null;
  let piece = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === "\\") {
      piece += c + pattern[++i]!;
    } else if (c === "[") {
      const end = pattern.indexOf("]", i + (/[!^]/.test(pattern[i + 1]!) ? 3 : 2));
      piece += pattern.slice(i, end + 1);
      i = end;
    } else if (c === "{") {
      texts = texts.map((text) => text + piece);
      alternatives = [];
      piece = "";
    } else if (alternatives !== null && (c === "," || c === "}")) {
      alternatives.push(piece);
      piece = "";
      if (c === ",") continue;
      if (texts.length * alternatives.length > PATTERN_ALTERNATIVES_MAX) return null;
      const endings: string[] = alternatives;
      texts = texts.flatMap((text) => endings.map((ending) => text + ending));
      alternatives = null;
    } else {
      piece += c;
    }
  }
  return texts.map((text) => text + piece);
}

function tokenize(text: string, use: GlobUse): Token[] {
  const separator = separatorOf(use);
  const tokens: Token[] = [];
  let literal = "";
  let atStart = true;
  function push(token: Token): void {
    if (literal !== "") tokens.push({ kind: "literal", text: literal });
    literal = "";
    atStart = false;
    tokens.push(token);
  }
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === "\\") {
      literal += text[++i]!;
      atStart = literal.endsWith(separator ?? "\0");
    } else if (c === "*") {
      const stars = /^\*+/.exec(text.slice(i))![0].length;
      const next = text[i + stars];
      const whole = stars === 2 && atStart && (next === undefined || next === separator);
      if (separator === null || (whole && (use !== "path" || next === undefined))) {
        push({ kind: "all" });
      } else if (whole) {
        push({ kind: "components" });
        atStart = true;
        i++;
      } else {
        push({ kind: "run" });
      }
      i += stars - 1;
    } else if (c === "?") {
      push({ kind: "one" });
    } else if (c === "[") {
      const end = text.indexOf("]", i + (/[!^]/.test(text[i + 1]!) ? 3 : 2));
      push(parseClass(text.slice(i + 1, end)));
      i = end;
    } else {
      literal += c;
      atStart = c === separator;
    }
  }
  if (literal !== "") tokens.push({ kind: "literal", text: literal });
  return tokens;
}

function parseClass(body: string): Token {
  const negated = body[0] === "!" || body[0] === "^";
  const ranges: AsciiRange[] = [];
  for (let i = negated ? 1 : 0; i < body.length; i++) {
    const low = body.charCodeAt(i);
    if (body[i + 1] === "-" && i + 2 < body.length) {
      ranges.push([low, body.charCodeAt(i + 2)]);
      i += 2;
    } else {
      ranges.push([low, low]);
    }
  }
  return { kind: "class", negated, ranges };
}
