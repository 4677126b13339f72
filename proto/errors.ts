/**
 * The error type that every operation of OpenShell throws when it could not be done.
 *
 * A denial or a failed check is data, never one of these. Callers branch on `code` or
 * `instanceof`, never on the text.
 *
 * @module
 */

/** What went wrong, as one closed set: each code has one gRPC status and one exit code. */
export type ErrorCode =
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "failed_precondition"
  | "permission_denied"
  | "resource_exhausted"
  | "unavailable"
  | "internal";

/**
 * An operation could not be done. The message reads `Cannot <do what> "<which>": <what is, what
 * should be>`, and never holds a secret, header, body or query.
 */
export abstract class CodedError extends Error {
  /** Stable, machine-readable kind of the failure. */
  abstract readonly code: ErrorCode;

  /** What the person can do next, one sentence, or `undefined` where nothing helps. */
  readonly hint: string | undefined;

  constructor(message: string, options: ErrorOptions & { readonly hint?: string } = {}) {
    super(message, options);
    this.hint = options.hint;
  }
}
