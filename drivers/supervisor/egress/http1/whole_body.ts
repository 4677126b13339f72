/**
 * Reads one body as a whole, within a bound.
 *
 * @module
 */

import type { ByteStream } from "../byte_stream.ts";
import { createScratch } from "./body.ts";
import type { BufferedStream } from "./buffered_stream.ts";
import { ChunkDecoder } from "./chunk_decoder.ts";
import type { FinishedRequest, WholeBodyProblem } from "./forwarded_request.ts";
import type { Framing } from "./header_fields.ts";
import { BodyRelayError } from "./http1_error.ts";
import type { RequestHead } from "./request_head.ts";

export type WholeBody =
  | { readonly ok: true; readonly body: Uint8Array }
  | { readonly ok: false; readonly problem: WholeBodyProblem };

export interface WholeBodyOptions {
  /** Of the body with its framing. */
  readonly bytesMax: number;
  readonly onProgress: () => void;
}

/** Reads a body; what follows it stays in `from`. @throws {BodyRelayError} where it does not end. */
export async function readWholeBody(
  from: BufferedStream,
  framing: Framing,
  { bytesMax, onProgress }: WholeBodyOptions,
): Promise<WholeBody> {
  if (framing.kind === "none") return { ok: true, body: new Uint8Array(0) };
  if (framing.kind === "length" && framing.bytes > bytesMax) {
    return { ok: false, problem: "too_large" };
  }
  const decoder = framing.kind === "chunked" ? new ChunkDecoder() : null;
  const pieces: Uint8Array[] = [];
  const room = decoder === null ? null : createScratch();
  let taken = 0;
  while (framing.kind === "length" ? taken < framing.bytes : !decoder!.done) {
    if (from.buffered === 0) await fill(from);
    onProgress();
    if (decoder === null || room === null) {
      const piece = from.view(framing.kind === "length" ? framing.bytes - taken : 0).slice();
      pieces.push(piece);
      from.consume(piece.length);
      taken += piece.length;
      continue;
    }
    const step = decoder.decode(from.view(), room);
    pieces.push(room.slice(0, step.produced));
    from.consume(step.consumed);
    taken += step.consumed;
    if (taken > bytesMax) return { ok: false, problem: "too_large" };
  }
  if (decoder?.hasTrailers === true) return { ok: false, problem: "has_trailers" };
  return { ok: true, body: join(pieces) };
}

/** The head for a body that is there: its length is known, and nobody waits to be asked for it. */
export function completeHead(
  head: RequestHead,
  { fields, body }: Extract<FinishedRequest, { kind: "ready" }>,
): RequestHead {
  const isEmpty = head.framing.kind === "none" && body.length === 0;
  const framing = isEmpty ? head.framing : { kind: "length", bytes: body.length } as const;
  return { ...head, fields, framing, expectsContinue: false };
}

/** A stream of bytes that are there. */
export function bytesStream(bytes: Uint8Array): ByteStream {
  let at = 0;
  return {
    read: (into) => {
      if (at === bytes.length) return Promise.resolve(null);
      const piece = bytes.subarray(at, at + into.length);
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
    write: () => Promise.reject(new BodyRelayError("body_unwritable", "it is only read")),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
}

async function fill(from: BufferedStream): Promise<void> {
  let isMore: boolean;
  try {
    isMore = await from.fill();
  } catch (cause) {
    throw new BodyRelayError("body_unreadable", "its sender's connection failed", { cause });
  }
  if (!isMore) throw new BodyRelayError("body_truncated", "it ended before its framing did");
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
