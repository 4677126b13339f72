/**
 * Why something could not be done with a route of model calls.
 *
 * @module
 */

import { CodedError, type ErrorCode } from "../../proto/errors.ts";

/** A field of a request is not as it should be. */
export class InvalidRouteError extends CodedError {
  override readonly name = "InvalidRouteError";
  override readonly code = "invalid_argument";

  constructor(what: string, detail: string, hint?: string) {
    super(`Cannot use ${what}: ${detail}`, hint === undefined ? {} : { hint });
  }
}

/** No route of the workspace has the name. */
export class RouteNotFoundError extends CodedError {
  override readonly name = "RouteNotFoundError";
  override readonly code = "not_found";

  constructor(route: string) {
    super(`Cannot find inference route "${route}"`, {
      hint: 'Set it with "openshell inference set"',
    });
  }
}

/** What a backend made of the first call. */
export type ProbeProblem =
  | "credential"
  | "no_protocol"
  | "rate_limited"
  | "server_error"
  | "unreachable"
  | "timeout"
  | "not_checkable";

/** The backend of a route did not answer as one: nothing was changed. */
export class RouteNotVerifiedError extends CodedError {
  override readonly name = "RouteNotVerifiedError";
  override readonly code: ErrorCode;

  constructor(readonly problem: ProbeProblem, provider: string, options: ErrorOptions = {}) {
    super(`Cannot verify provider "${provider}": ${PROBLEMS[problem]}`, {
      ...options,
      hint: HINTS[problem] ?? 'Check its base URL and the model, or repeat with "--no-verify"',
    });
    this.code = PRECONDITIONS.includes(problem) ? "failed_precondition" : "unavailable";
  }
}

/** What stays as it is until the operator changes something. */
const PRECONDITIONS: readonly ProbeProblem[] = ["credential", "no_protocol", "not_checkable"];

const HINTS: Readonly<Partial<Record<ProbeProblem, string>>> = {
  credential: 'Check its credential, or repeat with "--no-verify"',
  not_checkable: 'Repeat with "--no-verify"',
};

const PROBLEMS: Readonly<Record<ProbeProblem, string>> = {
  credential: "its server does not accept the credential",
  no_protocol: "its server knows neither the model nor any of the protocols",
  rate_limited: "its server takes no more requests now",
  server_error: "its server failed",
  unreachable: "its server cannot be reached",
  timeout: "its server did not answer in time",
  not_checkable: "models of AWS Bedrock cannot be asked for one token",
};
