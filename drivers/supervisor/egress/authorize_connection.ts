/**
 * Decides whether one connection may leave the sandbox, and to which addresses.
 *
 * The policy first, the name server after: of a host that the policy does not allow, nothing is
 * asked. The addresses that were judged are the ones that are dialled.
 *
 * @module
 */

import { canonicalHost } from "../../../policy-wasm/canonical/host.ts";
import { judgeDestination } from "../../../policy-wasm/destination.ts";
import type { Decision } from "../../../policy-wasm/decision.ts";
import type { Connection } from "../../../policy-wasm/evaluator.ts";
import type { Endpoint } from "../../../policy-wasm/policy.ts";
import type { Caller, Target } from "../../../policy-wasm/request.ts";
import { REASON_TEXTS } from "../../../proto/reason.ts";
import { holdsMarker } from "../credentials/placeholder.ts";
import type { Actor, DenialCode } from "../events/audit_event.ts";
import type { Generation, GenerationHolder, Quarantine } from "./generation.ts";
import type { CallerIdentity } from "./identity/caller_identifier.ts";
import type { ResolvePort } from "./ports.ts";

/** What a program asked for. */
export interface ConnectionIntent {
  /** As it came from the wire, IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
  readonly identity: CallerIdentity;
}

export type Authorization = Allowed | Refused;

export interface Allowed {
  readonly verdict: "allow";
  readonly target: Target;
  readonly caller: Caller;
  readonly actor: Actor;
  readonly generation: Generation;
  readonly connection: Connection;
  /** To be dialled; none else. */
  readonly addresses: readonly string[];
}

export interface Refused {
  readonly verdict: "deny";
  readonly code: DenialCode;
  /** One sentence for a person, without what the sandbox sent. */
  readonly detail: string;
  /** Canonical where the host has such a form, else as sent. */
  readonly target: Target;
  readonly actor: Actor | null;
  /** Key of the rule that decided, `null` where none did. */
  readonly rule: string | null;
  /** Hash of the image that decided, `null` where none did. */
  readonly generation: string | null;
}

export interface AuthorizePorts {
  readonly generations: GenerationHolder;
  readonly resolve: ResolvePort;
  /** Address of the host machine, where the sandbox may know it. */
  readonly trustedGatewayIp?: string | null;
}

/** Resolving takes time, in which policies may come; after so many, the connection is refused. */
const ATTEMPTS_MAX = 3;

/** Never rejects. */
export async function authorizeConnection(
  intent: ConnectionIntent,
  ports: AuthorizePorts,
): Promise<Authorization> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const { current } = ports.generations;
    const authorization = await authorizeUnder(current, intent, ports);
    if (ports.generations.current === current) return authorization;
  }
  const { host, port, identity } = intent;
  return {
    verdict: "deny",
    code: "policy_changed",
    detail: "The policy changed while the connection was judged",
    target: { host, port },
    actor: identity.kind === "known" ? identity.actor : null,
    rule: null,
    generation: null,
  };
}

async function authorizeUnder(
  current: Generation | Quarantine,
  { host, port, identity }: ConnectionIntent,
  { resolve, trustedGatewayIp = null }: AuthorizePorts,
): Promise<Authorization> {
  const form = canonicalHost(host);
  const target = { host: form.ok ? form.host : host, port };
  const actor = identity.kind === "known" ? identity.actor : null;
  const deny = (
    code: DenialCode,
    detail: string,
    by: { readonly rule: string | null; readonly generation: string } | null = null,
  ): Refused => ({
    verdict: "deny",
    code,
    detail,
    target,
    actor,
    rule: by?.rule ?? null,
    generation: by?.generation ?? null,
  });
  if (holdsMarker(host)) {
    return deny("credential_misplaced", "The host's name holds a placeholder of a credential");
  }
  if (!form.ok) return deny("invalid_host", form.detail);
  if (identity.kind === "unknown") {
    const isAmbiguous = identity.code === "caller_ambiguous";
    return deny(isAmbiguous ? "caller_ambiguous" : "caller_unknown", identity.detail);
  }
  if ("quarantine" in current) return deny("engine_error", current.quarantine);
  const { caller } = identity;
  const connection = decide(current, caller, target);
  const { decision } = connection;
  if (decision.verdict === "deny") {
    return deny(decision.reason, REASON_TEXTS[decision.reason], decision);
  }
  if (isUnread(current, connection, target)) {
    const detail = "Credentials belong to the host, and nothing would read the connection";
    return deny("uninspected_credentials", detail, decision);
  }
  const resolution = await resolve(target.host);
  if (!resolution.ok) return deny("dns_failed", resolution.detail, decision);
  const facts = { target, addresses: resolution.addresses, trustedGatewayIp };
  const destination = judgeAddresses(current, connection, facts);
  if (!destination.ok) return deny(destination.reason, destination.detail, decision);
  return {
    verdict: "allow",
    target,
    caller,
    actor: identity.actor,
    generation: current,
    connection,
    addresses: destination.addresses,
  };
}

/** Asks the policy about a connection. */
export function decide({ evaluator }: Generation, caller: Caller, target: Target): Connection {
  return evaluator.connect(evaluator.resolve(caller), target);
}

/** Whether nothing reads a connection to a host of ours, where no policy says that this is meant. */
export function isUnread(
  generation: Generation,
  { decision, isInspected }: Connection,
  target: Target,
) {
  if (isInspected || !generation.credentials.isBoundHost(target)) return false;
  return endpointOf(generation, decision)?.allowUninspectedCredentials !== true;
}

/** Returns the endpoint that decided, `null` where none did. */
export function endpointOf({ rules }: Generation, { rule, endpoint }: Decision): Endpoint | null {
  return rules.get(rule ?? "")?.endpoints[endpoint ?? -1] ?? null;
}

export interface AddressFacts {
  readonly target: Target;
  readonly addresses: readonly string[];
  readonly trustedGatewayIp: string | null;
}

/** Judges the addresses of an allowed connection, by the endpoint that allowed it. */
export function judgeAddresses(
  generation: Generation,
  { decision }: Connection,
  { target, addresses, trustedGatewayIp }: AddressFacts,
) {
  const endpoint = endpointOf(generation, decision);
  return judgeDestination({
    ...target,
    addresses,
    endpoint: {
      hostKind: hostKindOf(endpoint?.host),
      allowedIps: endpoint?.allowedIps ?? [],
      advisorProposed: false,
    },
    trustedGatewayIp,
  });
}

/** An endpoint that is not there, which cannot be, is trusted least. */
function hostKindOf(host: string | undefined): "exact" | "pattern" | "none" {
  if (host === undefined || host === "") return "none";
  return host.includes("*") ? "pattern" : "exact";
}
