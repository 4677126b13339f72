/**
 * What each reason of a denial means to whoever reads the events: how grave it is, which part of
 * OpenShell found it, and a sentence.
 *
 * @module
 */

import { type EnumValue, SEVERITY } from "../../../proto/ocsf.ts";
import { type Reason, REASON_TEXTS } from "../../../proto/reason.ts";
import type { DenialCode, ProxyDenial } from "./audit_event.ts";

/** Low is trouble, medium what a policy refuses, high an attempt to get around it. */
export function severityOf(reason: DenialCode): EnumValue {
  return isProxyDenial(reason)
    ? PROXY_DENIALS[reason].severity
    : SEVERITY_OF[reason] ?? SEVERITY.medium;
}

/** Returns the engine that a reason belongs to, or `null` where it is that of the decision. */
export function engineOf(reason: DenialCode): string | null {
  if (isProxyDenial(reason)) return PROXY_DENIALS[reason].engine;
  if (reason.startsWith("destination_") || reason === "allowed_ips_invalid") return "ssrf";
  return ENGINE_OF[reason] ?? null;
}

/** Returns one sentence, without names of this connection. */
export function textOf(reason: DenialCode): string {
  return isProxyDenial(reason) ? PROXY_DENIALS[reason].text : REASON_TEXTS[reason];
}

interface Denial {
  readonly severity: EnumValue;
  readonly engine: string | null;
  readonly text: string;
}

const PROXY_DENIALS: Readonly<Record<ProxyDenial, Denial>> = {
  caller_ambiguous: {
    severity: SEVERITY.medium,
    engine: "opa",
    text: "Several programs share the connection",
  },
  credential_endpoint_mismatch: {
    severity: SEVERITY.high,
    engine: "credentials",
    text: "The credential does not belong to this host, port and path",
  },
  credential_expired: {
    severity: SEVERITY.medium,
    engine: "credentials",
    text: "The credential has expired",
  },
  credential_invalid: {
    severity: SEVERITY.medium,
    engine: "credentials",
    text: "The credential has a value that cannot be sent",
  },
  credential_misplaced: {
    severity: SEVERITY.high,
    engine: "credentials",
    text: "A placeholder is where none is replaced",
  },
  credential_unknown: {
    severity: SEVERITY.medium,
    engine: "credentials",
    text: "The placeholder belongs to no credential that is there",
  },
  foreign_credential: {
    severity: SEVERITY.high,
    engine: "credentials",
    text: "A credential of its own goes to a place that has one of ours",
  },
  uninspected_credentials: {
    severity: SEVERITY.high,
    engine: "credentials",
    text: "A credential belongs to the host, and nothing would be read on the connection",
  },
  dns_failed: { severity: SEVERITY.low, engine: null, text: "The host could not be resolved" },
  upstream_unreachable: {
    severity: SEVERITY.low,
    engine: null,
    text: "The destination could not be reached",
  },
  upstream_tls_failed: {
    severity: SEVERITY.low,
    engine: "tls",
    text: "The destination's certificate or TLS could not be accepted",
  },
  invalid_request: {
    severity: SEVERITY.medium,
    engine: null,
    text: "The request has more than one meaning or none",
  },
  request_too_large: {
    severity: SEVERITY.medium,
    engine: null,
    text: "The request is larger than what is judged",
  },
  request_authority_mismatch: {
    severity: SEVERITY.high,
    engine: "request-authority",
    text: "The request names another host than its connection",
  },
  server_name_mismatch: {
    severity: SEVERITY.high,
    engine: "tls",
    text: "TLS names another host than the connection",
  },
  unsupported_protocol: {
    severity: SEVERITY.medium,
    engine: null,
    text: "The protocol is not one that can be judged",
  },
  unsupported_proxy_scheme: {
    severity: SEVERITY.medium,
    engine: null,
    text: "The proxy does not forward this scheme",
  },
  tls_termination_unavailable: {
    severity: SEVERITY.low,
    engine: "tls",
    text: "TLS could not be opened for inspection",
  },
  too_many_connections: {
    severity: SEVERITY.low,
    engine: null,
    text: "The sandbox has too many connections",
  },
  policy_changed: {
    severity: SEVERITY.medium,
    engine: null,
    text: "The policy changed and no longer allows it",
  },
};

const SEVERITY_OF: Partial<Readonly<Record<Reason, EnumValue>>> = {
  destination_unresolved: SEVERITY.low,
  engine_error: SEVERITY.high,
};

const ENGINE_OF: Partial<Readonly<Record<Reason, string>>> = {
  websocket_required: "l7-websocket",
  graphql_invalid: "l7-graphql",
  persisted_query_not_allowed: "l7-graphql",
  rpc_invalid: "l7-mcp",
  rpc_response_not_allowed: "l7-mcp",
  tool_name_invalid: "l7-mcp",
};

function isProxyDenial(reason: DenialCode): reason is ProxyDenial {
  return Object.hasOwn(PROXY_DENIALS, reason);
}
