/**
 * What the adapters share: the ports, one connection's client, and the steps that are the same
 * however a program asked.
 *
 * @module
 */

import type { AuditEvent, DenialCode, EventSink } from "../events/audit_event.ts";
import {
  type Allowed,
  authorizeConnection,
  type AuthorizePorts,
  type Refused,
} from "./authorize_connection.ts";
import { connectionDenial } from "./denial.ts";
import { DialError } from "./dial.ts";
import { POLICY_CHANGED } from "./generation.ts";
import type { Authority } from "./http1/authority.ts";
import type { BufferedStream } from "./http1/buffered_stream.ts";
import { answerAndClose } from "./http1/close_in_order.ts";
import type { RelayLimits } from "./http1/relay_limits.ts";
import type { ClientAddress } from "./identity/caller_identifier.ts";
import type { LiveConnection } from "./live_connection.ts";
import type { HeldBytes } from "./websocket/held_bytes.ts";
import type { Dialled, DialPort, IdentifierPort, InferencePort, TlsPort } from "./ports.ts";

export interface EgressPorts extends AuthorizePorts {
  readonly identifier: IdentifierPort;
  readonly events: EventSink;
  /** `null` where TLS cannot be terminated: then nothing that has to be inspected gets out. */
  readonly tls: TlsPort | null;
  readonly dial: DialPort;
  /** Left out: nobody serves model calls, and their host is one as any other. */
  readonly inference?: InferencePort;
}

/** Times and amounts; tests shorten them. */
export interface EgressLimits {
  readonly relay: RelayLimits;
  /** For a tunnel to say what it speaks. */
  readonly protocolMs: number;
}

/** One connection of a program to the proxy. */
export interface Scene {
  readonly ports: EgressPorts;
  readonly limits: EgressLimits;
  readonly client: BufferedStream;
  readonly from: ClientAddress;
  /** Of all connections of the proxy. */
  readonly held: HeldBytes;
  /** Aborts when the proxy closes. */
  readonly signal: AbortSignal;
}

type Handling = Extract<AuditEvent, { kind: "connection" }>["handling"];

/** Identifies the caller and authorizes a connection. A refusal is recorded and answered. */
export async function admit(
  place: Authority,
  method: string,
  scene: Scene,
): Promise<Allowed | null> {
  const { ports, from } = scene;
  const identity = await ports.identifier.identify(from);
  const authorization = await authorizeConnection({ ...place, identity }, ports);
  if (authorization.verdict === "allow") return authorization;
  await refuseConnection(authorization, method, scene);
  return null;
}

/** Records that a connection is refused, and says so. */
export async function refuseConnection(
  refused: Refused,
  method: string,
  scene: Scene,
): Promise<void> {
  const { code, detail, target, actor, rule, generation } = refused;
  scene.ports.events.record({
    kind: "connection",
    actor,
    destination: target,
    outcome: { kind: "denied", rule, reason: code, detail },
    generation,
    handling: null,
  });
  if (code === "credential_misplaced" || code === "uninspected_credentials") {
    scene.ports.events.record({
      kind: "finding",
      uid: `openshell.provider_credential.${code.replace(/^credential_/, "")}`,
      title: "A credential was not where it belongs",
      detail: `${actor?.binary ?? "A program"}: ${detail}`,
      severity: "high",
    });
  }
  const binary = actor?.binary ?? null;
  const response = connectionDenial({ code, detail, method, ...target, binary });
  await answerAndClose(scene.client, response, { limits: scene.limits.relay, method });
}

/** Returns the refusal of a connection that the policy had allowed. */
export function refusalOf(live: LiveConnection, code: DenialCode, detail: string): Refused {
  return {
    verdict: "deny",
    code,
    detail,
    target: live.target,
    actor: live.actor,
    rule: live.connection.decision.rule,
    generation: live.generation.evaluator.generation,
  };
}

/** Records that a connection is let through. */
export function recordAllowed(
  live: LiveConnection,
  events: EventSink,
  { handling, address }: { readonly handling: Handling; readonly address: string | null },
): void {
  events.record({
    kind: "connection",
    actor: live.actor,
    destination: { ...live.target, ...(address !== null && { address }) },
    outcome: { kind: "allowed", rule: live.connection.decision.rule },
    generation: live.generation.evaluator.generation,
    handling,
  });
}

/** Dials an allowed connection. A failure is recorded and answered. */
export async function dialAllowed(
  live: LiveConnection,
  method: string,
  { scene, signal }: { readonly scene: Scene; readonly signal: AbortSignal },
): Promise<Dialled | null> {
  const { addresses, target } = live;
  let failure: Refused;
  try {
    const dialled = await scene.ports.dial({ addresses, port: target.port, signal });
    if (!signal.aborted) return dialled;
    dialled.connection.close();
    failure = refusalOf(live, POLICY_CHANGED, POLICY_CHANGED_DETAIL);
  } catch (error) {
    if (!(error instanceof DialError)) throw error;
    failure = signal.aborted
      ? refusalOf(live, POLICY_CHANGED, POLICY_CHANGED_DETAIL)
      : refusalOf(live, "upstream_unreachable", error.message);
  }
  const isClosing = signal.aborted && signal.reason !== POLICY_CHANGED;
  if (!isClosing) await refuseConnection(failure, method, scene);
  else recordAllowed(live, scene.ports.events, { handling: null, address: null });
  return null;
}

/** Records bytes that name no destination, so that there is nothing to decide about. */
export function recordMalformed(events: EventSink, problem: string): void {
  events.record({
    kind: "finding",
    uid: "malformed-request",
    title: "A program sent the proxy what is no request",
    detail: problem,
    severity: "medium",
  });
}

export const POLICY_CHANGED_DETAIL = "The policy changed while the connection was made";
