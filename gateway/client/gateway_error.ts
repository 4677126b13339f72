/**
 * What can go wrong between a client and a gateway, in words for a person.
 *
 * @module
 */

import { Code, ConnectError } from "@connectrpc/connect";
import { CodedError, type ErrorCode } from "../../proto/errors.ts";

/** Response metadata in which a gateway of ours sends what to do next. */
const HINT_HEADER = "openshell-hint";

/** A gateway said no, or could not be reached. */
export class GatewayError extends CodedError {
  override readonly name = "GatewayError";
  override readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options: ErrorOptions & { hint?: string } = {}) {
    super(message, options);
    this.code = code;
  }
}

/** A gateway is registered in a way that this build cannot use. */
export class UnsupportedGatewayError extends CodedError {
  override readonly name = "UnsupportedGatewayError";
  override readonly code = "failed_precondition";

  constructor(gateway: string, mode: string) {
    super(`Cannot use gateway "${gateway}": this build cannot sign in by "${mode}"`, {
      hint: "Use a gateway with client certificates (mtls) or, on this machine only, plaintext",
    });
  }
}

const CODES: ReadonlyMap<Code, ErrorCode> = new Map([
  [Code.InvalidArgument, "invalid_argument"],
  [Code.OutOfRange, "invalid_argument"],
  [Code.NotFound, "not_found"],
  [Code.AlreadyExists, "already_exists"],
  [Code.FailedPrecondition, "failed_precondition"],
  [Code.Aborted, "failed_precondition"],
  [Code.Unimplemented, "failed_precondition"],
  [Code.PermissionDenied, "permission_denied"],
  [Code.Unauthenticated, "permission_denied"],
  [Code.ResourceExhausted, "resource_exhausted"],
  [Code.Unavailable, "unavailable"],
  [Code.DeadlineExceeded, "unavailable"],
  [Code.Canceled, "unavailable"],
]);

/** What was called, for messages. */
export interface CallPlace {
  /** Continues "Cannot". */
  readonly action: string;
  readonly gateway: string;
  readonly endpoint: string;
}

/** Returns the error of a call that failed. */
export function toGatewayError(error: unknown, place: CallPlace): CodedError {
  if (error instanceof CodedError) return error;
  const connectError = ConnectError.from(error);
  const code = CODES.get(connectError.code) ?? "internal";
  const hint = connectError.metadata.get(HINT_HEADER) ?? hintFor(connectError, place);
  const options = { cause: connectError, ...hint === undefined ? {} : { hint } };
  return new GatewayError(code, describe(connectError, place), options);
}

function describe(error: ConnectError, { action, gateway, endpoint }: CallPlace): string {
  const detail = error.rawMessage;
  switch (error.code) {
    case Code.Unavailable:
      return isFromGateway(error)
        ? sentence(action, detail)
        : `Cannot ${action}: gateway "${gateway}" at ${endpoint} cannot be reached`;
    case Code.DeadlineExceeded:
      return `Cannot ${action}: gateway "${gateway}" at ${endpoint} did not answer in time`;
    case Code.Unauthenticated:
      return `Cannot ${action}: gateway "${gateway}" does not know who this is`;
    case Code.Unimplemented:
      return `Cannot ${action}: gateway "${gateway}" has no such call`;
    default:
      return sentence(action, detail);
  }
}

/** The gateway's own sentences are complete. */
function sentence(action: string, detail: string): string {
  return detail.startsWith("Cannot ") ? detail : `Cannot ${action}: ${detail}`;
}

/** Errors of the connection carry the error of the system as their cause. */
function isFromGateway(error: ConnectError): boolean {
  return error.cause === undefined;
}

function hintFor(error: ConnectError, { gateway }: CallPlace): string | undefined {
  switch (error.code) {
    case Code.Unavailable:
    case Code.DeadlineExceeded:
      if (error.code === Code.Unavailable && isFromGateway(error)) return undefined;
      return 'Run "openshell status" to see whether it runs, or "openshell gateway list" for others';
    case Code.Unauthenticated:
      return `Check the certificates of "${gateway}": "openshell gateway list" says where it is`;
    case Code.Unimplemented:
      return 'Run "openshell gateway info" to see its version: it may be older than this program';
    default:
      return undefined;
  }
}
