/**
 * Reads the audit events of a sandbox, and knows when all have come.
 *
 * Under load, `node:http2` may tell of a connection that closed where an answer of thousands of
 * messages has just ended. So the gateway says in a last message that it is whole, and nothing after
 * it matters. An answer without it has to end as its protocol says.
 *
 * @module
 */

import type { ConnectCalls } from "./connect_calls.ts";
import type { EventRecord, Json, LogQuery } from "./types.ts";

/** As `ReadEventsResponse` has it. */
export interface EventMessage extends EventRecord {
  readonly complete: boolean;
}

/** Yields the records of an answer. */
export async function* untilComplete(
  messages: AsyncIterable<EventMessage>,
): AsyncGenerator<EventRecord, void, void> {
  for await (const { source, record, complete } of messages) {
    if (complete) return;
    yield { source, record };
  }
}

/** What to ask for. */
export interface EventRead {
  readonly query: LogQuery;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/**
 * Yields events as `Gateway.readEvents` does, by the Connect protocol.
 *
 * @throws {CodedError} also where the answer is not whole
 */
export function readEvents(
  calls: ConnectCalls,
  { query, follow, signal }: EventRead,
): AsyncGenerator<EventRecord, void, void> {
  const { sandboxId, lines, sinceMs, sources, level } = query;
  const request = { sandboxId, lines, follow, sinceMs, sources, minLevel: level };
  const messages = calls.stream({
    action: "read the events",
    method: "openshell.ext.v1.Extensions/ReadEvents",
    encoding: "json",
    inputs: single(JSON.stringify(request)),
    signal,
  });
  return untilComplete(decoded(messages));
}

async function* decoded(messages: AsyncIterable<Uint8Array>): AsyncGenerator<EventMessage> {
  for await (const message of messages) {
    const fields: { readonly [key: string]: Json } = JSON.parse(new TextDecoder().decode(message));
    const { source = "", record = "", complete = false } = fields;
    yield { source: String(source), record: String(record), complete: complete === true };
  }
}

async function* single(message: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(message);
}
