/**
 * First stage: the caller's executables to the ids of the binary patterns that they match.
 *
 * @module
 */

import {
  DESCENDANTS_BIT,
  HEADER_BINARIES,
  HEADER_BINARY_ANY,
  HEADER_BINARY_GLOBS,
  INPUT_AT,
  INPUT_BYTES,
  PATTERN_IDS_AT,
  PATTERN_IDS_MAX,
} from "./format";
import { run } from "./automaton";
import { at, find, header, word } from "./memory";

/**
 * Reads the executable (`length` bytes) and `ancestors` further ones (each after a word with its
 * length) from the input; writes the ids to PATTERN_IDS_AT.
 *
 * Returns how many, or -1 when there are too many or the input does not fit.
 */
export function caller(length: u32, ancestors: u32): i32 {
  if (length > <u32> INPUT_BYTES) return -1;
  let count = matchOne(INPUT_AT, length, false, 0);
  const end: usize = INPUT_AT + INPUT_BYTES;
  let next: usize = <usize> INPUT_AT + length;
  for (let i: u32 = 0; i < ancestors && count >= 0; i++) {
    if (next + 4 > end) return -1;
    const size = load<u32>(next);
    next += 4;
    if (size > <u32> (end - next)) return -1;
    count = matchOne(next, size, true, count);
    next += size;
  }
  return count;
}

function matchOne(path: usize, length: u32, isAncestor: bool, count: i32): i32 {
  count = addAll(find(HEADER_BINARIES, path, length), isAncestor, count);
  count = addAll(header(HEADER_BINARY_ANY), isAncestor, count);
  const globs = header(HEADER_BINARY_GLOBS);
  if (globs == 0) return count;
  const automata = load<u32>(at(globs));
  for (let i: u32 = 0; i < automata && count >= 0; i++) {
    const automaton = load<u32>(word(at(globs) + 4, i));
    count = addAll(run(automaton, path, length), isAncestor, count);
  }
  return count;
}

/** Adds the ids of a list that are not there yet. */
function addAll(list: u32, isAncestor: bool, count: i32): i32 {
  if (list == 0 || count < 0) return count;
  const size = load<u32>(at(list));
  for (let i: u32 = 0; i < size; i++) {
    const id = load<u32>(word(at(list) + 4, i));
    if (isAncestor && !(id & DESCENDANTS_BIT)) continue;
    if (includes(id, count)) continue;
    if (count == PATTERN_IDS_MAX) return -1;
    store<u32>(word(PATTERN_IDS_AT, count), id);
    count++;
  }
  return count;
}

function includes(id: u32, count: i32): bool {
  for (let i = 0; i < count; i++) {
    if (load<u32>(word(PATTERN_IDS_AT, i)) == id) return true;
  }
  return false;
}
