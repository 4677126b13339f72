/**
 * Tells who calls from what the connection and the request show.
 *
 * A token counts before a certificate, and a token that does not hold is refused whatever the
 * certificate says: nobody gains rights by a mistake.
 *
 * @module
 */

import { type PeerCertificate, type Principal, UnauthenticatedError, userOf } from "./principal.ts";

export interface Credentials {
  /** `null` where the connection has none that was verified. */
  readonly certificate: PeerCertificate | null;
  /** The `authorization` header. */
  readonly authorization: string | null;
}

export interface AuthenticationPorts {
  /** Returns the id of the sandbox that a token is for. @throws {UnauthenticatedError} */
  readonly verifyToken: (token: string) => Promise<string>;
  readonly sandboxExists: (sandboxId: string) => Promise<boolean>;
}

/** @throws {UnauthenticatedError} for a credential that does not hold. */
export async function authenticate(
  { certificate, authorization }: Credentials,
  { verifyToken, sandboxExists }: AuthenticationPorts,
): Promise<Principal> {
  if (authorization === null) return userOf(certificate);
  const [, token] = /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(authorization) ?? [];
  if (token === undefined) throw new UnauthenticatedError("the authorization is no bearer token");
  const sandboxId = await verifyToken(token);
  if (!await sandboxExists(sandboxId)) {
    throw new UnauthenticatedError("the sandbox of the token does not exist");
  }
  return { kind: "sandbox", sandboxId };
}
