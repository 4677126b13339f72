/**
 * Writes callers, hosts and requests straight into the evaluator's memory.
 *
 * Every method says `false` or -1 when something does not fit its bound; the caller then denies.
 *
 * @module
 */

import {
  GRAPHQL_KIND_OPERATION,
  GRAPHQL_KIND_PERSISTED,
  INPUT_AT,
  INPUT_BYTES,
  REQUEST_AT,
  REQUEST_COMMAND,
  REQUEST_FLAG_ENCODED_SLASH,
  REQUEST_FLAGS,
  REQUEST_GRAPHQL,
  REQUEST_METHOD,
  REQUEST_PATH_LENGTH,
  REQUEST_QUERY,
  REQUEST_RPC,
  RPC_KIND_CALL,
  RPC_KIND_RESPONSE,
  RPC_KIND_STREAM,
} from "./assembly/format.ts";
import {
  ANCESTORS_MAX,
  CALLER_BYTES_MAX,
  GRAPHQL_FIELDS_MAX,
  PATH_BYTES_MAX,
  QUERY_BYTES_MAX,
  QUERY_PAIRS_MAX,
} from "../proto/limits.ts";
import type { Reason } from "../proto/reason.ts";
import { GRAPHQL_TYPE_BITS } from "./image/conditions.ts";
import type { Caller, GraphqlOperation, QueryPair, Request, RpcMessage } from "./request.ts";

/** Up to here a loop over characters beats `encodeInto`, measured with V8 15. */
const SHORT_TEXT = 48;

const SLASH = 0x2f;

/** The 32-bit words of the request block, by index. */
const WORD = {
  method: (REQUEST_AT + REQUEST_METHOD) >> 2,
  flags: (REQUEST_AT + REQUEST_FLAGS) >> 2,
  pathLength: (REQUEST_AT + REQUEST_PATH_LENGTH) >> 2,
  query: (REQUEST_AT + REQUEST_QUERY) >> 2,
  graphql: (REQUEST_AT + REQUEST_GRAPHQL) >> 2,
  rpc: (REQUEST_AT + REQUEST_RPC) >> 2,
  command: (REQUEST_AT + REQUEST_COMMAND) >> 2,
} as const;

const RPC_KINDS: Readonly<Record<RpcMessage["kind"], number>> = {
  call: RPC_KIND_CALL,
  response: RPC_KIND_RESPONSE,
  stream: RPC_KIND_STREAM,
};

/** One encoder for each evaluator: it owns the input region of that memory. */
export class Encoder {
  readonly #input: Uint8Array;
  readonly #inputWords: Uint32Array;
  readonly #view: DataView;
  readonly #words: Uint32Array;
  readonly #utf8 = new TextEncoder();
  /** Where the next variable part of a request goes, from the start of the input. */
  #end = 0;

  constructor(memory: ArrayBufferLike) {
    this.#input = new Uint8Array(memory, INPUT_AT, INPUT_BYTES);
    this.#inputWords = new Uint32Array(memory, INPUT_AT, INPUT_BYTES >> 2);
    this.#view = new DataView(memory, INPUT_AT, INPUT_BYTES);
    this.#words = new Uint32Array(memory, 0, INPUT_AT >> 2);
  }

  /** Returns the length of the text in bytes after it was written at the start of the input. */
  text(text: string): number {
    return this.#text(text, 0, PATH_BYTES_MAX);
  }

  /**
   * Returns the length of the executable and how many ancestors follow it; -1 when the caller has
   * no absolute path or is too large.
   */
  caller(caller: Caller): { readonly length: number; readonly ancestors: number } | null {
    if (caller.binary.charCodeAt(0) !== SLASH || caller.binary.includes("\0")) return null;
    if (!caller.binary.isWellFormed()) return null;
    const length = this.#text(caller.binary, 0, PATH_BYTES_MAX);
    if (length < 0) return null;
    let end = length;
    let ancestors = 0;
    for (const ancestor of caller.ancestors) {
      if (ancestors === ANCESTORS_MAX) break;
      const size = this.#text(ancestor, end + 4, PATH_BYTES_MAX);
      if (size < 0 || !ancestor.isWellFormed() || end + size > CALLER_BYTES_MAX) return null;
      this.#view.setUint32(end, size, true);
      end += 4 + size;
      ancestors++;
    }
    return { length, ancestors };
  }

  /** Writes a request with its method already numbered; returns why it cannot be judged. */
  request(request: Request, method: number, withQuery: boolean): Reason | null {
    const words = this.#words;
    const length = this.#text(request.path, 0, PATH_BYTES_MAX);
    if (length < 0) return "invalid_path";
    words[WORD.method] = method;
    words[WORD.flags] = request.encodedSlash === true ? REQUEST_FLAG_ENCODED_SLASH : 0;
    words[WORD.pathLength] = length;
    words[WORD.query] = 0;
    words[WORD.graphql] = 0;
    words[WORD.rpc] = 0;
    words[WORD.command] = 0;
    // Offset 0 means absent, so the parts start behind at least one byte.
    this.#end = length + 1;
    if (withQuery && request.query !== undefined && !this.#query(request.query)) {
      return "invalid_query";
    }
    if (request.graphql !== undefined && !this.#graphql(request.graphql)) return "graphql_invalid";
    if (request.rpc !== undefined && !this.#rpc(request.rpc)) return "rpc_invalid";
    if (request.command !== undefined && !this.#command(request.command)) return "engine_error";
    return null;
  }

  #query(pairs: readonly QueryPair[]): boolean {
    if (pairs.length > QUERY_PAIRS_MAX) return false;
    const start = this.#word(pairs.length);
    for (const [key, value] of pairs) {
      const at = this.#end;
      this.#end += 8;
      const keyLength = this.#append(key, QUERY_BYTES_MAX);
      const valueLength = this.#append(value, QUERY_BYTES_MAX);
      if (keyLength < 0 || valueLength < 0 || this.#end - start > 2 * QUERY_BYTES_MAX) return false;
      this.#view.setUint32(at, keyLength, true);
      this.#view.setUint32(at + 4, valueLength, true);
    }
    this.#words[WORD.query] = start;
    return true;
  }

  #graphql(operation: GraphqlOperation): boolean {
    const isPersisted = operation.kind === "persisted";
    const name = isPersisted ? operation.id : operation.name;
    const fields = isPersisted ? [] : operation.fields;
    if (fields.length > GRAPHQL_FIELDS_MAX) return false;
    const start = this.#word(isPersisted ? GRAPHQL_KIND_PERSISTED : GRAPHQL_KIND_OPERATION);
    this.#word(isPersisted ? 0 : GRAPHQL_TYPE_BITS[operation.type]);
    const lengthAt = this.#word(0);
    this.#word(fields.length);
    const length = this.#append(name, PATH_BYTES_MAX);
    if (length < 0) return false;
    this.#view.setUint32(lengthAt, length, true);
    for (const field of fields) {
      const at = this.#word(0);
      const size = this.#append(field, PATH_BYTES_MAX);
      if (size < 0) return false;
      this.#view.setUint32(at, size, true);
    }
    this.#words[WORD.graphql] = start;
    return true;
  }

  #rpc(message: RpcMessage): boolean {
    const method = message.kind === "call" ? message.method : "";
    const tool = message.kind === "call" ? message.tool : undefined;
    const start = this.#word(RPC_KINDS[message.kind]);
    const methodAt = this.#word(0);
    const toolAt = this.#word(-1);
    const methodLength = this.#append(method, PATH_BYTES_MAX);
    if (methodLength < 0) return false;
    this.#view.setUint32(methodAt, methodLength, true);
    if (tool !== undefined) {
      const toolLength = this.#append(tool, PATH_BYTES_MAX);
      if (toolLength < 0) return false;
      this.#view.setUint32(toolAt, toolLength, true);
    }
    this.#words[WORD.rpc] = start;
    return true;
  }

  #command(command: string): boolean {
    const start = this.#word(0);
    const length = this.#append(command.toUpperCase(), PATH_BYTES_MAX);
    if (length < 0) return false;
    this.#view.setUint32(start, length, true);
    this.#words[WORD.command] = start;
    return true;
  }

  /** Appends a word and returns where it is, or a place outside that fails later when full. */
  #word(value: number): number {
    const at = this.#end;
    this.#end += 4;
    if (this.#end <= INPUT_BYTES) this.#view.setInt32(at, value, true);
    return at;
  }

  #append(text: string, bytesMax: number): number {
    const length = this.#text(text, this.#end, bytesMax);
    if (length >= 0) this.#end += length;
    return length;
  }

  /** Writes the characters of a text as bytes; tells whether that is its UTF-8. */
  #ascii(text: string, at: number): boolean {
    const length = text.length;
    const input = this.#input;
    let all = 0;
    let i = 0;
    if ((at & 3) === 0) {
      for (; i + 4 <= length; i += 4) {
        const a = text.charCodeAt(i);
        const b = text.charCodeAt(i + 1);
        const c = text.charCodeAt(i + 2);
        const d = text.charCodeAt(i + 3);
        all |= a | b | c | d;
        this.#inputWords[(at + i) >> 2] = a | (b << 8) | (c << 16) | (d << 24);
      }
    }
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      all |= code;
      input[at + i] = code;
    }
    return all <= 0x7f;
  }

  /** Writes a text as UTF-8 and returns its length in bytes, -1 when it has more than allowed. */
  #text(text: string, at: number, bytesMax: number): number {
    const length = text.length;
    if (length > bytesMax || at + 3 * length + 8 > INPUT_BYTES) return -1;
    if (length <= SHORT_TEXT) {
      if (this.#ascii(text, at)) return length;
    }
    // There is room for three bytes of each character, so the end needs no other bound.
    const target = at === 0 ? this.#input : this.#input.subarray(at);
    const { written } = this.#utf8.encodeInto(text, target);
    return written > bytesMax ? -1 : written;
  }
}
