/**
 * Words, lists and hash tables of the image.
 *
 * @module
 */

import {
  HASH_FACTOR,
  HASH_ROTATION,
  IMAGE_AT,
  SLOT_BYTES,
  SLOT_HASH,
  SLOT_KEY,
  SLOT_KEY_LENGTH,
  SLOT_VALUE,
} from "./format";

/** Word of the image's header. */
export function header(index: i32): u32 {
  return load<u32>(<usize> IMAGE_AT + (<usize> index << 2));
}

/** Address of an offset in the image. */
export function at(offset: u32): usize {
  return <usize> IMAGE_AT + offset;
}

/** Address of a word in a list of words. */
export function word(list: usize, index: u32): usize {
  return list + (<usize> index << 2);
}

function mix(hash: u32, value: u32): u32 {
  return (rotl(hash, HASH_ROTATION) ^ value) * HASH_FACTOR;
}

/** Hash of a key: its length, then its words, then the bytes that are left. */
export function hashOf(key: usize, length: u32): u32 {
  let hash = length;
  let left = length;
  while (left >= 4) {
    hash = mix(hash, load<u32>(key));
    key += 4;
    left -= 4;
  }
  while (left > 0) {
    hash = mix(hash, load<u8>(key));
    key++;
    left--;
  }
  return hash;
}

/** Spreads the bits of a hash over those that choose a slot. */
export function slotOf(hash: u32): u32 {
  return hash ^ (hash >> 15);
}

/** Tells whether two runs of bytes are the same. */
export function equal(a: usize, b: usize, length: u32): bool {
  if (length < 8) {
    for (let i: u32 = 0; i < length; i++) {
      if (load<u8>(a + i) != load<u8>(b + i)) return false;
    }
    return true;
  }
  // The last eight bytes overlap those before when the length is no multiple of eight.
  const last = length - 8;
  for (let i: u32 = 0; i < last; i += 8) {
    if (load<u64>(a + i) != load<u64>(b + i)) return false;
  }
  return load<u64>(a + last) == load<u64>(b + last);
}

/** Returns the value of a key in the table at a header word, 0 when it is not there. */
export function find(tableHeader: i32, key: usize, length: u32): u32 {
  const table = header(tableHeader);
  if (table == 0) return 0;
  const mask = header(tableHeader + 1);
  const hash = hashOf(key, length);
  let slot = slotOf(hash) & mask;
  for (let probes: u32 = 0; probes <= mask; probes++) {
    const entry = at(table) + <usize> slot * SLOT_BYTES;
    const stored = load<u32>(entry + SLOT_KEY);
    if (stored == 0) return 0;
    if (
      load<u32>(entry + SLOT_HASH) == hash && load<u32>(entry + SLOT_KEY_LENGTH) == length &&
      equal(at(stored), key, length)
    ) return load<u32>(entry + SLOT_VALUE);
    slot = (slot + 1) & mask;
  }
  return 0;
}
