/**
 * Globs as deterministic automata over bytes, so that one pass over a value answers for many
 * patterns at once and set questions (do two patterns share a value?) have exact answers.
 *
 * Values are UTF-8. State 0 is dead, state 1 the start. Subset construction; the number of states
 * and the work are bounded by `AUTOMATON_STATES_MAX` and `AUTOMATON_WORK_MAX`.
 *
 * @module
 */

import { AUTOMATON_STATES_MAX, AUTOMATON_WORK_MAX, POLICY_WORK_MAX } from "../../proto/limits.ts";
import type { Glob, Token } from "./glob.ts";
import { parseGlob, separatorOf } from "./glob.ts";

/** A machine that says for a value which of its patterns match. */
export interface Automaton {
  /** Equivalence class of each byte value; 256 entries. */
  readonly classOf: Uint8Array;
  readonly classCount: number;
  readonly stateCount: number;
  /** Next state by `state * classCount + class`. */
  readonly next: Uint32Array;
  /** By state: ascending indexes of the patterns that match there. */
  readonly accepts: readonly (readonly number[])[];
}

/** Builds automata within a bound of work that all of them share. */
export class AutomatonBuilder {
  #workLeft: number;

  constructor(workMax: number = POLICY_WORK_MAX) {
    this.#workLeft = workMax;
  }

  /** True when nothing more can be built. */
  get isSpent(): boolean {
    return this.#workLeft <= 0;
  }

  /** Returns the machine of several patterns, or `null` when it is too large for its bounds. */
  build(globs: readonly Glob[]): Automaton | null {
    const nfa = new Nfa();
    globs.forEach((glob, index) => {
      for (const tokens of glob.alternatives) nfa.add(tokens, glob, index);
    });
    const subsets = new Subsets(nfa.finish(), Math.min(AUTOMATON_WORK_MAX, this.#workLeft));
    const automaton = subsets.build(nfa.start);
    this.#workLeft -= subsets.work;
    return automaton;
  }
}

/** Returns the machine of several patterns, or `null` when it is too large for its bounds. */
export function buildAutomaton(globs: readonly Glob[]): Automaton | null {
  return new AutomatonBuilder().build(globs);
}

/** Returns the indexes of the patterns that match a value. */
export function matchAll(automaton: Automaton, value: Uint8Array): readonly number[] {
  let state = 1;
  for (const byte of value) {
    state = automaton.next[state * automaton.classCount + automaton.classOf[byte]!]!;
  }
  return automaton.accepts[state]!;
}

/**
 * Tells whether a value exists that both path patterns match. A pair that is too complex to decide
 * counts as intersecting, and so does a malformed pattern.
 */
export function pathsIntersect(a: string, b: string): boolean {
  if (a === "**" || b === "**" || a === b) return true;
  const first = parseGlob(a, "path");
  const second = parseGlob(b, "path");
  if (!first.ok || !second.ok) return true;
  const both = buildAutomaton([first.glob, second.glob]);
  return both === null || both.accepts.some((patterns) => patterns.length === 2);
}

/** A set of bytes as ascending, disjoint ranges `[low, high, low, high, …]`. */
type ByteSet = readonly number[];

/** Sets are known by number: 0 to 255 is that byte alone, further ones are listed. */
const FIRST_WIDE_SET = 256;

const ANY_BYTE: ByteSet = [0x00, 0xff];

/** Leading bytes of 2, 3 and 4 byte sequences with how many bytes follow (RFC 3629). */
const UTF8_LEADS: readonly (readonly [low: number, high: number, following: number])[] = [
  [0xc2, 0xdf, 1],
  [0xe0, 0xef, 2],
  [0xf0, 0xf4, 3],
];

interface Node {
  readonly edges: { readonly set: number; readonly target: number }[];
  /** Nodes that are active together with this one. */
  readonly empty: number[];
  /** Patterns that end here. */
  readonly accepts: number[];
}

interface FinishedNfa {
  /** Sets other than single bytes; the first has number `FIRST_WIDE_SET`. */
  readonly wideSets: readonly ByteSet[];
  readonly nodes: readonly Node[];
  readonly closures: readonly (readonly number[])[];
}

/** Collects the nodes of all patterns. */
class Nfa {
  readonly #nodes: Node[] = [];
  readonly #wideSets: ByteSet[] = [];
  readonly #setIds = new Map<string, number>();
  /** Where a token leads from a node, so that patterns with a common start share their nodes. */
  readonly #after = new Map<number | string, number>();

  /** The node at which all patterns start. */
  readonly start = this.#node();

  /** Adds one alternative. */
  add(tokens: readonly Token[], glob: Glob, pattern: number): void {
    let at = this.start;
    for (const token of tokens) at = this.#addToken(at, token, separatorOf(glob.use));
    this.#nodes[at]!.accepts.push(pattern);
  }

  finish(): FinishedNfa {
    const closures = this.#nodes.map((_, index) => this.#closure(index));
    return { wideSets: this.#wideSets, nodes: this.#nodes, closures };
  }

  #addToken(at: number, token: Token, separator: string | null): number {
    if (token.kind === "literal") return this.#addLiteral(at, token.text);
    const key = `${token.kind} ${separator} ${token.kind === "class" ? JSON.stringify(token) : ""}`;
    return this.#share(at, key, () => {
      switch (token.kind) {
        case "one":
          return this.#addCharacter(at, excluding(separator), true);
        case "class": {
          const inside = normalise(token.ranges.flat());
          const ascii = token.negated ? asciiOutside(inside) : inside;
          return this.#addCharacter(at, ascii, token.negated);
        }
        case "run":
          return this.#addLoop(at, separator === null ? ANY_BYTE : bytesOutside(separator));
        case "all":
          return this.#addLoop(at, ANY_BYTE);
        case "components":
          return this.#addComponents(at, separator!.charCodeAt(0));
      }
    });
  }

  #share(at: number, key: number | string, make: () => number): number {
    const place = typeof key === "number" ? at * FIRST_WIDE_SET + key : `${at} ${key}`;
    let end = this.#after.get(place);
    if (end === undefined) {
      end = make();
      this.#after.set(place, end);
    }
    return end;
  }

  #addLiteral(at: number, text: string): number {
    for (const byte of new TextEncoder().encode(text)) {
      at = this.#share(at, byte, () => {
        const next = this.#node();
        this.#byteEdge(at, byte, next);
        return next;
      });
    }
    return at;
  }

  #addComponents(at: number, separator: number): number {
    const loop = this.#node();
    const end = this.#node();
    this.#nodes[at]!.empty.push(loop, end);
    this.#edge(loop, ANY_BYTE, loop);
    this.#byteEdge(loop, separator, end);
    return end;
  }

  #addLoop(at: number, set: ByteSet): number {
    const loop = this.#node();
    this.#nodes[at]!.empty.push(loop);
    this.#edge(loop, set, loop);
    return loop;
  }

  #addCharacter(at: number, ascii: ByteSet, beyondAscii: boolean): number {
    const end = this.#node();
    if (ascii.length > 0) this.#edge(at, ascii, end);
    if (!beyondAscii) return end;
    for (const [low, high, following] of UTF8_LEADS) {
      let node = at;
      for (let left = following; left >= 0; left--) {
        const target = left === 0 ? end : this.#node();
        this.#edge(node, left === following ? [low, high] : [0x80, 0xbf], target);
        node = target;
      }
    }
    return end;
  }

  #node(): number {
    this.#nodes.push({ edges: [], empty: [], accepts: [] });
    return this.#nodes.length - 1;
  }

  #byteEdge(from: number, byte: number, target: number): void {
    this.#nodes[from]!.edges.push({ set: byte, target });
  }

  #edge(from: number, set: ByteSet, target: number): void {
    const key = set.join();
    let id = this.#setIds.get(key);
    if (id === undefined) {
      id = FIRST_WIDE_SET + this.#wideSets.push(set) - 1;
      this.#setIds.set(key, id);
    }
    this.#nodes[from]!.edges.push({ set: id, target });
  }

  #closure(index: number): number[] {
    const node = this.#nodes[index]!;
    if (node.empty.length === 0) return [index];
    const seen = new Set([index]);
    const pending = [index];
    while (pending.length > 0) {
      for (const next of this.#nodes[pending.pop()!]!.empty) {
        if (seen.has(next)) continue;
        seen.add(next);
        pending.push(next);
      }
    }
    return [...seen].sort((a, b) => a - b);
  }
}

/** Subset construction. */
class Subsets {
  readonly #nfa: FinishedNfa;
  readonly #workMax: number;
  /** Nodes of all states, and edges followed. */
  work = 0;
  readonly #classOf: Uint8Array;
  readonly #classesOfWideSet: readonly (readonly number[])[];
  readonly #classCount: number;
  /** Members of each state, ascending. State 0 has none. */
  readonly #members: (readonly number[])[] = [[]];
  readonly #byKey = new Map<string | number, number>([["", 0]]);
  /** State of a node's closure alone, by node; 0 when not made yet. */
  readonly #ofNode: Uint32Array;

  constructor(nfa: FinishedNfa, workMax: number) {
    this.#nfa = nfa;
    this.#workMax = workMax;
    const { classOf, classCount } = byteClasses(nfa);
    this.#classOf = classOf;
    this.#classCount = classCount;
    this.#classesOfWideSet = nfa.wideSets.map((set) => classesIn(set, classOf, classCount));
    this.#ofNode = new Uint32Array(nfa.nodes.length);
  }

  build(start: number): Automaton | null {
    this.#state(this.#nfa.closures[start]!);
    let next = new Uint32Array(32 * this.#classCount);
    for (let state = 1; state < this.#members.length; state++) {
      const start = state * this.#classCount;
      if (start === next.length) next = withRoom(next);
      this.#fillRow(next, start, this.#members[state]!);
      if (this.#members.length > AUTOMATON_STATES_MAX || this.work > this.#workMax) return null;
    }
    return {
      classOf: this.#classOf,
      classCount: this.#classCount,
      stateCount: this.#members.length,
      next,
      accepts: this.#members.map((members) => this.#accepted(members)),
    };
  }

  /** Writes where the classes of bytes lead from a state, from `start` on. */
  #fillRow(next: Uint32Array, start: number, members: readonly number[]): void {
    this.work += members.length;
    const only = members.length === 1 ? this.#nfa.nodes[members[0]!]!.edges : undefined;
    if (only?.length === 1 && only[0]!.set < FIRST_WIDE_SET) {
      next[start + this.#classOf[only[0]!.set]!] = this.#stateOfNode(only[0]!.target);
      return;
    }
    const targets: (number[] | undefined)[] = new Array(this.#classCount);
    for (const member of members) {
      for (const { set, target } of this.#nfa.nodes[member]!.edges) {
        if (set < FIRST_WIDE_SET) {
          (targets[this.#classOf[set]!] ??= []).push(target);
        } else {
          for (const index of this.#classesOfWideSet[set - FIRST_WIDE_SET]!) {
            (targets[index] ??= []).push(target);
          }
        }
      }
    }
    let lastKey = "";
    let lastState = 0;
    for (let index = 0; index < targets.length; index++) {
      const nodes = targets[index];
      if (nodes === undefined) continue;
      this.work += nodes.length;
      if (nodes.length === 1) {
        next[start + index] = this.#stateOfNode(nodes[0]!);
        continue;
      }
      // Neighbouring classes of a loop mostly lead to the same place.
      const key = nodes.join();
      if (key !== lastKey) lastState = this.#state(union(nodes.map((n) => this.#nfa.closures[n]!)));
      lastKey = key;
      next[start + index] = lastState;
    }
  }

  #stateOfNode(node: number): number {
    if (this.#ofNode[node] === 0) this.#ofNode[node] = this.#state(this.#nfa.closures[node]!);
    return this.#ofNode[node]!;
  }

  #state(members: readonly number[]): number {
    const key = members.length === 1 ? members[0]! : members.join();
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const state = this.#members.push(members) - 1;
    this.#byKey.set(key, state);
    return state;
  }

  #accepted(members: readonly number[]): readonly number[] {
    const patterns = new Set<number>();
    for (const member of members) {
      for (const pattern of this.#nfa.nodes[member]!.accepts) patterns.add(pattern);
    }
    return patterns.size === 0 ? NO_PATTERNS : [...patterns].sort((a, b) => a - b);
  }
}

const NO_PATTERNS: readonly number[] = [];

function withRoom(words: Uint32Array): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(words.length * 2);
  grown.set(words);
  return grown;
}

/** Bytes are in one class when no set of the machine tells them apart. */
function byteClasses(nfa: FinishedNfa): { classOf: Uint8Array; classCount: number } {
  const singles = new Uint8Array(256);
  for (const node of nfa.nodes) {
    for (const { set } of node.edges) if (set < FIRST_WIDE_SET) singles[set] = 1;
  }
  // Refine: each wide set splits every class that it cuts through.
  const classOf = new Uint8Array(256);
  for (const set of nfa.wideSets) {
    const isInside = bytesIn(set);
    const refined = new Int16Array(512).fill(-1);
    let count = 0;
    for (let byte = 0; byte < 256; byte++) {
      const key = classOf[byte]! * 2 + isInside[byte]!;
      if (refined[key]! < 0) refined[key] = count++;
      classOf[byte] = refined[key]!;
    }
  }
  // Renumber, with a class of its own for each single byte, so that no number is unused.
  const numbers = new Int16Array(512).fill(-1);
  let classCount = 0;
  for (let byte = 0; byte < 256; byte++) {
    const key = singles[byte] === 1 ? 256 + byte : classOf[byte]!;
    if (numbers[key]! < 0) numbers[key] = classCount++;
    classOf[byte] = numbers[key]!;
  }
  return { classOf, classCount };
}

function classesIn(set: ByteSet, classOf: Uint8Array, classCount: number): number[] {
  const seen = new Uint8Array(classCount);
  for (let i = 0; i < set.length; i += 2) {
    for (let byte = set[i]!; byte <= set[i + 1]!; byte++) seen[classOf[byte]!] = 1;
  }
  return [...seen.keys()].filter((index) => seen[index] === 1);
}

/** Returns 1 for each byte in the set, 0 for the others. */
function bytesIn(set: ByteSet): Uint8Array {
  const isInside = new Uint8Array(256);
  for (let i = 0; i < set.length; i += 2) isInside.fill(1, set[i]!, set[i + 1]! + 1);
  return isInside;
}

function single(byte: number): ByteSet {
  return [byte, byte];
}

function bytesOutside(separator: string): ByteSet {
  const code = separator.charCodeAt(0);
  return [0x00, code - 1, code + 1, 0xff];
}

function excluding(separator: string | null): ByteSet {
  return separator === null ? [0x00, 0x7f] : asciiOutside(single(separator.charCodeAt(0)));
}

function asciiOutside(set: ByteSet): number[] {
  const outside: number[] = [];
  let low = 0;
  for (let i = 0; i < set.length; i += 2) {
    if (set[i]! > low) outside.push(low, set[i]! - 1);
    low = set[i + 1]! + 1;
  }
  if (low <= 0x7f) outside.push(low, 0x7f);
  return outside;
}

/** Sorts ranges and joins those that overlap or touch. */
function normalise(flat: readonly number[]): number[] {
  const ranges: [number, number][] = [];
  for (let i = 0; i < flat.length; i += 2) ranges.push([flat[i]!, flat[i + 1]!]);
  ranges.sort((a, b) => a[0] - b[0]);
  const joined: number[] = [];
  for (const [low, high] of ranges) {
    if (joined.length > 0 && low <= joined.at(-1)! + 1) {
      joined[joined.length - 1] = Math.max(joined.at(-1)!, high);
    } else {
      joined.push(low, high);
    }
  }
  return joined;
}

function union(lists: readonly (readonly number[])[]): readonly number[] {
  if (lists.length === 1) return lists[0]!;
  const all = new Set<number>();
  for (const list of lists) for (const member of list) all.add(member);
  return [...all].sort((a, b) => a - b);
}
