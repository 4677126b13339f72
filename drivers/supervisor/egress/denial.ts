/**
 * What a program is told when something is refused: JSON that an agent can act on.
 *
 * What is in a body is what the program sent itself, what it is, and what the policy says. The
 * reason and the last step are in headers as well: of an answer to `CONNECT` programs show the head
 * alone, if anything (`curl -i` does).
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { REASON_TEXTS } from "../../../proto/reason.ts";
import type { DenialCode } from "../events/audit_event.ts";
import type { HeaderField } from "./http1/header_fields.ts";
import { isFieldValue } from "./http1/header_fields.ts";
import { type CompleteResponse, jsonResponse } from "./http1/respond.ts";

/** Of a step in a header: clients take short heads alone, and the body has it whole. */
const STEP_HEADER_CHARS_MAX = 1024;

/** A connection that was refused. */
export interface DeniedConnection {
  readonly code: DenialCode;
  readonly detail: string;
  /** As the program asked: `CONNECT`, or the method of a request to the proxy. */
  readonly method: string;
  readonly host: string;
  readonly port: number;
  /** Executable of the program, `null` where it is unknown. */
  readonly binary: string | null;
}

/** A request on an allowed connection that was refused. */
export interface DeniedRequest extends DeniedConnection {
  /** Canonical path, `null` where it has none. */
  readonly path: string | null;
  /** Key of the rule that decided, `null` where none did. */
  readonly rule: string | null;
}

/** Returns the answer to a connection, before anything of it was relayed. */
export function connectionDenial(denied: DeniedConnection): CompleteResponse {
  const { code, detail, method, host, port, binary } = denied;
  const steps = nextSteps({ ...denied, path: null, rule: null });
  const body = {
    error: errorOf(code),
    detail: `${method} ${authority(host, port)}: ${detail}`,
    reason: code,
    layer: "l4",
    host,
    port,
    ...(binary !== null && { binary }),
    ...(isMissingRule(code) && {
      rule_missing: { type: "endpoint", layer: "l4", host, port, ...(binary && { binary }) },
    }),
    next_steps: steps,
  };
  return jsonResponse(statusOf(code), body, headersOf(code, steps));
}

/** Returns the answer to a request. */
export function requestDenial(denied: DeniedRequest): CompleteResponse {
  const { code, detail, method, path, host, port, binary, rule } = denied;
  const place = { method, ...(path !== null && { path }), host, port, ...(binary && { binary }) };
  const steps = nextSteps(denied);
  const headers: readonly HeaderField[] = rule !== null && isFieldValue(rule)
    ? [["X-OpenShell-Policy", rule]]
    : [];
  const body = {
    error: errorOf(code),
    ...(rule !== null && { policy: rule }),
    rule: path === null ? method : `${method} ${path}`,
    detail: `${method} ${path ?? "(no valid path)"}: ${detail}`,
    reason: code,
    layer: "l7",
    protocol: "rest",
    ...place,
    ...(isMissingRule(code) && { rule_missing: { type: "rest_allow", layer: "l7", ...place } }),
    next_steps: steps,
  };
  return jsonResponse(statusOf(code), body, [...headers, ...headersOf(code, steps)]);
}

/** Returns the answer to a request that names no place to go to. */
export function invalidRequest(code: DenialCode, detail: string): CompleteResponse {
  return jsonResponse(statusOf(code), { error: errorOf(code), detail });
}

/** Returns the answer to `https://` in absolute form: what is encrypted needs a tunnel. */
export function useConnect(): CompleteResponse {
  const text =
    "Use CONNECT for https: this proxy does not make TLS connections for plain requests\n";
  return {
    status: 400,
    headers: [["Content-Type", "text/plain; charset=utf-8"]],
    body: new TextEncoder().encode(text),
  };
}

/** A step has words of the program and of the policy in it, which may be no header's value. */
function headersOf(code: DenialCode, steps: readonly string[]): readonly HeaderField[] {
  const step = steps.at(-1) ?? "";
  const isShown = step.length <= STEP_HEADER_CHARS_MAX && isFieldValue(step);
  const next: readonly HeaderField[] = isShown ? [["X-OpenShell-Next-Step", step]] : [];
  return [["X-OpenShell-Reason", code], ...next];
}

function errorOf(code: DenialCode): string {
  if (code.startsWith("destination_") || code === "allowed_ips_invalid") return "ssrf_denied";
  const isPolicy = Object.hasOwn(REASON_TEXTS, code) || code === "caller_ambiguous" ||
    code === "policy_changed";
  return isPolicy ? "policy_denied" : code;
}

function statusOf(code: DenialCode): number {
  switch (code) {
    case "invalid_request":
    case "unsupported_proxy_scheme":
      return 400;
    case "request_too_large":
      return 413;
    case "dns_failed":
    case "upstream_unreachable":
    case "upstream_tls_failed":
      return 502;
    case "tls_termination_unavailable":
    case "too_many_connections":
      return 503;
    default:
      return 403;
  }
}

/** Codes that a further rule of the policy would change. */
function isMissingRule(code: DenialCode): boolean {
  return MISSING_RULE.has(code);
}

const MISSING_RULE: ReadonlySet<DenialCode> = new Set<DenialCode>([
  "no_network_rules",
  "host_not_allowed",
  "port_not_allowed",
  "binary_not_allowed",
  "path_not_in_scope",
  "request_not_allowed",
  "websocket_required",
]);

function nextSteps(denied: DeniedRequest): readonly string[] {
  const { code, host, port, binary, method, path } = denied;
  const program = binary === null ? "" : ` for the program "${binary}"`;
  const place = authority(host, port);
  const again = "Do not retry as it is: the answer stays the same until the policy changes.";
  switch (code) {
    case "no_network_rules":
    case "host_not_allowed":
      return [again, `Ask for an endpoint "${host}", port ${port}, in the policy${program}.`];
    case "port_not_allowed":
      return [again, `Use a port that the policy allows, or ask for port ${port} of "${host}".`];
    case "binary_not_allowed":
      return [again, `Use a program that the policy names for ${place}, or ask for it${program}.`];
    case "request_not_allowed":
    case "path_not_in_scope":
      return [again, `Ask for an allow rule "${method} ${path ?? "/"}" for ${place}${program}.`];
    case "websocket_required":
      return [again, `Open a WebSocket, or ask for "protocol: rest" for ${place}${program}.`];
    case "denied_by_rule":
      return [
        again,
        "A rule forbids this on purpose: find another way, or ask whether it is meant.",
      ];
    case "caller_unknown":
    case "caller_ambiguous":
      return ["Run one program, from a file that was not replaced or deleted, and try again."];
    case "dns_failed":
      return [`Check that "${host}" is spelled as it should be, then try again later.`];
    case "upstream_unreachable":
    case "too_many_connections":
    case "policy_changed":
      return ["Try again later."];
    case "upstream_tls_failed":
      return [`Ask whoever runs ${place} about its certificate: it cannot be trusted as it is.`];
    case "request_authority_mismatch":
    case "server_name_mismatch":
      return [`Ask for ${place} alone on this connection, and open another one for other hosts.`];
    case "credential_endpoint_mismatch":
      return [
        again,
        `Send this placeholder only to the endpoints of its provider, not to ${place}.`,
      ];
    case "credential_expired":
    case "credential_unknown":
      return [
        "Start the program anew, so that it gets today's placeholders, or ask for the credential.",
      ];
    case "foreign_credential":
      return [
        again,
        `Use the placeholder that is in the environment for ${place}, and no other key.`,
      ];
    case "credential_misplaced":
      return [
        again,
        "Send placeholders in header values, path segments and query values, as they are; in a " +
        "body only where the policy says request_body_credential_rewrite.",
      ];
    case "uninspected_credentials":
      return [again, `Ask for an endpoint of ${place} with "protocol: rest".`];
    default:
      return code.startsWith("destination_")
        ? [again, `Ask for "allowed_ips" on the endpoint "${host}" if its addresses are meant.`]
        : [again];
  }
}

function authority(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
