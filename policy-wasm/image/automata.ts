/**
 * Automata in the image: chains of single bytes become runs that are compared eight bytes at a
 * time, states with few ways out become short lists, the rest become tables by class of byte.
 *
 * @module
 */

import {
  KIND_LITERAL,
  KIND_SPARSE,
  KIND_TABLE,
  LITERAL_BYTES,
  LITERAL_OTHERWISE,
  REFERENCE_FINAL,
  SPARSE_BYTES_MAX,
  STATE_ACCEPT,
  STATE_DATA,
  STATE_DEFAULT,
  STATE_KIND,
} from "../assembly/format.ts";
import type { Automaton } from "../glob/automaton.ts";
import type { ImageWriter } from "./writer.ts";

/** Longest chain of bytes in one run; longer ones continue in another. */
const RUN_BYTES_MAX = 4096;

const DEAD = 0;

/** Gives the value that the image accepts a set of patterns with; 0 is no acceptance. */
export type AcceptValue = (patterns: readonly number[]) => number;

/** Writes an automaton and returns the offset of its start, 0 for one that accepts nothing. */
export function writeAutomaton(
  writer: ImageWriter,
  automaton: Automaton,
  acceptValue: AcceptValue,
): number {
  const packed = new Packer(automaton).pack();
  const offsets = new Map<number, number>();
  for (const state of packed) offsets.set(state.id, writer.reserve(sizeOf(state, automaton)));
  const classMap = packed.some((state) => state.kind === KIND_TABLE)
    ? writeClassMap(writer, automaton)
    : 0;
  const finals = new Set(packed.filter((state) => state.isFinal).map((state) => state.id));
  function reference(id: number): number {
    if (id === DEAD) return REFERENCE_FINAL;
    return offsets.get(id)! | (finals.has(id) ? REFERENCE_FINAL : 0);
  }
  function answerOf(id: number): number {
    const accepted = automaton.accepts[id]!;
    return accepted.length === 0 ? 0 : acceptValue(accepted);
  }
  for (const state of packed) {
    const at = offsets.get(state.id)!;
    writer.setWord(at + STATE_ACCEPT, answerOf(state.id));
    writer.setWord(at + STATE_KIND, (state.kind << 24) | state.bytes.length);
    if (state.kind === KIND_TABLE) {
      writer.setWord(at + STATE_DEFAULT, classMap);
      for (let i = 0; i < automaton.classCount; i++) {
        const next = automaton.next[state.id * automaton.classCount + i]!;
        writer.setWord(at + STATE_DATA + i * 4, reference(next));
      }
      continue;
    }
    writer.setWord(at + STATE_DEFAULT, reference(state.defaultNext));
    if (state.kind === KIND_LITERAL) {
      writer.setWord(at + LITERAL_OTHERWISE, answerOf(state.otherwise));
      writer.setBytes(at + LITERAL_BYTES, state.bytes);
      continue;
    }
    writer.setBytes(at + STATE_DATA, state.bytes);
    const nextsAt = at + STATE_DATA + padded(state.bytes.length);
    state.nexts.forEach((next, index) => writer.setWord(nextsAt + index * 4, reference(next)));
  }
  return packed.length === 0 ? 0 : reference(1);
}

interface PackedState {
  readonly id: number;
  readonly kind: number;
  readonly isFinal: boolean;
  /** Literal: the run. Sparse: the bytes with a way of their own. */
  readonly bytes: readonly number[];
  /** Sparse: where each of these bytes leads. */
  readonly nexts: readonly number[];
  /** Literal: where the run leads. Sparse: where all other bytes lead. */
  readonly defaultNext: number;
  /** Literal: the final state that other bytes lead to, from anywhere in the run. */
  readonly otherwise: number;
}

/** The ways out of one state: `exceptions` are byte and target, all other bytes go to `rest`. */
interface Ways {
  readonly rest: number;
  readonly exceptions: readonly (readonly [byte: number, target: number])[];
  /** More exceptions than a sparse state holds. */
  readonly isWide: boolean;
}

class Packer {
  readonly #automaton: Automaton;
  readonly #bytesOf: number[][];
  readonly #ways: (Ways | undefined)[] = [];

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
    this.#bytesOf = Array.from({ length: automaton.classCount }, () => []);
    automaton.classOf.forEach((index, byte) => this.#bytesOf[index]!.push(byte));
  }

  /** Returns the states that the start reaches, itself first. */
  pack(): PackedState[] {
    const packed: PackedState[] = [];
    if (this.#automaton.stateCount < 2) return packed;
    const seen = new Set([1]);
    // A Set grows while it is walked, so this visits what is found on the way too.
    for (const id of seen) {
      const state = this.#packState(id);
      packed.push(state);
      for (const next of this.#reached(state)) if (next !== DEAD) seen.add(next);
    }
    return packed;
  }

  #packState(id: number): PackedState {
    const ways = this.#waysOf(id);
    const { rest } = ways;
    const isFinal = this.#isFinal(id);
    const common = { id, isFinal, nexts: [], bytes: [], defaultNext: rest, otherwise: rest };
    if (ways.isWide) return { ...common, kind: KIND_TABLE };
    if (ways.exceptions.length === 1 && this.#isFinal(rest)) {
      return { ...common, kind: KIND_LITERAL, ...this.#runFrom(id) };
    }
    return {
      ...common,
      kind: KIND_SPARSE,
      bytes: ways.exceptions.map(([byte]) => byte),
      nexts: ways.exceptions.map(([, target]) => target),
    };
  }

  #isFinal(id: number): boolean {
    const ways = this.#waysOf(id);
    return !ways.isWide && ways.exceptions.length === 0 && ways.rest === id;
  }

  /** Follows single bytes for as long as the states accept alike and fail alike. */
  #runFrom(id: number): { bytes: number[]; defaultNext: number } {
    const bytes: number[] = [];
    let at = id;
    do {
      const [byte, target] = this.#waysOf(at).exceptions[0]!;
      bytes.push(byte);
      at = target;
    } while (bytes.length < RUN_BYTES_MAX && this.#continues(id, at));
    return { bytes, defaultNext: at };
  }

  #continues(first: number, id: number): boolean {
    const ways = this.#waysOf(id);
    if (ways.isWide || ways.exceptions.length !== 1) return false;
    const { accepts } = this.#automaton;
    return ways.rest === this.#waysOf(first).rest && isSameList(accepts[id]!, accepts[first]!);
  }

  #reached(state: PackedState): Iterable<number> {
    if (state.kind !== KIND_TABLE) return [...state.nexts, state.defaultNext];
    const { next, classCount } = this.#automaton;
    return next.subarray(state.id * classCount, (state.id + 1) * classCount);
  }

  #waysOf(id: number): Ways {
    return this.#ways[id] ??= this.#findWays(id);
  }

  #findWays(id: number): Ways {
    const { next, classCount } = this.#automaton;
    const row = next.subarray(id * classCount, (id + 1) * classCount);
    // Only a target of most bytes can be the rest, and a vote of all bytes elects it.
    let rest = DEAD;
    let lead = 0;
    for (let index = 0; index < classCount; index++) {
      const weight = this.#bytesOf[index]!.length;
      if (row[index] === rest) lead += weight;
      else if (lead >= weight) lead -= weight;
      else [rest, lead] = [row[index]!, weight - lead];
    }
    const exceptions: [number, number][] = [];
    for (let index = 0; index < classCount; index++) {
      const bytes = this.#bytesOf[index]!;
      if (row[index] === rest) continue;
      if (exceptions.length + bytes.length > SPARSE_BYTES_MAX) {
        return { rest, exceptions: [], isWide: true };
      }
      for (const byte of bytes) exceptions.push([byte, row[index]!]);
    }
    return { rest, exceptions, isWide: false };
  }
}

function sizeOf(state: PackedState, automaton: Automaton): number {
  if (state.kind === KIND_TABLE) return STATE_DATA + automaton.classCount * 4;
  if (state.kind === KIND_LITERAL) return LITERAL_BYTES + state.bytes.length;
  return STATE_DATA + padded(state.bytes.length) + state.nexts.length * 4;
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

function writeClassMap(writer: ImageWriter, automaton: Automaton): number {
  const offset = writer.reserve(256);
  writer.setBytes(offset, automaton.classOf);
  return offset;
}
