/**
 * Decides whether a principal may call a method.
 *
 * Pure. The rule is the method's annotation in the wire's description; a method without a rule that
 * is known may be called by nobody.
 *
 * @module
 */

import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { authorization } from "../../proto/gen/openshell/options/v1/options_pb.ts";
import type { Principal } from "./principal.ts";

export type DenialReason =
  /** The method has no rule, or one that is not known. */
  | "no_rule"
  /** Whoever calls did not show who it is. */
  | "unauthenticated"
  | "users_only"
  | "sandboxes_only"
  /** A sandbox asked about another one. */
  | "other_sandbox";

export type AuthorizationVerdict =
  | { readonly verdict: "allow" }
  | { readonly verdict: "deny"; readonly reason: DenialReason };

const ALLOW: AuthorizationVerdict = { verdict: "allow" };

/** Judges a call by its method and caller alone; messages are judged by `authorizeMessage`. */
export function authorize(method: DescMethod, principal: Principal): AuthorizationVerdict {
  switch (authModeOf(method)) {
    case "unauthenticated":
      return ALLOW;
    case "bearer":
      return principal.kind === "user" ? ALLOW : deny(principal, "users_only");
    case "sandbox":
      return principal.kind === "sandbox" ? ALLOW : deny(principal, "sandboxes_only");
    case "dual":
      return principal.kind === "anonymous" ? deny(principal, "unauthenticated") : ALLOW;
    default:
      return { verdict: "deny", reason: "no_rule" };
  }
}

/** What a message says about which sandbox it is for. */
export interface MessageSubject {
  /** Every `sandbox_id` in it, also an empty one. */
  readonly sandboxIds: readonly string[];
  /** Id of the sandbox that it names; `null` where it names one that does not exist. */
  readonly namedSandboxId?: string | null;
}

/** Judges one message of a call that `authorize` allowed. */
export function authorizeMessage(
  method: DescMethod,
  principal: Principal,
  subject: MessageSubject,
): AuthorizationVerdict {
  // Anyone may send what belongs to a method for anyone.
  if (principal.kind !== "sandbox" || authModeOf(method) === "unauthenticated") return ALLOW;
  const { sandboxIds, namedSandboxId } = subject;
  const named = namedSandboxId === undefined ? sandboxIds : [...sandboxIds, namedSandboxId];
  return named.every((id) => id === principal.sandboxId)
    ? ALLOW
    : { verdict: "deny", reason: "other_sandbox" };
}

function authModeOf(method: DescMethod): string {
  return hasOption(method, authorization) ? getOption(method, authorization).authMode : "";
}

function deny(principal: Principal, reason: DenialReason): AuthorizationVerdict {
  return {
    verdict: "deny",
    reason: principal.kind === "anonymous" ? "unauthenticated" : reason,
  };
}
