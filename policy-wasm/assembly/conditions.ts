/**
 * What a rule asks beyond method and path: query, GraphQL, JSON-RPC, SQL.
 *
 * @module
 */

import {
  CONDITION_GRAPHQL,
  CONDITION_QUERY,
  CONDITION_RPC,
  CONDITION_SQL,
  GRAPHQL_KIND_OPERATION,
  INPUT_AT,
  REGISTRY_BYTES,
  REQUEST_AT,
  REQUEST_COMMAND,
  REQUEST_GRAPHQL,
  REQUEST_QUERY,
  REQUEST_RPC,
  RPC_KIND_CALL,
} from "./format";
import { run } from "./automaton";
import { at, equal } from "./memory";

const TOOLS_CALL = memory.data<u8>([
  0x74,
  0x6f,
  0x6f,
  0x6c,
  0x73,
  0x2f,
  0x63,
  0x61,
  0x6c,
  0x6c,
]);
const TOOLS_CALL_LENGTH: u32 = 10;
const TOOL_NAME_LENGTH_MAX: u32 = 128;

/** Tells whether the request at REQUEST_AT meets a condition of the image. */
export function meets(condition: u32): bool {
  if (condition == 0) return true;
  const address = at(condition);
  const kind = load<u32>(address);
  if (kind == CONDITION_QUERY) return meetsQuery(address);
  if (kind == CONDITION_GRAPHQL) return meetsGraphql(address);
  if (kind == CONDITION_RPC) return meetsRpc(address);
  if (kind == CONDITION_SQL) return meetsSql(address);
  return unreachable();
}

/** Address of an optional part of the request, 0 when it is absent. */
export function part(field: i32): usize {
  const offset = load<u32>(REQUEST_AT + field);
  return offset == 0 ? 0 : <usize> INPUT_AT + offset;
}

/** Tells whether the message is a `tools/call`. */
export function isToolCall(rpc: usize): bool {
  return load<u32>(rpc + 4) == TOOLS_CALL_LENGTH && equal(rpc + 12, TOOLS_CALL, TOOLS_CALL_LENGTH);
}

export function hasTool(rpc: usize): bool {
  return load<i32>(rpc + 8) >= 0;
}

/** Tells whether the tool's name is of `[A-Za-z0-9_.-]{1,128}`. */
export function isStrictTool(rpc: usize): bool {
  const length = load<u32>(rpc + 8);
  const name = rpc + 12 + load<u32>(rpc + 4);
  if (length == 0 || length > TOOL_NAME_LENGTH_MAX) return false;
  for (let i: u32 = 0; i < length; i++) {
    const c = <u32> load<u8>(name + i);
    const isLetter = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a;
    const isDigit = c >= 0x30 && c <= 0x39;
    if (!isLetter && !isDigit && c != 0x5f && c != 0x2e && c != 0x2d) return false;
  }
  return true;
}

function meetsQuery(address: usize): bool {
  const isDeny = load<u32>(address + 4) != 0;
  const count = load<u32>(address + 8);
  const query = part(REQUEST_QUERY);
  if (query == 0) return false;
  for (let i: u32 = 0; i < count; i++) {
    if (!meetsKey(address + 12 + <usize> i * 12, query, isDeny)) return false;
  }
  return true;
}

/** An allow wants every value of the key to match, a deny some value; both want one to be there. */
function meetsKey(key: usize, query: usize, isDeny: bool): bool {
  const keyAddress = at(load<u32>(key));
  const keyLength = load<u32>(key + 4);
  const automaton = load<u32>(key + 8);
  const pairs = load<u32>(query);
  let pair = query + 4;
  let seen = false;
  for (let i: u32 = 0; i < pairs; i++) {
    const nameLength = load<u32>(pair);
    const valueLength = load<u32>(pair + 4);
    const value = pair + 8 + nameLength;
    if (nameLength == keyLength && equal(pair + 8, keyAddress, keyLength)) {
      seen = true;
      const matches = run(automaton, value, valueLength) != 0;
      if (isDeny && matches) return true;
      if (!isDeny && !matches) return false;
    }
    pair = value + valueLength;
  }
  return seen && !isDeny;
}

function meetsGraphql(address: usize): bool {
  let operation = part(REQUEST_GRAPHQL);
  if (operation == 0) return false;
  if (load<u32>(operation) != GRAPHQL_KIND_OPERATION) {
    operation = registered(load<u32>(address + 20), operation);
    if (operation == 0) return false;
  }
  if (!(load<u32>(operation + 4) & load<u32>(address + 8))) return false;
  const nameLength = load<u32>(operation + 8);
  const fields = load<u32>(operation + 12);
  const name = load<u32>(address + 12);
  if (name != 0 && run(name, operation + 16, nameLength) == 0) return false;
  const matcher = load<u32>(address + 16);
  if (matcher == 0) return true;
  const isDeny = load<u32>(address + 4) != 0;
  let field = operation + 16 + nameLength;
  for (let i: u32 = 0; i < fields; i++) {
    const length = load<u32>(field);
    const matches = run(matcher, field + 4, length) != 0;
    if (matches == isDeny) return isDeny;
    field += 4 + length;
  }
  return !isDeny && fields > 0;
}

/** Returns the operation that the registry has for a persisted query, 0 for none. */
function registered(registry: u32, persisted: usize): usize {
  if (registry == 0) return 0;
  const length = load<u32>(persisted + 8);
  const count = load<u32>(at(registry));
  for (let i: u32 = 0; i < count; i++) {
    const entry = at(registry) + 4 + <usize> i * REGISTRY_BYTES;
    if (
      load<u32>(entry + 4) == length && equal(at(load<u32>(entry)), persisted + 16, length)
    ) return at(load<u32>(entry + 8));
  }
  return 0;
}

function meetsRpc(address: usize): bool {
  const rpc = part(REQUEST_RPC);
  if (rpc == 0 || load<u32>(rpc) != RPC_KIND_CALL) return false;
  const methodLength = load<u32>(rpc + 4);
  const method = load<u32>(address + 4);
  if (method != 0 && run(method, rpc + 12, methodLength) == 0) return false;
  if (load<u32>(address + 12) != 0 && isToolCall(rpc)) return false;
  const tool = load<u32>(address + 8);
  if (tool == 0) return true;
  if (!isToolCall(rpc) || !hasTool(rpc)) return false;
  return run(tool, rpc + 12 + methodLength, load<u32>(rpc + 8)) != 0;
}

function meetsSql(address: usize): bool {
  const command = part(REQUEST_COMMAND);
  if (command == 0) return false;
  const automaton = load<u32>(address + 4);
  return automaton == 0 || run(automaton, command + 4, load<u32>(command)) != 0;
}
