/**
 * Who calls the gateway.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";

/** Organisational unit of a person's certificate. */
export const USER_UNIT = "openshell-user";

export type Principal =
  /** A person. In embedded mode one may do everything. */
  | {
    readonly kind: "user";
    readonly subject: string;
    readonly roles: readonly string[];
    readonly identityProvider: "mtls";
  }
  /** The supervisor of one sandbox. */
  | { readonly kind: "sandbox"; readonly sandboxId: string }
  /** Nobody that is known. */
  | { readonly kind: "anonymous" };

export const ANONYMOUS: Principal = { kind: "anonymous" };

/** The caller did not show who it is, or showed what does not hold. */
export class UnauthenticatedError extends CodedError {
  override readonly name = "UnauthenticatedError";
  override readonly code = "permission_denied";

  constructor(detail: string, options: ErrorOptions & { readonly hint?: string } = {}) {
    super(`Cannot tell who calls: ${detail}`, options);
  }
}

/** What a verified certificate says of its holder. */
export interface PeerCertificate {
  readonly commonName: string;
  /** Every organisational unit of the subject. */
  readonly units: readonly string[];
}

/**
 * Returns the person of a certificate that TLS has verified. A certificate of any other unit, a
 * supervisor's among them, opens the connection and grants nothing.
 */
export function userOf(certificate: PeerCertificate | null): Principal {
  if (certificate === null || certificate.commonName === "") return ANONYMOUS;
  if (certificate.units.length !== 1 || certificate.units[0] !== USER_UNIT) return ANONYMOUS;
  return {
    kind: "user",
    subject: certificate.commonName,
    roles: [USER_UNIT],
    identityProvider: "mtls",
  };
}
