/**
 * What goes wrong with keys and certificates.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";

/** A certificate was asked for that cannot exist. */
export class CertificateRequestError extends CodedError {
  override readonly name = "CertificateRequestError";
  override readonly code = "invalid_argument";

  constructor(subject: string, detail: string, options?: ErrorOptions) {
    super(`Cannot issue a certificate for "${subject}": ${detail}`, options);
  }
}

/** Bytes that should be DER, or text that should be PEM, are something else. */
export class EncodingError extends CodedError {
  override readonly name = "EncodingError";
  override readonly code = "invalid_argument";

  constructor(what: string, readonly detail: string, options?: ErrorOptions) {
    super(`Cannot read the ${what}: ${detail}`, options);
  }
}
