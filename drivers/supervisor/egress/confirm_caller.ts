/**
 * Asks a second time who holds a connection, when the first bytes come through its tunnel.
 *
 * A descriptor that is in flight over a unix socket is in no process that could be looked at. So one
 * program can have another one open a tunnel, and then take it over. Whoever sends the first bytes
 * has to be allowed by the same rule as whoever asked for the tunnel.
 *
 * Fails closed: a program that is gone by then, or that shares the connection with another one, is
 * refused. What comes later is not asked about again.
 *
 * @module
 */

import type { Actor, DenialCode } from "../events/audit_event.ts";
import { REASON_TEXTS } from "../../../proto/reason.ts";
import type { Caller } from "../../../policy-wasm/request.ts";
import { decide } from "./authorize_connection.ts";
import type { LiveConnection } from "./live_connection.ts";
import type { Scene } from "./scene.ts";

/** Returns whether bytes may go on. A refusal is recorded. */
export async function confirmCaller(
  live: LiveConnection,
  { ports, from }: Scene,
  signal: AbortSignal,
): Promise<boolean> {
  const identity = await ports.identifier.identify(from);
  // Whatever has ended the connection meanwhile has recorded why.
  if (signal.aborted) return false;
  const { target, generation } = live;
  const refuse = (reason: DenialCode, detail: string, actor: Actor | null): false => {
    ports.events.record({
      kind: "connection",
      actor,
      destination: target,
      outcome: { kind: "denied", rule: live.connection.decision.rule, reason, detail },
      generation: generation.evaluator.generation,
      handling: null,
    });
    return false;
  };
  if (identity.kind === "unknown") {
    const isAmbiguous = identity.code === "caller_ambiguous";
    return refuse(isAmbiguous ? "caller_ambiguous" : "caller_unknown", identity.detail, null);
  }
  const { caller, actor } = identity;
  if (isSame(caller, live.caller)) return true;
  const { decision } = decide(generation, caller, target);
  if (decision.verdict === "deny") {
    return refuse(decision.reason, REASON_TEXTS[decision.reason], actor);
  }
  const { rule, endpoint } = live.connection.decision;
  if (decision.rule === rule && decision.endpoint === endpoint) return true;
  return refuse("caller_ambiguous", "Another program uses the connection than opened it", actor);
}

function isSame(one: Caller, other: Caller): boolean {
  return one.binary === other.binary &&
    JSON.stringify(one.ancestors) === JSON.stringify(other.ancestors);
}
