/**
 * Walks an automaton of the image over bytes. Each step consumes input, so the input bounds the
 * walk, whatever the image says.
 *
 * @module
 */

import {
  KIND_LITERAL,
  KIND_SPARSE,
  LITERAL_BYTES,
  LITERAL_OTHERWISE,
  REFERENCE_FINAL,
  STATE_ACCEPT,
  STATE_DATA,
  STATE_DEFAULT,
  STATE_KIND,
} from "./format";
import { at, equal } from "./memory";

/** Returns what the automaton accepts the bytes with, 0 when it does not. */
export function run(automaton: u32, value: usize, length: u32): u32 {
  let state = automaton;
  let left = length;
  while (left > 0) {
    if (state & REFERENCE_FINAL) break;
    const address = at(state);
    const word = load<u32>(address + STATE_KIND);
    const kind = word >> 24;
    const count = word & 0xffffff;
    if (kind == KIND_LITERAL) {
      // All states of the run accept alike, and other bytes lead all of them to one answer.
      if (!equal(address + LITERAL_BYTES, value, min(left, count))) {
        return load<u32>(address + LITERAL_OTHERWISE);
      }
      if (count == 0 || left < count) return load<u32>(address + STATE_ACCEPT);
      value += count;
      left -= count;
      state = load<u32>(address + STATE_DEFAULT);
    } else if (kind == KIND_SPARSE) {
      let next = state;
      while (next == state && left > 0) {
        next = sparse(address, count, load<u8>(value++));
        left--;
      }
      state = next;
    } else {
      const classOf = load<u8>(at(load<u32>(address + STATE_DEFAULT)) + load<u8>(value++));
      left--;
      state = load<u32>(address + STATE_DATA + (<usize> classOf << 2));
    }
  }
  // Offset 0 is the image's header, so a reference to it is the dead state.
  const offset = state & ~REFERENCE_FINAL;
  return offset == 0 ? 0 : load<u32>(at(offset) + STATE_ACCEPT);
}

function sparse(address: usize, count: u32, byte: u32): u32 {
  const bytes = address + STATE_DATA;
  for (let i: u32 = 0; i < count; i++) {
    if (load<u8>(bytes + i) == byte) {
      return load<u32>(bytes + <usize> ((count + 3) & ~3) + (<usize> i << 2));
    }
  }
  return load<u32>(address + STATE_DEFAULT);
}
