/**
 * Third stage: one request on a connection to a verdict. `architecture/policy.md` numbers the
 * steps that the comments name.
 *
 * @module
 */

import {
  CELL_AUTOMATON,
  CELL_FLAGS,
  CELL_ROW,
  CELL_SQL_ROW,
  CELLS_AT,
  CELLS_MAX,
  DECISION_AUDITED,
  DECISION_DENIED,
  DECISION_ENDPOINT_SHIFT,
  ENTRY_BYTES,
  ENTRY_CONDITION,
  ENTRY_METHODS,
  ENTRY_ORDER,
  ENTRY_PROTOCOL,
  FLAG_INSPECTED,
  GRAPHQL_KIND_PERSISTED,
  INPUT_AT,
  METHOD_GET,
  METHOD_POST,
  METHOD_WEBSOCKET_TEXT,
  PROTOCOL_GRAPHQL,
  PROTOCOL_JSON_RPC,
  PROTOCOL_MCP,
  PROTOCOL_SQL,
  PROTOCOL_WEBSOCKET,
  PROTOCOL_WEBSOCKET_GRAPHQL,
  REASON_ALLOWED,
  REASON_DENIED_BY_RULE,
  REASON_ENCODED_SLASH_NOT_ALLOWED,
  REASON_ENGINE_ERROR,
  REASON_GRAPHQL_INVALID,
  REASON_PATH_NOT_IN_SCOPE,
  REASON_PERSISTED_QUERY_NOT_ALLOWED,
  REASON_REQUEST_NOT_ALLOWED,
  REASON_RPC_INVALID,
  REASON_RPC_RESPONSE_NOT_ALLOWED,
  REASON_TOOL_NAME_INVALID,
  REASON_WEBSOCKET_REQUIRED,
  REQUEST_AT,
  REQUEST_COMMAND,
  REQUEST_FLAG_ENCODED_SLASH,
  REQUEST_FLAGS,
  REQUEST_GRAPHQL,
  REQUEST_METHOD,
  REQUEST_PATH_LENGTH,
  REQUEST_RPC,
  ROW_ALLOWS,
  ROW_DENIES,
  ROW_DRIVER,
  ROW_ENTRIES,
  ROW_RANK,
  ROW_TRAITS,
  ROWS_AT,
  RPC_KIND_CALL,
  RPC_KIND_RESPONSE,
  RPC_KIND_STREAM,
  TRAIT_AUDIT,
  TRAIT_ENCODED_SLASH,
  TRAIT_PROTOCOL,
  TRAIT_STRICT_TOOLS,
  TRAIT_WEBSOCKET_GRAPHQL,
} from "./format";
import { run } from "./automaton";
import { hasTool, isStrictTool, isToolCall, meets, part } from "./conditions";
import { at, word } from "./memory";

const NONE: u32 = u32.MAX_VALUE;

/**
 * Judges the request at REQUEST_AT, its path at the start of the input, on a connection with
 * `cells` cells at CELLS_AT and their joined `flags`. Returns a decision.
 */
export function request(cells: u32, flags: u32): u32 {
  if (cells == 0 || cells > <u32> CELLS_MAX) return DECISION_DENIED | REASON_ENGINE_ERROR;
  const isInspected = (flags & FLAG_INSPECTED) != 0;
  if (!isInspected && load<u32>(REQUEST_AT + REQUEST_COMMAND) == 0) return REASON_ALLOWED;
  const driver = selectRows(cells, isInspected);
  if (driver == 0) return isInspected ? DECISION_DENIED | REASON_PATH_NOT_IN_SCOPE : REASON_ALLOWED;
  const traits = load<u32>(at(driver) + ROW_TRAITS);
  const by = (load<u32>(at(driver) + ROW_DRIVER) + 1) << DECISION_ENDPOINT_SHIFT;
  const hard = checkHard(traits);
  if (hard != REASON_ALLOWED) return DECISION_DENIED | hard | by;
  // An audited violation keeps the reason and leaves out the denial.
  const consequence = traits & TRAIT_AUDIT ? DECISION_AUDITED : DECISION_DENIED;
  const denier = firstDeny(cells);
  if (denier != NONE) {
    return consequence | REASON_DENIED_BY_RULE | ((denier + 1) << DECISION_ENDPOINT_SHIFT);
  }
  if (isFreeMessage(traits)) return REASON_ALLOWED | by;
  const allower = firstAllow(cells, traits);
  if (allower != NONE) return REASON_ALLOWED | ((allower + 1) << DECISION_ENDPOINT_SHIFT);
  return consequence | by |
    (isPersisted(traits) ? REASON_PERSISTED_QUERY_NOT_ALLOWED : REASON_REQUEST_NOT_ALLOWED);
}

/** Steps 2 and 3: writes the row of each cell to ROWS_AT, returns the driver's row, 0 for none. */
function selectRows(cells: u32, isInspected: bool): u32 {
  const length = load<u32>(REQUEST_AT + REQUEST_PATH_LENGTH);
  let driver: u32 = 0;
  for (let i: u32 = 0; i < cells; i++) {
    const cell = at(load<u32>(word(CELLS_AT, i)));
    let row: u32 = 0;
    if (!isInspected) {
      row = load<u32>(cell + CELL_SQL_ROW);
    } else if (load<u32>(cell + CELL_FLAGS) & FLAG_INSPECTED) {
      const automaton = load<u32>(cell + CELL_AUTOMATON);
      if (automaton != 0) row = run(automaton, INPUT_AT, length);
      if (row == 0) row = load<u32>(cell + CELL_ROW);
    }
    store<u32>(word(ROWS_AT, i), row);
    if (row != 0 && (driver == 0 || leads(row, driver))) driver = row;
  }
  return driver;
}

function leads(a: u32, b: u32): bool {
  const rankA = load<u32>(at(a) + ROW_RANK);
  const rankB = load<u32>(at(b) + ROW_RANK);
  if (rankA != rankB) return rankA > rankB;
  return load<u32>(at(a) + ROW_DRIVER) < load<u32>(at(b) + ROW_DRIVER);
}

/** Step 4. Returns the reason of a denial that audit mode does not soften, or `allowed`. */
function checkHard(traits: u32): u32 {
  const protocol = traits & TRAIT_PROTOCOL;
  if (protocol == PROTOCOL_SQL) return REASON_ALLOWED;
  const flags = load<u32>(REQUEST_AT + REQUEST_FLAGS);
  if ((flags & REQUEST_FLAG_ENCODED_SLASH) && !(traits & TRAIT_ENCODED_SLASH)) {
    return REASON_ENCODED_SLASH_NOT_ALLOWED;
  }
  if (protocol == PROTOCOL_WEBSOCKET) return checkWebsocket(traits);
  if (protocol == PROTOCOL_GRAPHQL) return checkGraphql();
  if (protocol == PROTOCOL_JSON_RPC || protocol == PROTOCOL_MCP) return checkRpc(traits);
  return REASON_ALLOWED;
}

function checkWebsocket(traits: u32): u32 {
  const method = load<u32>(REQUEST_AT + REQUEST_METHOD);
  if (method == METHOD_GET) return REASON_ALLOWED;
  if (method != METHOD_WEBSOCKET_TEXT) return REASON_WEBSOCKET_REQUIRED;
  return isOperation(traits) && part(REQUEST_GRAPHQL) == 0
    ? REASON_GRAPHQL_INVALID
    : REASON_ALLOWED;
}

/** GraphQL over HTTP has two methods. */
function checkGraphql(): u32 {
  const method = load<u32>(REQUEST_AT + REQUEST_METHOD);
  if (method != METHOD_GET && method != METHOD_POST) return REASON_GRAPHQL_INVALID;
  return part(REQUEST_GRAPHQL) == 0 ? REASON_GRAPHQL_INVALID : REASON_ALLOWED;
}

function checkRpc(traits: u32): u32 {
  const rpc = part(REQUEST_RPC);
  if (rpc == 0) return REASON_RPC_INVALID;
  const kind = load<u32>(rpc);
  const method = load<u32>(REQUEST_AT + REQUEST_METHOD);
  if (method != (kind == RPC_KIND_STREAM ? METHOD_GET : METHOD_POST)) return REASON_RPC_INVALID;
  const isMcp = (traits & TRAIT_PROTOCOL) == PROTOCOL_MCP;
  if (kind == RPC_KIND_RESPONSE && !isMcp) return REASON_RPC_RESPONSE_NOT_ALLOWED;
  if (!isMcp || kind != RPC_KIND_CALL || !isToolCall(rpc)) return REASON_ALLOWED;
  if (!hasTool(rpc)) return REASON_RPC_INVALID;
  const isRefused = (traits & TRAIT_STRICT_TOOLS) != 0 && !isStrictTool(rpc);
  return isRefused ? REASON_TOOL_NAME_INVALID : REASON_ALLOWED;
}

/** Step 5. Returns the first endpoint with a deny that matches, NONE for none. */
function firstDeny(cells: u32): u32 {
  let first: u32 = NONE;
  for (let i: u32 = 0; i < cells; i++) {
    const row = load<u32>(word(ROWS_AT, i));
    if (row == 0) continue;
    const entries = at(row) + ROW_ENTRIES;
    first = min(first, firstEntry(entries, load<u32>(at(row) + ROW_DENIES), 0));
  }
  return first;
}

/** Step 6: responses and receive streams are part of every MCP session. */
function isFreeMessage(traits: u32): bool {
  if ((traits & TRAIT_PROTOCOL) != PROTOCOL_MCP) return false;
  return load<u32>(part(REQUEST_RPC)) != RPC_KIND_CALL;
}

/** Step 6. Returns the first endpoint with an allow that may speak and matches, NONE for none. */
function firstAllow(cells: u32, traits: u32): u32 {
  const protocol = isOperation(traits) ? PROTOCOL_WEBSOCKET_GRAPHQL : traits & TRAIT_PROTOCOL;
  let first: u32 = NONE;
  for (let i: u32 = 0; i < cells; i++) {
    const row = load<u32>(word(ROWS_AT, i));
    if (row == 0) continue;
    const denies = load<u32>(at(row) + ROW_DENIES);
    const entries = at(row) + ROW_ENTRIES + <usize> denies * ENTRY_BYTES;
    first = min(first, firstEntry(entries, load<u32>(at(row) + ROW_ALLOWS), protocol));
  }
  return first;
}

/** Tells whether this is a text message that carries a GraphQL operation. */
function isOperation(traits: u32): bool {
  return (traits & TRAIT_WEBSOCKET_GRAPHQL) != 0 &&
    load<u32>(REQUEST_AT + REQUEST_METHOD) == METHOD_WEBSOCKET_TEXT;
}

/** Entries ascend by endpoint, so the first that matches is the answer. Protocol 0 takes any. */
function firstEntry(entries: usize, count: u32, protocol: u32): u32 {
  const method = <u64> load<u32>(REQUEST_AT + REQUEST_METHOD);
  for (let i: u32 = 0; i < count; i++) {
    const entry = entries + <usize> i * ENTRY_BYTES;
    if (protocol != 0 && load<u32>(entry + ENTRY_PROTOCOL) != protocol) continue;
    if (!((load<u64>(entry + ENTRY_METHODS) >> method) & 1)) continue;
    if (!meets(load<u32>(entry + ENTRY_CONDITION))) continue;
    return load<u32>(entry + ENTRY_ORDER);
  }
  return NONE;
}

/** Tells whether the driver judges operations and this one came without its document. */
function isPersisted(traits: u32): bool {
  if ((traits & TRAIT_PROTOCOL) != PROTOCOL_GRAPHQL && !isOperation(traits)) return false;
  return load<u32>(part(REQUEST_GRAPHQL)) == GRAPHQL_KIND_PERSISTED;
}
