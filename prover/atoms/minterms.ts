/**
 * Splits the values that patterns speak about into finitely many atoms.
 *
 * Two values are in the same atom when the same patterns match both, so no policy that is made of
 * these patterns can tell them apart: what holds for one value of an atom holds for all. The
 * automata are those of the evaluator, so both mean the same by a pattern. An atom without a value
 * of the language does not exist; the one that no pattern matches is an atom like all others.
 *
 * @module
 */

import { AutomatonBuilder, matchAll } from "../../policy-wasm/glob/automaton.ts";
import type { Automaton } from "../../policy-wasm/glob/automaton.ts";
import type { Glob } from "../../policy-wasm/glob/glob.ts";
import { type Language, tagOf } from "./language.ts";
import { type Budget, BudgetSpent } from "./limits.ts";

/** All values of one kind that the same patterns match. */
export interface Atom {
  /** Ascending indexes of the patterns that match. */
  readonly patterns: readonly number[];
  /** Kind of the values, a tag of the language. */
  readonly tag: number;
  /** One value of the atom, as short as there is and as readable as that allows. */
  readonly witness: string;
}

export interface SplitOptions {
  readonly budget: Budget;
  /** Values that people know, used as witnesses of the atoms that they are in. */
  readonly preferred?: readonly string[];
}

/**
 * Returns the atoms, the one with the shortest witness first.
 *
 * @throws {BudgetSpent}
 */
export function splitIntoAtoms(
  globs: readonly Glob[],
  language: Language,
  { budget, preferred = [] }: SplitOptions,
): readonly Atom[] {
  const automaton = new AutomatonBuilder().build(globs);
  if (automaton === null) throw new MachineTooLarge();
  const found = new Map<string, Atom>();
  const keys = automaton.accepts.map((patterns) => patterns.join(" "));
  const possible = reachableKeys(automaton, keys).size * language.tagCount;
  for (const witness of preferred) {
    const tag = tagOf(language, witness);
    const patterns = matchAll(automaton, new TextEncoder().encode(witness));
    const key = `${tag}:${patterns.join(" ")}`;
    if (tag !== 0 && !found.has(key)) found.set(key, { patterns, tag, witness });
  }
  const visit = (state: number, tag: number, text: () => string) => {
    const key = `${tag}:${keys[state]}`;
    if (!found.has(key)) {
      if (found.size >= budget.caps.atoms) {
        throw new BudgetSpent(`More than ${budget.caps.atoms} atoms in one place`);
      }
      found.set(key, { patterns: automaton.accepts[state]!, tag, witness: text() });
    }
    return found.size < possible;
  };
  if (found.size < possible) new Search(automaton, language, budget).run(visit);
  if (found.size < possible && language.whole !== null) {
    new Search(automaton, language.whole(), budget).run(visit);
  }
  return [...found.values()];
}

/** The patterns of one place need a larger machine than is built. */
export class MachineTooLarge extends BudgetSpent {
  constructor() {
    super("Patterns of one place need too large a machine");
  }
}

/** Sets of patterns where a value can end; the start counts only when a value comes back to it. */
function reachableKeys(
  { next, stateCount, classCount }: Automaton,
  keys: readonly string[],
): ReadonlySet<string> {
  const isTarget = new Uint8Array(stateCount);
  for (let at = classCount; at < next.length && at < stateCount * classCount; at++) {
    isTarget[next[at]!] = 1;
  }
  return new Set(keys.filter((_, state) => isTarget[state] === 1));
}

/** Breadth first through pairs of states, so that the first way to a pair is a shortest one. */
class Search {
  readonly #automaton: Automaton;
  readonly #language: Language;
  readonly #budget: Budget;
  readonly #steps: readonly number[];
  /** By pair: the pair before it plus one; 0 when it was not reached. */
  readonly #before: Uint32Array;
  readonly #byte: Uint8Array;

  constructor(automaton: Automaton, language: Language, budget: Budget) {
    this.#automaton = automaton;
    this.#language = language;
    this.#budget = budget;
    this.#steps = stepsOf(language, (byte) => automaton.classOf[byte]!);
    const pairs = automaton.stateCount * language.stateCount;
    budget.step(pairs);
    this.#before = new Uint32Array(pairs);
    this.#byte = new Uint8Array(pairs);
  }

  /** Calls `visit` for each place where a value may end, until it returns false. */
  run(visit: (state: number, tag: number, text: () => string) => boolean): void {
    const { stateCount, next, tags } = this.#language;
    const { next: moves, classOf, classCount } = this.#automaton;
    const first = stateCount + 1;
    const queue = [first];
    this.#before[first] = first + 1;
    for (let at = 0; at < queue.length; at++) {
      const pair = queue[at]!;
      const inLanguage = pair % stateCount;
      const state = (pair - inLanguage) / stateCount;
      const tag = tags[inLanguage]!;
      if (tag !== 0 && !visit(state, tag, () => this.#textTo(pair, first))) return;
      this.#budget.step(this.#steps.length);
      for (const byte of this.#steps) {
        const step = next[inLanguage * 256 + byte]!;
        if (step === 0) continue;
        const target = moves[state * classCount + classOf[byte]!]! * stateCount + step;
        if (this.#before[target] !== 0) continue;
        this.#before[target] = pair + 1;
        this.#byte[target] = byte;
        queue.push(target);
      }
    }
  }

  #textTo(pair: number, first: number): string {
    const bytes: number[] = [];
    for (let at = pair; at !== first; at = this.#before[at]! - 1) bytes.push(this.#byte[at]!);
    return new TextDecoder().decode(Uint8Array.from(bytes.reverse()));
  }
}

/** Bytes in the order in which witnesses prefer them: letters, digits, then what reads well. */
const PREFERENCE: readonly number[] = [
  ..."abcdefghijklmnopqrstuvwxyz0123456789-_./ABCDEFGHIJKLMNOPQRSTUVWXYZ~+@:,=! %*",
].map((character) => character.charCodeAt(0));

/** The most readable byte of those that no machine tells apart; `classOf` is that of the others. */
export function stepsOf(
  language: Language,
  classOf: (byte: number) => number | string,
): readonly number[] {
  const seen = new Set<string>();
  const steps: number[] = [];
  for (const byte of [...PREFERENCE, ...Array.from({ length: 256 }, (_, at) => at)]) {
    const key = `${language.columns[byte]} ${classOf(byte)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    steps.push(byte);
  }
  return steps;
}
