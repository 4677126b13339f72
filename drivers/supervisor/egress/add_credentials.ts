/**
 * Puts credentials into a request that was judged, or refuses it after all.
 *
 * What was judged and is recorded keeps its placeholders; only what goes on has values.
 *
 * @module
 */

import type { EventSink } from "../events/audit_event.ts";
import { injectCredentials, type Injection } from "../credentials/inject_credentials.ts";
import type { ForwardedRequest } from "./http1/relay_requests.ts";
import type { RequestHead } from "./http1/request_head.ts";
import { type JudgedRequest, refuse } from "./judge_request.ts";
import type { LiveConnection } from "./live_connection.ts";

/** A judged request, and what goes on of it: `null` where nothing does. */
export interface WithCredentials {
  readonly judged: JudgedRequest;
  readonly forwarded: ForwardedRequest | null;
}

/** Refusals that an honest program does not run into. */
const FINDINGS: ReadonlySet<string> = new Set([
  "credential_endpoint_mismatch",
  "credential_misplaced",
  "foreign_credential",
]);

/** Adds what belongs to the request's place. A refusal that points at an attack is a finding too. */
export function addCredentials(
  judged: JudgedRequest,
  head: RequestHead,
  live: LiveConnection,
  events: EventSink,
): WithCredentials {
  const { target, request } = judged;
  if (target === null || request === null) return { judged, forwarded: null };
  const { generation: { credentials }, target: { host, port } } = live;
  if (credentials.isEmpty) return { judged, forwarded: { target } };
  const injection = injectCredentials(credentials, {
    fields: head.fields,
    target,
    place: { host, port, path: request.path },
    nowMs: Date.now(),
  });
  if (injection.kind === "none") return { judged, forwarded: { target } };
  if (injection.kind === "injected") {
    return { judged, forwarded: { target: injection.target, fields: injection.fields } };
  }
  recordFinding(injection, live, events);
  const { problem, detail } = injection;
  const refused = refuse(problem, detail, live.connection.decision);
  return { judged: { ...refused, request }, forwarded: null };
}

function recordFinding(
  { problem, detail, key }: Extract<Injection, { kind: "refused" }>,
  { actor, target }: LiveConnection,
  events: EventSink,
): void {
  if (!FINDINGS.has(problem)) return;
  const which = key === null ? "" : ` (${key})`;
  events.record({
    kind: "finding",
    uid: `openshell.provider_credential.${problem.replace(/^credential_/, "")}`,
    title: "A credential was not where it belongs",
    detail: `${actor.binary} towards ${target.host}:${target.port}: ${detail}${which}`,
    severity: "high",
  });
}
