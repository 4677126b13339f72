/**
 * What goes wrong with TLS on either side of the proxy.
 *
 * @module
 */

import { CodedError } from "../../../../proto/errors.ts";

/** Why no TLS came about with the program in the sandbox. */
export type TerminationProblem = "no_certificate" | "handshake" | "timeout" | "aborted";

/** The program in the sandbox got no TLS; its connection is closed. */
export class TlsTerminationError extends CodedError {
  override readonly name = "TlsTerminationError";
  override readonly code = "unavailable";
  readonly reason = "tls_termination_failed";

  constructor(
    readonly host: string,
    readonly problem: TerminationProblem,
    detail: string,
    options: ErrorOptions = {},
  ) {
    super(`Cannot terminate TLS for "${host}": ${detail}`, options);
  }
}

/** Why no TLS came about with a server. */
export type UpstreamTlsProblem =
  | "expired"
  | "not_yet_valid"
  | "unknown_issuer"
  | "name_mismatch"
  | "bad_certificate"
  | "trust_store"
  | "handshake"
  | "timeout"
  | "aborted";

/** A server could not be reached by TLS, or is not who it should be; its connection is closed. */
export class UpstreamTlsError extends CodedError {
  override readonly name = "UpstreamTlsError";
  override readonly code = "unavailable";
  readonly reason = "upstream_tls_failed";

  constructor(
    readonly host: string,
    readonly problem: UpstreamTlsProblem,
    /** One sentence, for a person, without the host. */
    readonly detail: string,
    options: ErrorOptions & { readonly hint?: string } = {},
  ) {
    super(`Cannot speak TLS with "${host}": ${detail}`, options);
  }
}

/** A server's bytes ended without the end of TLS: whoever needs to know the end has lost some. */
export class TlsTruncatedError extends CodedError {
  override readonly name = "TlsTruncatedError";
  override readonly code = "unavailable";

  constructor(readonly host: string, options?: ErrorOptions) {
    super(`Cannot read from "${host}": its TLS connection was cut off`, options);
  }
}

/** The certificates for a sandbox could not be written: its programs would trust nothing. */
export class TrustFilesError extends CodedError {
  override readonly name = "TrustFilesError";
  override readonly code = "failed_precondition";

  constructor(path: string, detail: string, options?: ErrorOptions) {
    super(`Cannot write the sandbox's certificates to "${path}": ${detail}`, options);
  }
}
