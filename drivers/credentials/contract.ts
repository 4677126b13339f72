/**
 * What the gateway asks of whatever keeps credentials.
 *
 * Records elsewhere hold handles, never values. A handle alone is worth nothing: whoever asks for the
 * value says who it belongs to, and that has to be who stored it.
 *
 * @module
 */

import { CodedError, type ErrorCode } from "../../proto/errors.ts";

/** Who a credential belongs to. */
export interface CredentialOwner {
  /** Id of the provider. */
  readonly providerId: string;
  /** Name of the variable, or of a piece of refresh material. */
  readonly key: string;
}

export interface CredentialDriver {
  /** Stands in each handle's record. */
  readonly name: string;
  /** Keeps a value; returns its handle. @throws {CredentialError} */
  store(owner: CredentialOwner, value: string): Promise<string>;
  /** Returns the value. @throws {CredentialError} also where it belongs to somebody else. */
  resolve(owner: CredentialOwner, handle: string): Promise<string>;
  /** Forgets a value; one that is gone already is fine. @throws {CredentialError} */
  delete(handle: string): Promise<void>;
}

/** A credential cannot be kept, read or removed. Its text never holds a value. */
export class CredentialError extends CodedError {
  override readonly name = "CredentialError";

  constructor(
    override readonly code: ErrorCode,
    operation: string,
    detail: string,
    options: ErrorOptions & { readonly hint?: string } = {},
  ) {
    super(`Cannot ${operation} a credential: ${detail}`, options);
  }
}
