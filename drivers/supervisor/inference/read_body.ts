/**
 * Reads a body piece by piece, without its framing.
 *
 * @module
 */

import { HTTP_BUFFER_BYTES_MAX } from "../../../proto/egress_limits.ts";
import type { BufferedStream } from "../egress/http1/buffered_stream.ts";
import { ChunkDecoder } from "../egress/http1/chunk_decoder.ts";
import { BodyRelayError } from "../egress/http1/http1_error.ts";
import type { ResponseFraming } from "../egress/http1/response_head.ts";

/**
 * Gives the pieces as they come. Each is valid until the next one is asked for.
 *
 * @throws {BodyRelayError} where it does not come whole.
 */
export async function* readBody(
  from: BufferedStream,
  framing: ResponseFraming,
): AsyncGenerator<Uint8Array, void> {
  if (framing.kind === "none") return;
  if (framing.kind === "chunked") return yield* readChunks(from);
  let remaining = framing.kind === "length" ? framing.bytes : Infinity;
  while (remaining > 0) {
    if (from.buffered === 0 && !await fill(from)) {
      if (remaining === Infinity) return;
      throw new BodyRelayError("body_truncated", "it ended before its length");
    }
    const piece = from.view(Math.min(remaining, HTTP_BUFFER_BYTES_MAX));
    remaining -= piece.length;
    if (piece.length > 0) yield piece;
    from.consume(piece.length);
  }
}

async function* readChunks(from: BufferedStream): AsyncGenerator<Uint8Array, void> {
  const decoder = new ChunkDecoder();
  const data = new Uint8Array(HTTP_BUFFER_BYTES_MAX);
  while (!decoder.done) {
    if (from.buffered === 0 && !await fill(from)) {
      throw new BodyRelayError("body_truncated", "it ended before its last chunk");
    }
    const { consumed, produced } = decoder.decode(from.view(), data);
    from.consume(consumed);
    if (produced > 0) yield data.subarray(0, produced);
  }
}

async function fill(from: BufferedStream): Promise<boolean> {
  try {
    return await from.fill();
  } catch (cause) {
    throw new BodyRelayError("body_unreadable", "its sender's connection failed", { cause });
  }
}

/** Returns a whole body, `null` where it is larger than that. @throws {BodyRelayError} */
export async function collectBody(
  from: BufferedStream,
  framing: ResponseFraming,
  bytesMax: number,
): Promise<Uint8Array | null> {
  if (framing.kind === "length" && framing.bytes > bytesMax) return null;
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of readBody(from, framing)) {
    bytes += piece.length;
    if (bytes > bytesMax) return null;
    pieces.push(piece.slice());
  }
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
