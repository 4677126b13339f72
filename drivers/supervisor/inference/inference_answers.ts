/**
 * What a program is told where a model call does not come about, in a form that clients of both
 * kinds understand.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import type { InferenceProblem } from "../events/audit_event.ts";
import { type CompleteResponse, jsonResponse } from "../egress/http1/respond.ts";
import type { ProtocolId } from "./protocols.ts";

interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly hint?: string;
}

const REFUSALS: Readonly<Record<InferenceProblem, Refusal>> = {
  path_not_recognised: {
    status: 403,
    type: "permission_error",
    message: "This is no model call that inference.local serves",
    hint: "Use /v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings, " +
      "/v1/messages, /v1/models or /model/NAME/invoke",
  },
  invalid_request: {
    status: 400,
    type: "invalid_request_error",
    message: "The request cannot be read",
  },
  request_too_large: {
    status: 413,
    type: "request_too_large",
    message: "The body is larger than a model call may be",
  },
  not_configured: {
    status: 503,
    type: "not_configured",
    message: "No inference is configured for this workspace",
    hint: "The operator runs: openshell inference set --provider NAME --model MODEL",
  },
  no_compatible_route: {
    status: 400,
    type: "invalid_request_error",
    message: "No route serves this kind of call for this model",
    hint: "GET /v1/models lists the models of the first route",
  },
  token_budget_exceeded: {
    status: 429,
    type: "insufficient_quota",
    message: "The sandbox has used up its token budget",
    hint: "The operator may raise the setting inference_token_budget",
  },
  upstream_unreachable: {
    status: 503,
    type: "upstream_unreachable",
    message: "The model server cannot be reached",
  },
  upstream_timeout: {
    status: 503,
    type: "upstream_timeout",
    message: "The model server did not answer in time",
  },
  invalid_upstream_response: {
    status: 502,
    type: "invalid_upstream_response",
    message: "The model server gave no valid answer",
  },
  upstream_status: {
    status: 502,
    type: "upstream_error",
    message: "The model server refused the call",
  },
  stream_broken: {
    status: 502,
    type: "proxy_stream_error",
    message: "The model server ended the stream before its end",
  },
  client_gone: { status: 499, type: "client_gone", message: "The program is gone" },
};

/** Returns the answer; the connection ends with it. */
export function inferenceRefusal(problem: InferenceProblem, detail?: string): CompleteResponse {
  const { status, type, message, hint } = REFUSALS[problem];
  const error = {
    message: detail ?? message,
    type,
    code: problem,
    param: null,
    ...hint === undefined ? {} : { hint },
  };
  // Clients try again on 429; a budget does not come back by waiting.
  const headers = problem === "token_budget_exceeded" ? [["x-should-retry", "false"] as const] : [];
  return jsonResponse(status, { type: "error", error }, headers);
}

/** Returns one sentence for a person. */
export function inferenceProblemText(problem: InferenceProblem): string {
  return REFUSALS[problem].message;
}

/** Returns the event that ends a stream which has broken, after whatever came of it. */
export function brokenStreamEvent(protocol: ProtocolId, message: string): Uint8Array {
  const error = { message, type: "proxy_stream_error" };
  const isAnthropic = protocol === "anthropic_messages";
  const name = isAnthropic ? "event: error\n" : "";
  const value = isAnthropic ? { type: "error", error } : { error };
  return new TextEncoder().encode(`\n\n${name}data: ${JSON.stringify(value)}\n\n`);
}
