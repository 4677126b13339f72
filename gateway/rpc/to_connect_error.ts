/**
 * Errors as clients see them: a status, a text, and the hint as a detail.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { CodedError, type ErrorCode } from "../../proto/errors.ts";
import { ERROR_TEXT_UNITS_MAX } from "../../proto/limits.ts";
import { UnauthenticatedError } from "../auth/principal.ts";
import { ConflictError } from "../store/contract.ts";

const CODES: Readonly<Record<ErrorCode, Code>> = {
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  failed_precondition: Code.FailedPrecondition,
  permission_denied: Code.PermissionDenied,
  resource_exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  internal: Code.Internal,
};

/**
 * Returns what a client is answered. A hint is a detail of type `google.protobuf.StringValue`. Of a
 * fault of our own the client learns only that there was one; `onFault` is told the rest.
 */
export function toConnectError(
  error: unknown,
  onFault: (error: unknown) => void,
): ConnectError {
  if (error instanceof ConnectError) return error;
  if (!(error instanceof CodedError)) {
    onFault(error);
    return new ConnectError("The gateway failed; its log says why", Code.Internal);
  }
  if (error.code === "internal") onFault(error);
  const details = error.hint === undefined
    ? []
    : [{ desc: StringValueSchema, value: create(StringValueSchema, { value: cut(error.hint) }) }];
  return new ConnectError(cut(error.message), codeOf(error), undefined, details);
}

/** What a client sent may be in the text, and a header that is too long ends the whole call. */
function cut(text: string): string {
  return text.length <= ERROR_TEXT_UNITS_MAX ? text : `${text.slice(0, ERROR_TEXT_UNITS_MAX - 1)}…`;
}

/** Two kinds have a status of their own that no other error shares. */
function codeOf(error: CodedError): Code {
  if (error instanceof UnauthenticatedError) return Code.Unauthenticated;
  if (error instanceof ConflictError && error.conflict !== "exists") return Code.Aborted;
  return CODES[error.code];
}
