/**
 * Damages valid inputs a little: random bytes alone get past nothing.
 *
 * @module
 */

import type { Chance } from "../differential/generate.ts";
import { concat, latin1Bytes } from "./target.ts";

export interface MutateOptions {
  /** Texts that mean something where the input is read. Characters are bytes. */
  readonly words?: readonly string[];
  /** Another valid input, to splice with. */
  readonly other?: Uint8Array;
  readonly changesMax?: number;
  /** Only overwrites: for formats of fixed places. */
  readonly keepsLength?: boolean;
}

/** Bytes at the edges of what readers tell apart. */
const EDGES = [0, 1, 9, 10, 11, 13, 32, 34, 37, 46, 47, 48, 58, 59, 92, 127, 128, 160, 192, 255];

/** Inputs do not grow beyond it, so that executions stay short. */
const BYTES_MAX = 256 * 1024;

/** Returns the input with one change or a few. */
export function mutate(
  input: Uint8Array,
  chance: Chance,
  { words = [], other, changesMax = 3, keepsLength = false }: MutateOptions = {},
): Uint8Array {
  let bytes = input;
  for (let left = 1 + chance.below(changesMax); left > 0; left--) {
    bytes = keepsLength
      ? overwrite(bytes, chance, words)
      : change(bytes, chance, { words, other: other ?? input }).subarray(0, BYTES_MAX);
  }
  return bytes;
}

function overwrite(bytes: Uint8Array, chance: Chance, words: readonly string[]): Uint8Array {
  const at = chance.below(bytes.length + 1);
  if (words.length === 0 || chance.once(2)) {
    return replace(bytes, at, (byte) => chance.once(2) ? byte ^ (1 << chance.below(8)) : 0);
  }
  const word = latin1Bytes(chance.of(words)).subarray(0, bytes.length - at);
  return concat(bytes.subarray(0, at), word, bytes.subarray(at + word.length));
}

interface Material {
  readonly words: readonly string[];
  readonly other: Uint8Array;
}

function change(bytes: Uint8Array, chance: Chance, { words, other }: Material): Uint8Array {
  const at = chance.below(bytes.length + 1);
  const length = 1 + chance.below(chance.of([1, 1, 2, 4, 16, 64, 256]));
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at);
  switch (chance.below(words.length === 0 ? 8 : 11)) {
    case 0:
      return replace(bytes, at, (byte) => byte ^ (1 << chance.below(8)));
    case 1:
      return replace(bytes, at, () => chance.of(EDGES));
    case 2:
      return replace(bytes, at, () => chance.below(256));
    case 3:
      return concat(before, Uint8Array.of(chance.of(EDGES)), after);
    case 4:
      return concat(before, after.subarray(length));
    case 5:
      return concat(before, after.subarray(0, length), after);
    case 6:
      return chance.once(2) ? before : concat(before, moved(bytes, length, chance), after);
    case 7: {
      const from = chance.below(other.length + 1);
      return chance.once(2)
        ? concat(before, other.subarray(from))
        : concat(before, other.subarray(from, from + length), after);
    }
    case 8:
      return concat(before, latin1Bytes(chance.of(words)), after.subarray(length));
    default:
      return concat(before, latin1Bytes(chance.of(words)), after);
  }
}

function moved(bytes: Uint8Array, length: number, chance: Chance): Uint8Array {
  const from = chance.below(bytes.length + 1);
  return bytes.subarray(from, from + length);
}

function replace(bytes: Uint8Array, at: number, by: (byte: number) => number): Uint8Array {
  if (at >= bytes.length) return bytes;
  const changed = bytes.slice();
  changed[at] = by(changed[at]!) & 0xff;
  return changed;
}
