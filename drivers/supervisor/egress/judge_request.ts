/**
 * Judges one request on an open connection.
 *
 * What it names has to be the connection's place, and what is judged is what goes on: the canonical
 * path, and the query as sent.
 *
 * Pure but for the policy that is in force.
 *
 * @module
 */

import type { Decision } from "../../../policy-wasm/decision.ts";
import { answer } from "../../../policy-wasm/raw_question.ts";
import type { Endpoint } from "../../../policy-wasm/policy.ts";
import type { Request } from "../../../policy-wasm/request.ts";
import { REASON_TEXTS } from "../../../proto/reason.ts";
import type { AuditEvent, DenialCode, Outcome } from "../events/audit_event.ts";
import { endpointOf } from "./authorize_connection.ts";
import { requestDenial } from "./denial.ts";
import { namesAuthority, type Scheme } from "./http1/authority.ts";
import type { RequestHead } from "./http1/request_head.ts";
import type { CompleteResponse } from "./http1/respond.ts";
import { redact } from "../credentials/placeholder.ts";
import type { LiveConnection } from "./live_connection.ts";

/**
 * Headers by which servers act on another method or path than those of the request line. What is
 * judged would then not be what is done.
 */
const OVERRIDES: ReadonlySet<string> = new Set([
  "x-forwarded-uri",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-method",
  "x-original-uri",
  "x-original-url",
  "x-rewrite-url",
]);

/** A request, judged. */
export interface JudgedRequest {
  readonly outcome: Outcome;
  /** What goes on, `null` where nothing does. */
  readonly target: string | null;
  /** The canonical request, `null` where it has no such form. */
  readonly request: Request | null;
  /** The one that allowed it, `null` where none did. */
  readonly endpoint: Endpoint | null;
}

export function judgeRequest(
  head: RequestHead,
  live: LiveConnection,
  scheme: Scheme,
): JudgedRequest {
  const { connection, generation, target, caller } = live;
  if (!namesAuthority(head, scheme, target)) {
    const detail = "The request names another host or port than the connection";
    return refuse("request_authority_mismatch", detail);
  }
  const override = connection.isInspected ? overrideIn(head) : null;
  if (override !== null) {
    return refuse("invalid_request", `The header ${override} may ask for another request`);
  }
  const { evaluator } = generation;
  const { decision, detail, request } = answer(
    {
      generation: evaluator.generation,
      connect: () => ({
        decision: connection.decision,
        // Where nothing reads paths, no endpoint can say that it takes them.
        acceptsEncodedSlash: connection.acceptsEncodedSlash || !connection.isInspected,
      }),
      request: (_, judged) => evaluator.request(connection, judged),
    },
    { caller, host: target.host, port: target.port, method: head.method, path: head.target },
  );
  if (decision.verdict === "deny") {
    return {
      ...refuse(decision.reason, detail ?? REASON_TEXTS[decision.reason], decision),
      request,
    };
  }
  if (request === null) return refuse("engine_error", REASON_TEXTS.engine_error, decision);
  return {
    outcome: outcomeOf(decision),
    target: request.path + queryOf(head.target),
    request,
    endpoint: endpointOf(generation, decision),
  };
}

/** Returns the answer to a request that was refused. */
export function denialOf(
  { outcome, request }: JudgedRequest,
  method: string,
  live: LiveConnection,
): CompleteResponse {
  const isDenied = outcome.kind === "denied";
  return requestDenial({
    code: isDenied ? outcome.reason : "engine_error",
    detail: isDenied ? outcome.detail : REASON_TEXTS.engine_error,
    method,
    path: request?.path ?? null,
    rule: outcome.rule,
    binary: live.actor.binary,
    ...live.target,
  });
}

/** Returns the event of a judged request. */
export function requestEvent(
  method: string,
  judged: Pick<JudgedRequest, "outcome" | "request">,
  live: LiveConnection,
  { scheme, address }: { readonly scheme: Scheme; readonly address: string | null },
): AuditEvent {
  return {
    kind: "request",
    actor: live.actor,
    destination: { ...live.target, ...(address !== null && { address }) },
    scheme,
    method,
    path: judged.request === null ? null : redact(judged.request.path),
    outcome: judged.outcome,
    generation: live.generation.evaluator.generation,
  };
}

/** Returns the outcome of what was let through. */
export function outcomeOf({ audited, rule, reason }: Decision): Outcome {
  return audited ? { kind: "audited", rule, reason } : { kind: "allowed", rule };
}

/** Returns a refusal, by a decision where one was made. */
export function refuse(
  reason: DenialCode,
  detail: string,
  decision: Pick<Decision, "rule"> | null = null,
): JudgedRequest {
  const outcome: Outcome = { kind: "denied", rule: decision?.rule ?? null, reason, detail };
  return { outcome, target: null, request: null, endpoint: null };
}

function overrideIn({ fields }: RequestHead): string | null {
  // Servers behind CGI or WSGI see no difference between the two signs.
  const names = fields.map(([name]) => name.toLowerCase().replaceAll("_", "-"));
  return names.find((name) => OVERRIDES.has(name)) ?? null;
}

function queryOf(target: string): string {
  const question = target.indexOf("?");
  return question < 0 ? "" : target.slice(question);
}
