/**
 * What can go wrong when files go into a sandbox or come out of it.
 *
 * @module
 */

import { CodedError, type ErrorCode } from "../../proto/errors.ts";

/** Files could not be transferred. */
export class TransferError extends CodedError {
  override readonly name = "TransferError";
  override readonly code: ErrorCode;

  constructor(
    message: string,
    options: ErrorOptions & { readonly code?: ErrorCode; readonly hint?: string } = {},
  ) {
    super(message, options);
    this.code = options.code ?? "failed_precondition";
  }
}
