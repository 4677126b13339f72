/**
 * Passes a model's reply on to the program as it comes.
 *
 * INVARIANT: a reply that did not come whole never ends in order, but for an event stream, which gets
 * an event that says so.
 *
 * @module
 */

import { type ByteStream, writeAll } from "../egress/byte_stream.ts";
import type { HeaderField } from "../egress/http1/header_fields.ts";
import { BodyRelayError } from "../egress/http1/http1_error.ts";
import { Watchdog } from "../egress/http1/watchdog.ts";
import { writeResponseHead } from "../egress/http1/write_head.ts";
import type { BackendReply } from "./call_backend.ts";
import { UsageEventFilter } from "./drop_usage_events.ts";
import { brokenStreamEvent } from "./inference_answers.ts";
import type { ProtocolId } from "./protocols.ts";
import { readBody } from "./read_body.ts";
import type { ReplyForm, UsageMeter } from "./usage.ts";

export interface RelayReplyOptions {
  readonly client: ByteStream;
  readonly version: "1.0" | "1.1";
  /** The connection ends with the reply. */
  readonly closes: boolean;
  readonly protocol: ProtocolId;
  readonly fields: readonly HeaderField[];
  readonly form: ReplyForm;
  /** The program has not asked for the event that counts tokens. */
  readonly dropsUsage: boolean;
  readonly meter: UsageMeter;
  readonly idleMs: number;
}

export type RelayedReply = "complete" | "stream_broken" | "client_gone";

const UTF8 = new TextEncoder();
const CR_LF = UTF8.encode("\r\n");
const LAST_CHUNK = UTF8.encode("0\r\n\r\n");

/** Closes the backend's side, never the program's. Whatever is not `complete` has to end that. */
export async function relayReply(
  reply: BackendReply,
  options: RelayReplyOptions,
): Promise<RelayedReply> {
  const { client, version, closes, meter, idleMs, protocol, form } = options;
  const { stream, head } = reply;
  const isChunked = version === "1.1";
  const watchdog = new Watchdog(() => stream.close());
  const filter = options.dropsUsage && form === "events" ? new UsageEventFilter() : null;
  const write = async (bytes: Uint8Array) => {
    if (bytes.length > 0) await writeAll(client, isChunked ? frame(bytes) : bytes);
  };
  let isReading = false;
  try {
    await writeAll(
      client,
      writeResponseHead({ ...head, fields: options.fields, unsentBytes: null }, {
        framing: isChunked ? { kind: "chunked" } : { kind: "until_close" },
        closes: closes || !isChunked,
      }),
    );
    isReading = true;
    watchdog.arm("idle", idleMs);
    for await (const piece of readBody(stream, head.framing)) {
      isReading = false;
      watchdog.disarm();
      meter.push(piece);
      await write(filter === null ? piece : filter.push(piece));
      watchdog.arm("idle", idleMs);
      isReading = true;
    }
    isReading = false;
    meter.end();
    if (filter !== null) await write(filter.end());
    if (isChunked) await writeAll(client, LAST_CHUNK);
    return "complete";
  } catch (error) {
    if (!isReading) return "client_gone";
    if (!(error instanceof BodyRelayError)) throw error;
    if (form === "events") {
      await writeBroken(client, brokenStreamEvent(protocol, BROKEN), isChunked);
    }
    return "stream_broken";
  } finally {
    watchdog.dispose();
    stream.close();
  }
}

const BROKEN = "The model server ended the stream before its end";

async function writeBroken(
  client: ByteStream,
  event: Uint8Array,
  isChunked: boolean,
): Promise<void> {
  try {
    await writeAll(client, isChunked ? frame(event) : event);
    if (isChunked) await writeAll(client, LAST_CHUNK);
  } catch {
    // The program is gone as well.
  }
}

/** Returns the bytes as one chunk. */
function frame(bytes: Uint8Array): Uint8Array {
  const size = UTF8.encode(`${bytes.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(size.length + bytes.length + CR_LF.length);
  chunk.set(size);
  chunk.set(bytes, size.length);
  chunk.set(CR_LF, size.length + bytes.length);
  return chunk;
}
