/**
 * The error of an answer that makes no sense.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";

/** A gateway sent something that this client cannot read. */
export class GatewayAnswerError extends CodedError {
  override readonly name = "GatewayAnswerError";
  override readonly code = "internal";
}
