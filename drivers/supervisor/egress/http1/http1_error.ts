/**
 * What can go wrong with an HTTP message on its way, as typed errors.
 *
 * None holds a header, a target or a byte of a body.
 *
 * @module
 */

import { CodedError } from "../../../../proto/errors.ts";

/** Why a body did not arrive whole. */
export type BodyProblem =
  /** The sender ended it before its framing did. */
  | "body_truncated"
  /** The sender's connection failed. */
  | "body_unreadable"
  /** Chunked framing that not every reader would read alike. */
  | "body_invalid"
  /** The receiver's connection failed. */
  | "body_unwritable"
  /** Something that looks at it ended it. */
  | "body_refused";

/** A body could not be relayed: its receiver must never see it end in order. */
export class BodyRelayError extends CodedError {
  override readonly name = "BodyRelayError";
  override readonly code = "unavailable";

  constructor(readonly problem: BodyProblem, detail: string, options?: ErrorOptions) {
    super(`Cannot relay the body: ${detail}`, options);
  }
}

/** More was to be buffered than a connection may hold. */
export class BufferFullError extends CodedError {
  override readonly name = "BufferFullError";
  override readonly code = "resource_exhausted";

  constructor(bytesMax: number) {
    super(`Cannot buffer more of the connection: it holds its ${bytesMax} bytes`);
  }
}

/** A message was to be written that not every reader would read alike: a mistake of the caller. */
export class UnwritableHeadError extends CodedError {
  override readonly name = "UnwritableHeadError";
  override readonly code = "invalid_argument";

  constructor(readonly part: "target" | "authority" | "header" | "status") {
    super(`Cannot write the "${part}" of a message: it has characters or a form that HTTP forbids`);
  }
}
