/**
 * Splits paths further, by what servers may read in them: `%2F` and `%5C` as separators.
 *
 * What denies does so in each reading of a path (`policy-wasm/path_readings.ts`). So two paths of
 * one atom can differ: `/a%5Cb` is read as `/a/b`, and `/a%5Cc` as something else. A machine runs
 * along each reading at once: an escape that a reading takes for a separator is a `/` to it, and a
 * separator behind another is none. Where the machines stand at the end is all that can matter, so
 * what holds for one path of a refined atom holds for all.
 *
 * @module
 */

import { type Automaton, AutomatonBuilder } from "../../policy-wasm/glob/automaton.ts";
import type { Glob } from "../../policy-wasm/glob/glob.ts";
import { ENCODED_SLASH_TAG, type Language } from "./language.ts";
import { type Budget, BudgetSpent } from "./limits.ts";
import { type Atom, MachineTooLarge, stepsOf } from "./minterms.ts";

/** What one reading of a path comes to. */
export interface AtomReading {
  /** Ascending indexes of the patterns, among those that matter to readings. */
  readonly patterns: readonly number[];
  readonly hasEncodedSlash: boolean;
}

/** All paths that the same patterns match, in each reading. */
export interface ReadAtom extends Atom {
  /** Readings that differ from the path itself, in the order in which they are judged. */
  readonly readings: readonly AtomReading[];
}

export interface ReadingOptions {
  readonly budget: Budget;
  /** Patterns that matter to readings: those of what denies, and of endpoints. */
  readonly readGlobs: readonly Glob[];
  /** Tells whether a reading that these of them match can deny anything. */
  readonly canDeny: (patterns: readonly number[]) => boolean;
}

/**
 * Refines atoms of paths; their witnesses are kept, and their order.
 *
 * @throws {BudgetSpent}
 */
export function splitByReadings(
  atoms: readonly Atom[],
  { globs, language }: { readonly globs: readonly Glob[]; readonly language: Language },
  { budget, readGlobs, canDeny }: ReadingOptions,
): readonly ReadAtom[] {
  const search = new ReadingSearch({ globs, readGlobs, language, budget, canDeny });
  const found = new Map<string, ReadAtom>();
  for (const { witness } of atoms) search.add(found, search.stateOf(witness), witness);
  search.run(found);
  return [...found.values()];
}

/** Separators that each of the three readings sees. */
const READINGS = [
  { slash: true, backslash: false },
  { slash: false, backslash: true },
  { slash: true, backslash: true },
] as const;

/** Where all machines stand. */
interface State {
  readonly language: number;
  readonly literal: number;
  /** The path itself, in the machine of readings. */
  readonly plain: number;
  /** By reading: its state, and whether a separator was the last that it saw. */
  readonly read: readonly number[];
  readonly isBehindSlash: readonly boolean[];
  readonly hasSlash: boolean;
  readonly hasBackslash: boolean;
}

/** One character of a path, or one escape. */
interface Symbol {
  readonly bytes: readonly number[];
  readonly text: string;
  readonly kind: "slash" | "encoded slash" | "backslash" | "other";
}

const SLASH = 0x2f;

class ReadingSearch {
  readonly #language: Language;
  readonly #literal: Automaton;
  readonly #reading: Automaton;
  readonly #budget: Budget;
  readonly #canDeny: ReadingOptions["canDeny"];
  readonly #symbols: readonly Symbol[];

  constructor(
    { globs, readGlobs, language, budget, canDeny }: ReadingOptions & {
      readonly globs: readonly Glob[];
      readonly language: Language;
    },
  ) {
    const [literal, reading] = [globs, readGlobs].map((list) => new AutomatonBuilder().build(list));
    if (literal == null || reading == null) throw new MachineTooLarge();
    this.#language = language.whole === null ? language : language.whole();
    this.#literal = literal;
    this.#reading = reading;
    this.#budget = budget;
    this.#canDeny = canDeny;
    this.#symbols = symbolsOf(literal, reading, this.#language);
  }

  /** Breadth first, so that the first way to an atom is a shortest one. */
  run(found: Map<string, ReadAtom>): void {
    const start = this.#start();
    const queue: { state: State; before: number; text: string }[] = [
      { state: start, before: -1, text: "" },
    ];
    const seen = new Set([keyOf(start)]);
    const textTo = (at: number): string => {
      const parts: string[] = [];
      for (let i = at; i > 0; i = queue[i]!.before) parts.push(queue[i]!.text);
      return parts.reverse().join("");
    };
    for (let at = 0; at < queue.length; at++) {
      const { state } = queue[at]!;
      this.#add(found, state, () => textTo(at));
      this.#budget.step(this.#symbols.length * 8);
      for (const symbol of this.#symbols) {
        const next = this.#step(state, symbol);
        if (next === null) continue;
        const key = keyOf(next);
        if (seen.has(key)) continue;
        seen.add(key);
        queue.push({ state: next, before: at, text: symbol.text });
      }
    }
  }

  /** Adds the atom of a path, where it is one and is not known. */
  add(found: Map<string, ReadAtom>, state: State | null, witness: string): void {
    if (state !== null) this.#add(found, state, () => witness);
  }

  /** Runs all machines over a path. */
  stateOf(path: string): State | null {
    let state: State | null = this.#start();
    for (const [text] of path.matchAll(/%[0-9A-F]{2}|[^]/g)) {
      if (state !== null) state = this.#step(state, symbolOf(text));
    }
    return state;
  }

  #start(): State {
    return {
      language: 1,
      literal: 1,
      plain: 1,
      read: READINGS.map(() => 1),
      isBehindSlash: READINGS.map(() => false),
      hasSlash: false,
      hasBackslash: false,
    };
  }

  #add(found: Map<string, ReadAtom>, state: State, witness: () => string): void {
    const tag = this.#language.tags[state.language]!;
    if (tag === 0) return;
    const patterns = this.#literal.accepts[state.literal]!;
    const readings = this.#readingsOf(state, tag === ENCODED_SLASH_TAG);
    const key = `${tag}:${patterns.join(" ")}:${
      readings.map((reading) => `${reading.hasEncodedSlash} ${reading.patterns.join(" ")}`).join()
    }`;
    if (found.has(key)) return;
    if (found.size >= this.#budget.caps.atoms) {
      throw new BudgetSpent(`More than ${this.#budget.caps.atoms} atoms in one place`);
    }
    found.set(key, { patterns, tag, witness: witness(), readings });
  }

  /** A reading that comes to what the path itself comes to says nothing. */
  #readingsOf(state: State, hasEncodedSlash: boolean): readonly AtomReading[] {
    const { hasSlash, hasBackslash } = state;
    const exists = [hasSlash, hasBackslash, hasSlash && hasBackslash];
    const plain = this.#reading.accepts[state.plain]!.join();
    const readings: AtomReading[] = [];
    const known = new Set<string>();
    for (const [at, { slash }] of READINGS.entries()) {
      if (!exists[at]) continue;
      const patterns = this.#reading.accepts[state.read[at]!]!;
      const keeps = !slash && hasSlash;
      const isSame = patterns.join() === plain && (!keeps || hasEncodedSlash);
      const key = `${keeps} ${patterns.join()}`;
      if (isSame || known.has(key) || !this.#canDeny(patterns)) continue;
      known.add(key);
      readings.push({ patterns, hasEncodedSlash: keeps });
    }
    return readings;
  }

  #step(state: State, { bytes, kind }: Symbol): State | null {
    let { language } = state;
    for (const byte of bytes) language = this.#language.next[language * 256 + byte]!;
    if (language === 0) return null;
    const read: number[] = [];
    const isBehindSlash: boolean[] = [];
    for (const [at, { slash, backslash }] of READINGS.entries()) {
      const separates = kind === "slash" || (slash && kind === "encoded slash") ||
        (backslash && kind === "backslash");
      const own = state.read[at]!;
      isBehindSlash.push(separates);
      if (!separates) read.push(walk(this.#reading, own, bytes));
      else read.push(state.isBehindSlash[at] ? own : walk(this.#reading, own, [SLASH]));
    }
    return {
      language,
      literal: walk(this.#literal, state.literal, bytes),
      plain: walk(this.#reading, state.plain, bytes),
      read,
      isBehindSlash,
      hasSlash: state.hasSlash || kind === "encoded slash",
      hasBackslash: state.hasBackslash || kind === "backslash",
    };
  }
}

function walk({ next, classOf, classCount }: Automaton, from: number, bytes: readonly number[]) {
  let state = from;
  for (const byte of bytes) state = next[state * classCount + classOf[byte]!]!;
  return state;
}

function keyOf(state: State): string {
  const { language, literal, plain, read, isBehindSlash, hasSlash, hasBackslash } = state;
  return `${language},${literal},${plain},${read},${isBehindSlash},${hasSlash},${hasBackslash}`;
}

function symbolOf(text: string): Symbol {
  const kind = text === "/"
    ? "slash"
    : text === "%2F"
    ? "encoded slash"
    : text === "%5C"
    ? "backslash"
    : "other";
  return { bytes: [...new TextEncoder().encode(text)], text, kind };
}

/** One character or escape of each kind that no machine tells apart, the most readable first. */
function symbolsOf(literal: Automaton, reading: Automaton, language: Language): readonly Symbol[] {
  const classesOf = (byte: number) => `${literal.classOf[byte]} ${reading.classOf[byte]}`;
  const raw = stepsOf(language, classesOf)
    .filter((byte) => byte < 0x80 && byte !== PERCENT)
    .map((byte) => symbolOf(String.fromCharCode(byte)));
  const escapes = new Map<string, Symbol>();
  for (let unit = 0; unit < 256; unit++) {
    const symbol = symbolOf(`%${unit.toString(16).toUpperCase().padStart(2, "0")}`);
    const [, high = 0, low = 0] = symbol.bytes;
    const meaning = landings(language, symbol.bytes);
    const key = `${symbol.kind} ${classesOf(high)} ${classesOf(low)} ${meaning}`;
    if (!escapes.has(key)) escapes.set(key, symbol);
  }
  return [...raw, ...escapes.values()];
}

const PERCENT = 0x25;

/** Where an escape leads from each state of the language. */
function landings({ next, stateCount }: Language, bytes: readonly number[]): string {
  const targets: number[] = [];
  for (let from = 1; from < stateCount; from++) {
    let state = from;
    for (const byte of bytes) state = next[state * 256 + byte]!;
    targets.push(state);
  }
  return targets.join();
}
