/**
 * The values that exist at all, as small machines over bytes: canonical hosts and paths, paths of
 * executables, texts, names.
 *
 * A pattern may match texts that no request can hold. Atoms are cut with these machines, so that a
 * witness is always a value that the product would see, and a claim is never refuted by one that it
 * would not. The tests compare each machine with the function that canonicalises.
 *
 * @module
 */

/** A machine over bytes. State 0 is dead, state 1 the start. */
export interface Language {
  /** Next state by `state * 256 + byte`. */
  readonly next: Uint16Array;
  readonly stateCount: number;
  /** By byte: bytes with one number lead to the same states everywhere. */
  readonly columns: Uint8Array;
  /** By state: 0 where no value ends, otherwise what kind of value ends there. */
  readonly tags: Uint8Array;
  /**
   * Makes the whole language, where this is only the small part of it in which most witnesses are
   * found; `null` where this is all.
   */
  readonly whole: (() => Language) | null;
  /** Kinds of values that the whole language has. */
  readonly tagCount: number;
}

/** The kind of a value where a language has only one. */
export const PLAIN_TAG = 1;

/** Returns whether the text is in the language, as its tag; 0 when it is not. */
export function tagOf(language: Language, text: string): number {
  let state = 1;
  for (const byte of new TextEncoder().encode(text)) state = language.next[state * 256 + byte]!;
  const tag = language.tags[state]!;
  return tag === 0 && language.whole !== null ? tagOf(language.whole(), text) : tag;
}

/** How a language steps, for {@link makeLanguage}: states are short texts, `null` is dead. */
interface Steps {
  readonly start: string;
  /** Reads a state once, for all bytes. */
  readonly from: (state: string) => (byte: number) => string | null;
  /** Bytes that lead anywhere; all where it is left out. */
  readonly bytes?: readonly number[];
  readonly tag: (state: string) => number;
  readonly whole?: () => Language;
  readonly tagCount?: number;
}

function makeLanguage({ start, from, bytes = BYTES, tag, whole, tagCount }: Steps): Language {
  const numbers = new Map([[start, 1]]);
  const names = ["", start];
  const rows: Uint16Array[] = [new Uint16Array(256)];
  for (let state = 1; state < names.length; state++) {
    const row = new Uint16Array(256);
    const step = from(names[state]!);
    for (const byte of bytes) {
      const target = step(byte);
      if (target === null) continue;
      let number = numbers.get(target);
      if (number === undefined) {
        number = names.push(target) - 1;
        numbers.set(target, number);
      }
      row[byte] = number;
    }
    rows.push(row);
  }
  const next = new Uint16Array(names.length * 256);
  rows.forEach((row, state) => next.set(row, state * 256));
  const tags = Uint8Array.from(names, (name, state) => state === 0 ? 0 : tag(name));
  return {
    next,
    stateCount: names.length,
    columns: columnsOf(rows),
    tags,
    whole: whole ?? null,
    tagCount: tagCount ?? new Set(tags).size - (tags.includes(0) ? 1 : 0),
  };
}

const BYTES: readonly number[] = Array.from({ length: 256 }, (_, byte) => byte);

function columnsOf(rows: readonly Uint16Array[]): Uint8Array {
  const columns = new Uint8Array(256);
  // Refines from row to row, as the classes of a machine's bytes are found.
  for (const row of rows) {
    const numbers = new Map<number, number>();
    for (let byte = 0; byte < 256; byte++) {
      const key = columns[byte]! * 65536 + row[byte]!;
      if (!numbers.has(key)) numbers.set(key, numbers.size);
      columns[byte] = numbers.get(key)!;
    }
  }
  return columns;
}

const DOT = 0x2e;
const SLASH = 0x2f;
const PERCENT = 0x25;

/** Labels of a host name. Whether the last one reads as a number is for the caller to check. */
export function hostNames(): Language {
  return makeLanguage({
    start: "label start",
    from: (state) => (byte) => {
      if (byte === DOT) return state === "label" ? "label start" : null;
      return /[a-z0-9_-]/.test(String.fromCharCode(byte)) ? "label" : null;
    },
    tag: (state) => state === "label" ? PLAIN_TAG : 0,
  });
}

/** Well-formed UTF-8 without NUL. */
export function texts(): Language {
  return makeLanguage({
    start: "",
    from: (state) => (byte) => byte === 0 ? null : stepUtf8(state, byte),
    tag: (state) => state === "" ? PLAIN_TAG : 0,
  });
}

/**
 * Paths as the kernel reports executables: absolute, without empty and dot components, without a
 * slash at the end.
 */
export function executablePaths(): Language {
  return makeLanguage({
    start: "start",
    from: (state) => {
      const [place = "", utf8 = ""] = state.split("+");
      return (byte) => {
        if (place === "start") return byte === SLASH ? "segment" : null;
        if (utf8 !== "") {
          const left = stepUtf8(utf8, byte);
          return left === null ? null : left === "" ? "other" : `other+${left}`;
        }
        if (byte === 0) return null;
        if (byte === SLASH) return place === "other" ? "segment" : null;
        if (byte === DOT) return place === "segment" ? "dot" : place === "dot" ? "dots" : "other";
        const left = stepUtf8("", byte);
        return left === null ? null : left === "" ? "other" : `other+${left}`;
      };
    },
    tag: (state) => state === "other" ? PLAIN_TAG : 0,
  });
}

/** Names of GraphQL (letters, digits and `_`); the empty one stands for an unnamed operation. */
export function graphqlNames(mayBeEmpty: boolean): Language {
  return makeLanguage({
    start: "start",
    from: (state) => (byte) => {
      const pattern = state === "start" ? /[_A-Za-z]/ : /[_0-9A-Za-z]/;
      return pattern.test(String.fromCharCode(byte)) ? "name" : null;
    },
    tag: (state) => state === "name" || mayBeEmpty ? PLAIN_TAG : 0,
  });
}

/** Tag of a tool name with other characters, or of another length, than strict checking takes. */
export const LOOSE_TOOL_TAG = 2;

/** Tool names: {@link PLAIN_TAG} for those that `strict_tool_names` accepts. */
export function toolNames(): Language {
  return makeLanguage({
    start: "0",
    from: (state) => {
      const isCount = /^[0-9]+$/.test(state);
      const longer = Number(state) < STRICT_TOOL_BYTES_MAX ? String(Number(state) + 1) : "loose+";
      const utf8 = isCount ? "" : state.slice("loose+".length);
      return (byte) => {
        if (byte === 0) return null;
        if (isCount && STRICT_TOOL_BYTES.has(byte)) return longer;
        const left = stepUtf8(utf8, byte);
        return left === null ? null : `loose+${left}`;
      };
    },
    tag: (state) => {
      if (state === "0" || state === "loose+") return LOOSE_TOOL_TAG;
      return state.startsWith("loose+") ? 0 : PLAIN_TAG;
    },
  });
}

const STRICT_TOOL_BYTES_MAX = 128;

const STRICT_TOOL_BYTES: ReadonlySet<number> = bytesOf(/[A-Za-z0-9_.-]/);

/** Bytes below 128 that a pattern of one character takes. */
function bytesOf(pattern: RegExp): ReadonlySet<number> {
  return new Set(
    BYTES.filter((byte) => byte < 128 && pattern.test(String.fromCharCode(byte))),
  );
}

/** Tag of a path that holds `%2F`. */
export const ENCODED_SLASH_TAG = 2;

/**
 * Canonical request paths, as `canonicalPath` gives them back unchanged. With `encodedSlash` also
 * those that only an endpoint with `allow_encoded_slash` accepts.
 */
export function requestPaths(encodedSlash: boolean): Language {
  let whole: Language | null = null;
  return makeLanguage({
    start: "start",
    from: (state) => pathStep(state, false),
    bytes: PATH_BYTES.filter((byte) => byte !== PERCENT),
    tag: tagOfPath,
    tagCount: encodedSlash ? 2 : 1,
    whole: () =>
      whole ??= makeLanguage({
        start: "start",
        from: (state) => pathStep(state, encodedSlash),
        bytes: PATH_BYTES,
        tag: tagOfPath,
      }),
  });
}

function tagOfPath(state: string): number {
  const { place, escape, hasSlash } = readPathState(state);
  const ends = escape === "" && place !== "start" && place !== "dot" && place !== "dots";
  return !ends ? 0 : hasSlash ? ENCODED_SLASH_TAG : PLAIN_TAG;
}

/**
 * Where a path stands: `segment` behind a slash, `part` behind an encoded slash or backslash, `dot`
 * and `dots` when only dots came since. `before` is the last escape where overlong UTF-8 may follow.
 */
interface PathState {
  readonly place: string;
  readonly before: string;
  readonly escape: string;
  readonly hasSlash: boolean;
}

function readPathState(state: string): PathState {
  const [place = "", before = "", escape = "", slash = ""] = state.split(" ");
  return { place, before, escape, hasSlash: slash !== "" };
}

function writePathState({ place, before, escape, hasSlash }: PathState): string {
  return `${place} ${before} ${escape} ${hasSlash ? "s" : ""}`;
}

/** Characters that stand for themselves in a canonical path, other than the slash. */
const RAW_BYTES: ReadonlySet<number> = bytesOf(/[A-Za-z0-9\-._~!$&'()*+,=:@]/);

const HEX_BYTES: ReadonlySet<number> = bytesOf(/[0-9A-F]/);

const PATH_BYTES: readonly number[] = [...RAW_BYTES, SLASH, PERCENT].sort((a, b) => a - b);

function pathStep(text: string, encodedSlash: boolean): (byte: number) => string | null {
  const state = text === "start" ? { ...readPathState(""), place: "start" } : readPathState(text);
  const { place, before, escape } = state;
  const at = (change: Partial<PathState>) =>
    writePathState({ ...state, before: "", escape: "", ...change });
  const segment = at({ place: "segment" });
  if (place === "start") return (byte) => byte === SLASH ? segment : null;
  if (escape !== "") {
    return (byte) => {
      if (!HEX_BYTES.has(byte)) return null;
      const character = String.fromCharCode(byte);
      if (escape === "%") return at({ before, escape: character });
      return stepEscape(state, parseInt(escape + character, 16), encodedSlash);
    };
  }
  const isFresh = place === "segment" || place === "part";
  const afterDot = at({ place: isFresh ? "dot" : place === "dot" ? "dots" : "other" });
  const afterSlash = place === "other" || place === "part" ? segment : null;
  const percent = at({ before, escape: "%" });
  const other = at({ place: "other" });
  return (byte) => {
    if (byte === PERCENT) return percent;
    if (byte === SLASH) return afterSlash;
    if (!RAW_BYTES.has(byte)) return null;
    return byte === DOT ? afterDot : other;
  };
}

function stepEscape(state: PathState, unit: number, encodedSlash: boolean): string | null {
  const character = String.fromCharCode(unit);
  const isRaw = RAW_BYTES.has(unit);
  if (isRaw || unit < 0x20 || unit === 0x7f || character === ";") return null;
  if (unit === 0xc0 || unit === 0xc1) return null;
  if (state.before === "E0" && unit >= 0x80 && unit < 0xa0) return null;
  if (state.before === "F0" && unit >= 0x80 && unit < 0x90) return null;
  const done = { ...state, before: "", escape: "" };
  if (unit === SLASH || character === "\\") {
    if (unit === SLASH && !encodedSlash) return null;
    if (state.place === "dot" || state.place === "dots") return null;
    return writePathState({ ...done, place: "part", hasSlash: state.hasSlash || unit === SLASH });
  }
  const before = unit === 0xe0 ? "E0" : unit === 0xf0 ? "F0" : "";
  return writePathState({ ...done, place: "other", before });
}

/** Returns what has to follow inside one character, as ranges; empty text between characters. */
function stepUtf8(state: string, byte: number): string | null {
  if (state === "") {
    if (byte < 0x80) return "";
    if (byte >= 0xc2 && byte <= 0xdf) return "80BF";
    if (byte === 0xe0) return "A0BF 80BF";
    if (byte === 0xed) return "809F 80BF";
    if (byte >= 0xe1 && byte <= 0xef) return "80BF 80BF";
    if (byte === 0xf0) return "90BF 80BF 80BF";
    if (byte === 0xf4) return "808F 80BF 80BF";
    return byte >= 0xf1 && byte <= 0xf3 ? "80BF 80BF 80BF" : null;
  }
  const low = parseInt(state.slice(0, 2), 16);
  const high = parseInt(state.slice(2, 4), 16);
  return byte >= low && byte <= high ? state.slice(5) : null;
}
