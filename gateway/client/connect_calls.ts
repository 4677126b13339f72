/**
 * Calls of the gateway of this machine, over its socket, by the Connect protocol.
 *
 * The runtime's own HTTP/2 and no generated messages: loading those, and TLS, would take several
 * times as long as a call does. Requests and answers are JSON; what carries bytes is binary.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import { CLIENT_CALL_MS_MAX, LARGE_MESSAGE_BYTES_MAX } from "../../proto/limits.ts";
import { type CallFailure, type CallPlace, gatewayErrorOf, HINT_TYPE } from "./gateway_error.ts";
import type { Json } from "./types.ts";
import { decodeFields } from "./wire_fields.ts";

export type JsonObject = { readonly [key: string]: Json };

/**
 * The socket decides where it goes. An address: the runtime asks a name server for a name all the
 * same, and waits for it.
 */
const ORIGIN = "http://127.0.0.1";

const HEADERS = { "connect-protocol-version": "1", "accept-encoding": "identity" };

/** Flag of the message that ends a stream: JSON, with the error where there is one. */
const END_FLAG = 2;
const HEAD_BYTES = 5;

/** A call that failed. It never leaves this module. */
class Failed extends Error {
  override readonly name = "Failed";

  constructor(readonly failure: CallFailure) {
    super(failure.detail);
  }
}

/** One stream in both directions. */
export interface StreamRequest {
  /** Continues "Cannot". */
  readonly action: string;
  /** `openshell.v1.OpenShell/WatchSandbox`. */
  readonly method: string;
  readonly encoding: "json" | "proto";
  readonly inputs: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

export class ConnectCalls {
  readonly #client: Deno.HttpClient;
  readonly #place: Omit<CallPlace, "action">;
  readonly #timeoutMs: number;

  constructor(
    socket: string,
    place: Omit<CallPlace, "action">,
    timeoutMs: number = CLIENT_CALL_MS_MAX,
  ) {
    const proxy = { transport: "unix", path: socket } as const;
    this.#client = Deno.createHttpClient({ proxy, http1: false, http2: true });
    this.#place = place;
    this.#timeoutMs = timeoutMs;
  }

  close(): void {
    this.#client.close();
  }

  /**
   * Makes one call. `action` continues "Cannot".
   *
   * @throws {CodedError}
   */
  async call(action: string, method: string, request: JsonObject): Promise<JsonObject> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#timeoutMs);
    try {
      const headers = {
        ...HEADERS,
        "content-type": "application/json",
        "connect-timeout-ms": String(this.#timeoutMs),
      };
      const body = JSON.stringify(request);
      const response = await this.#fetch(method, { headers, body, signal: late.signal });
      const text = await response.text();
      if (!response.ok) throw new Failed(failureOf(text, response.status));
      return JSON.parse(text);
    } catch (error) {
      throw this.#toError(action, error, late.signal.aborted ? "deadline_exceeded" : undefined);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Passes the messages of a stream on. It has no deadline.
   *
   * @throws {CodedError}
   */
  async *stream(request: StreamRequest): AsyncGenerator<Uint8Array, void, void> {
    const { action, method, encoding, inputs, signal } = request;
    try {
      const headers = { ...HEADERS, "content-type": `application/connect+${encoding}` };
      const body = ReadableStream.from(enveloped(inputs));
      const response = await this.#fetch(method, { headers, body, signal });
      if (!response.ok || response.body === null) {
        throw new Failed(failureOf(await response.text(), response.status));
      }
      yield* messagesOf(response.body);
    } catch (error) {
      throw this.#toError(action, error, signal.aborted ? "canceled" : undefined);
    }
  }

  #fetch(method: string, init: RequestInit): Promise<Response> {
    return fetch(`${ORIGIN}/${method}`, { method: "POST", client: this.#client, ...init });
  }

  #toError(action: string, error: unknown, code: string = "unavailable"): CodedError {
    if (error instanceof CodedError) return error;
    const failure = error instanceof Failed
      ? error.failure
      : { code, detail: String(error), hint: null, isFromGateway: false, cause: error };
    return gatewayErrorOf(failure, { ...this.#place, action });
  }
}

/** Puts a head before each message. */
async function* enveloped(inputs: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const message of inputs) {
    const envelope = new Uint8Array(HEAD_BYTES + message.length);
    new DataView(envelope.buffer).setUint32(1, message.length);
    envelope.set(message, HEAD_BYTES);
    yield envelope;
  }
}

/** Returns the messages of a body. One that breaks off before its end is a failure. */
async function* messagesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pending = new Uint8Array(0);
  for await (const chunk of body) {
    pending = pending.length === 0 ? chunk.slice() : concat(pending, chunk);
    for (;;) {
      if (pending.length < HEAD_BYTES) break;
      const view = new DataView(pending.buffer, pending.byteOffset, pending.length);
      const end = HEAD_BYTES + view.getUint32(1);
      if (end > HEAD_BYTES + LARGE_MESSAGE_BYTES_MAX) throw lost("a message is too large");
      if (pending.length < end) break;
      const message = pending.slice(HEAD_BYTES, end);
      const isEnd = (view.getUint8(0) & END_FLAG) !== 0;
      pending = pending.subarray(end);
      if (isEnd) return checkEnd(message);
      yield message;
    }
  }
  throw lost("the answer broke off");
}

function checkEnd(message: Uint8Array): void {
  const { error } = JSON.parse(new TextDecoder().decode(message));
  if (error === undefined) return;
  const { code = "unknown", message: detail = "", details } = error;
  throw new Failed({ code, detail, hint: hintOf(details), isFromGateway: true, cause: undefined });
}

function failureOf(text: string, status: number): CallFailure {
  const fallback = status === 404 ? "unimplemented" : "unknown";
  try {
    const { code = fallback, message: detail = "", details } = JSON.parse(text);
    return { code, detail, hint: hintOf(details), isFromGateway: true, cause: undefined };
  } catch (cause) {
    return { code: fallback, detail: `status ${status}`, hint: null, isFromGateway: true, cause };
  }
}

/** A hint is one of the details, in the encoding of protobuf. One that cannot be read is none. */
function hintOf(details: unknown): string | null {
  try {
    const list = Array.isArray(details) ? details : [];
    const { value } = list.find(({ type }) => type === HINT_TYPE) ?? {};
    if (typeof value !== "string") return null;
    const bytes = Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0));
    const text = decodeFields(bytes).get(1);
    return text instanceof Uint8Array ? new TextDecoder().decode(text) : null;
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

function lost(detail: string): Failed {
  return new Failed({
    code: "unavailable",
    detail,
    hint: null,
    isFromGateway: false,
    cause: undefined,
  });
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
