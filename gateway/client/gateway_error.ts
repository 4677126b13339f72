/**
 * What can go wrong between a client and a gateway, in words for a person.
 *
 * @module
 */

import { CodedError, type ErrorCode } from "../../proto/errors.ts";

/** A hint is the detail of an error that has this type: see `gateway/rpc/to_connect_error.ts`. */
export const HINT_TYPE = "google.protobuf.StringValue";

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

/** By the names that the wire has for them. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  invalid_argument: "invalid_argument",
  out_of_range: "invalid_argument",
  not_found: "not_found",
  already_exists: "already_exists",
  failed_precondition: "failed_precondition",
  aborted: "failed_precondition",
  unimplemented: "failed_precondition",
  permission_denied: "permission_denied",
  unauthenticated: "permission_denied",
  resource_exhausted: "resource_exhausted",
  unavailable: "unavailable",
  deadline_exceeded: "unavailable",
  canceled: "unavailable",
};

/** What was called, for messages. */
export interface CallPlace {
  /** Continues "Cannot". */
  readonly action: string;
  readonly gateway: string;
  readonly endpoint: string;
}

/** A call that failed, as the wire tells it. */
export interface CallFailure {
  /** Name of the code on the wire: `not_found`. */
  readonly code: string;
  readonly detail: string;
  /** The gateway's own hint. */
  readonly hint: string | null;
  /** False where the connection failed: nobody of the gateway has said so. */
  readonly isFromGateway: boolean;
  readonly cause: unknown;
}

/** Returns the error of a call that failed. */
export function gatewayErrorOf(failure: CallFailure, place: CallPlace): GatewayError {
  const hint = failure.hint ?? hintFor(failure, place);
  const options = { cause: failure.cause, ...hint === undefined ? {} : { hint } };
  return new GatewayError(CODES[failure.code] ?? "internal", describe(failure, place), options);
}

function describe(failure: CallFailure, { action, gateway, endpoint }: CallPlace): string {
  switch (failure.code) {
    case "unavailable":
      return failure.isFromGateway
        ? sentence(action, failure.detail)
        : `Cannot ${action}: gateway "${gateway}" at ${endpoint} cannot be reached`;
    case "deadline_exceeded":
      return `Cannot ${action}: gateway "${gateway}" at ${endpoint} did not answer in time`;
    case "unauthenticated":
      return `Cannot ${action}: gateway "${gateway}" does not know who this is`;
    case "unimplemented":
      return `Cannot ${action}: gateway "${gateway}" has no such call`;
    default:
      return sentence(action, failure.detail);
  }
}

/** The gateway's own sentences are complete. */
function sentence(action: string, detail: string): string {
  return detail.startsWith("Cannot ") ? detail : `Cannot ${action}: ${detail}`;
}

function hintFor(
  { code, isFromGateway }: CallFailure,
  { gateway }: CallPlace,
): string | undefined {
  switch (code) {
    case "unavailable":
    case "deadline_exceeded":
      if (code === "unavailable" && isFromGateway) return undefined;
      return 'Run "openshell status" to see whether it runs, or "openshell gateway list" for others';
    case "unauthenticated":
      return `Check the certificates of "${gateway}": "openshell gateway list" says where it is`;
    case "unimplemented":
      return 'Run "openshell gateway info" to see its version: it may be older than this program';
    default:
      return undefined;
  }
}
