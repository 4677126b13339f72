/**
 * What a handler can know of its caller.
 *
 * @module
 */

import {
  Code,
  ConnectError,
  type ContextKey,
  type ContextValues,
  createContextKey,
  type HandlerContext,
} from "@connectrpc/connect";
import { ANONYMOUS, type PeerCertificate, type Principal } from "../auth/principal.ts";

/** The certificate that TLS has verified, `null` without one. */
export const PEER: ContextKey<PeerCertificate | null> = createContextKey<PeerCertificate | null>(
  null,
  { description: "verified certificate" },
);

/** Set once the caller is known; nobody before. */
export const PRINCIPAL: ContextKey<Principal> = createContextKey(ANONYMOUS, {
  description: "principal",
});

type WithValues = Pick<HandlerContext, "values"> | { readonly values: ContextValues };

export function principalOf(context: WithValues): Principal {
  return context.values.get(PRINCIPAL);
}

/** Returns the id of the sandbox whose supervisor calls. @throws {ConnectError} for anyone else. */
export function sandboxOf(context: WithValues): string {
  const principal = principalOf(context);
  if (principal.kind === "sandbox") return principal.sandboxId;
  throw new ConnectError("only a sandbox may call this", Code.PermissionDenied);
}
