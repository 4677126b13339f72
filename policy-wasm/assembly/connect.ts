/**
 * Second stage: caller, host and port to the cells that apply.
 *
 * @module
 */

import {
  CELL_FLAGS,
  CELL_ORDER,
  CELLS_AT,
  CELLS_MAX,
  CONNECT_CELLS,
  CONNECT_FLAGS,
  DECISION_DENIED,
  DECISION_ENDPOINT_SHIFT,
  HEADER_HAS_RULES,
  HEADER_HOSTLESS,
  HEADER_HOSTS,
  HEADER_SUFFIXES,
  INPUT_AT,
  INPUT_BYTES,
  PATTERN_IDS_AT,
  REASON_ALLOWED,
  REASON_BINARY_NOT_ALLOWED,
  REASON_ENGINE_ERROR,
  REASON_HOST_NOT_ALLOWED,
  REASON_NO_NETWORK_RULES,
  REASON_PORT_NOT_ALLOWED,
  REQUEST_AT,
  SUFFIX_BYTES_MAX,
} from "./format";
import { run } from "./automaton";
import { at, find, header, word } from "./memory";

const DOT: u32 = 0x2e;

/** How far a host got: bits that are joined over all host entries. */
const SAW_HOST: u32 = 1;
const SAW_PORT: u32 = 2;
const OVERFLOW: u32 = 4;

/**
 * Judges a connection to the host in the input (`length` bytes) by a caller whose `ids` pattern
 * ids are at PATTERN_IDS_AT. Writes the cells and the block at REQUEST_AT; returns a decision.
 */
export function connect(ids: u32, length: u32, port: u32): u32 {
  store<u32>(REQUEST_AT + CONNECT_CELLS, 0);
  store<u32>(REQUEST_AT + CONNECT_FLAGS, 0);
  if (header(HEADER_HAS_RULES) == 0) return DECISION_DENIED | REASON_NO_NETWORK_RULES;
  if (length == 0 || length > <u32> INPUT_BYTES) return DECISION_DENIED | REASON_ENGINE_ERROR;
  const saw = matchHost(ids, length, port) | matchEntry(header(HEADER_HOSTLESS), ids, port) &
      ~SAW_HOST;
  if (saw & OVERFLOW) return DECISION_DENIED | REASON_ENGINE_ERROR;
  const cells = load<u32>(REQUEST_AT + CONNECT_CELLS);
  if (cells == 0) {
    if (saw & SAW_PORT) return DECISION_DENIED | REASON_BINARY_NOT_ALLOWED;
    return DECISION_DENIED | (saw & SAW_HOST ? REASON_PORT_NOT_ALLOWED : REASON_HOST_NOT_ALLOWED);
  }
  return summarise(cells);
}

/** Looks the whole host up, and each suffix of it that starts a label. */
function matchHost(ids: u32, length: u32, port: u32): u32 {
  let saw = matchEntry(find(HEADER_HOSTS, INPUT_AT, length), ids, port);
  if (header(HEADER_SUFFIXES) == 0) return saw;
  const first: u32 = length > <u32> SUFFIX_BYTES_MAX ? length - SUFFIX_BYTES_MAX : 1;
  for (let i = length; i >= first; i--) {
    if (load<u8>(INPUT_AT + i - 1) != DOT) continue;
    const automata = find(HEADER_SUFFIXES, INPUT_AT + i, length - i);
    if (automata != 0) saw |= matchPrefixes(automata, i - 1, ids, port);
  }
  return saw;
}

/** Runs each automaton of a list over the labels before a suffix. */
function matchPrefixes(automata: u32, length: u32, ids: u32, port: u32): u32 {
  const size = load<u32>(at(automata));
  let saw: u32 = 0;
  for (let i: u32 = 0; i < size; i++) {
    const automaton = load<u32>(word(at(automata) + 4, i));
    saw |= matchEntries(run(automaton, INPUT_AT, length), ids, port);
  }
  return saw;
}

function matchEntries(list: u32, ids: u32, port: u32): u32 {
  if (list == 0) return 0;
  const size = load<u32>(at(list));
  let saw: u32 = 0;
  for (let i: u32 = 0; i < size; i++) {
    saw |= matchEntry(load<u32>(word(at(list) + 4, i)), ids, port);
  }
  return saw;
}

/** A host entry is a count and pairs of port and site, ascending by port. */
function matchEntry(entry: u32, ids: u32, port: u32): u32 {
  if (entry == 0) return 0;
  const site = findPair(entry, port);
  if (site == 0) return SAW_HOST;
  for (let i: u32 = 0; i < ids; i++) {
    const cells = findPair(site, load<u32>(word(PATTERN_IDS_AT, i)));
    if (cells != 0 && !addCells(cells)) return OVERFLOW;
  }
  return SAW_HOST | SAW_PORT;
}

/** Binary search in a count and ascending pairs; returns the second of the pair, 0 for none. */
function findPair(list: u32, key: u32): u32 {
  const pairs = at(list) + 4;
  let low: u32 = 0;
  let high = load<u32>(at(list));
  while (low < high) {
    const middle = (low + high) >> 1;
    const pair = pairs + (<usize> middle << 3);
    const found = load<u32>(pair);
    if (found == key) return load<u32>(pair + 4);
    if (found < key) low = middle + 1;
    else high = middle;
  }
  return 0;
}

function addCells(list: u32): bool {
  const size = load<u32>(at(list));
  let count = load<u32>(REQUEST_AT + CONNECT_CELLS);
  for (let i: u32 = 0; i < size; i++) {
    const cell = load<u32>(word(at(list) + 4, i));
    if (includes(cell, count)) continue;
    if (count == CELLS_MAX) return false;
    store<u32>(word(CELLS_AT, count), cell);
    count++;
  }
  store<u32>(REQUEST_AT + CONNECT_CELLS, count);
  return true;
}

function includes(cell: u32, count: u32): bool {
  for (let i: u32 = 0; i < count; i++) {
    if (load<u32>(word(CELLS_AT, i)) == cell) return true;
  }
  return false;
}

function summarise(cells: u32): u32 {
  let order: u32 = u32.MAX_VALUE;
  let flags: u32 = 0;
  for (let i: u32 = 0; i < cells; i++) {
    const cell = at(load<u32>(word(CELLS_AT, i)));
    order = min(order, load<u32>(cell + CELL_ORDER));
    flags |= load<u32>(cell + CELL_FLAGS);
  }
  store<u32>(REQUEST_AT + CONNECT_FLAGS, flags);
  return REASON_ALLOWED | ((order + 1) << DECISION_ENDPOINT_SHIFT);
}
