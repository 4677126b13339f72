/**
 * Ends a client's connection so that the client reads its last answer.
 *
 * A socket that is closed while bytes of the client are unread is reset, and a reset takes the
 * answer away from a client that is still sending. So: answer, end the writing side, read on for a
 * bounded while, close.
 *
 * @module
 */

import { writeAll } from "../byte_stream.ts";
import type { BufferedStream } from "./buffered_stream.ts";
import { RELAY_LIMITS, type RelayLimits } from "./relay_limits.ts";
import { type CompleteResponse, encodeResponse } from "./respond.ts";
import { Watchdog } from "./watchdog.ts";

export interface CloseOptions {
  readonly limits?: RelayLimits;
  /** Something else that still reads from the client; it is waited for. It does not reject. */
  readonly pending?: Promise<void>;
}

/** Writes a last answer and ends the connection in order. A client that is gone is no error. */
export async function answerAndClose(
  client: BufferedStream,
  response: CompleteResponse,
  options: CloseOptions & { readonly method?: string } = {},
): Promise<void> {
  await finish(client, encodeResponse(response, options.method), options);
}

/** Ends the connection in order. A client that is gone is no error. */
export async function closeInOrder(
  client: BufferedStream,
  options: CloseOptions = {},
): Promise<void> {
  await finish(client, new Uint8Array(0), options);
}

async function finish(
  client: BufferedStream,
  last: Uint8Array,
  { limits = RELAY_LIMITS, pending }: CloseOptions,
): Promise<void> {
  const watchdog = new Watchdog(() => client.close());
  watchdog.arm("drain", limits.drainMs);
  try {
    await writeAll(client, last);
    await client.closeWrite();
    await pending;
    await drain(client, limits.drainBytesMax);
  } catch {
    // The client is gone, or took too long and was closed: either way it is over.
  } finally {
    watchdog.dispose();
    client.close();
    await pending;
  }
}

async function drain(client: BufferedStream, bytesMax: number): Promise<void> {
  let bytes = 0;
  do {
    bytes += client.buffered;
    client.consume(client.buffered);
  } while (bytes < bytesMax && await client.fill());
}
