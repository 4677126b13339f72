/**
 * One endpoint: destination, protocol, rules and options.
 *
 * @module
 */

import type { Findings } from "../parse/findings.ts";
import type { RawEndpoint } from "../parse/schema.ts";
import { quote } from "../parse/source.ts";
import type { Field } from "../parse/tree.ts";
import type { Endpoint, Protocol } from "../policy.ts";
import { isInspected } from "../traits.ts";
import { validateAllowedIps } from "./allowed_ips.ts";
import { checkPathGlob } from "./glob.ts";
import { validateHost } from "./host.ts";
import { validateOptions } from "./options.ts";
import { oneOf, placed } from "./place.ts";
import { validatePorts } from "./ports.ts";
import { refuseRequestRules, validateRequestRules } from "./request_rules.ts";

/** A valid endpoint with what the checks between endpoints need. */
export interface CheckedEndpoint {
  readonly field: Field;
  readonly ruleKey: string;
  readonly endpoint: Endpoint;
  /** It says something about how requests are handled, beyond admitting a connection. */
  readonly hasRequestSettings: boolean;
}

/** Returns the endpoint, or `null` after reporting why there is none. */
export function validateEndpoint(
  raw: RawEndpoint,
  ruleKey: string,
  findings: Findings,
): CheckedEndpoint | null {
  const errorsBefore = findings.errorCount;
  const protocol = validateProtocol(raw, findings);
  const ports = validatePorts(raw, findings);
  const allowedIps = validateAllowedIps(raw, findings);
  const host = validateDestination(raw, protocol, findings);
  const tls = validateTls(raw, protocol, findings);
  const enforcement = validateEnforcement(raw, protocol, findings);
  if (protocol === undefined) return null;
  const options = validateOptions(raw, protocol, findings);
  const rules = validateRules(raw, { protocol, ...options }, findings);
  const path = validatePath(raw, options, findings);
  if (findings.errorCount > errorsBefore || host === undefined) return null;
  const endpoint = {
    host,
    ports,
    path,
    protocol,
    tls,
    enforcement,
    ...rules,
    allowedIps,
    ...options,
  };
  const hasRequestSettings = (protocol !== "l4" && protocol !== "tcp") || allowedIps.length > 0 ||
    raw.tls.written || raw.credential_binding.written;
  return { field: raw.at, ruleKey, endpoint, hasRequestSettings };
}

const PROTOCOLS: readonly Protocol[] = [
  ...["tcp", "rest", "websocket", "graphql", "sql", "json-rpc", "mcp"] as const,
];

function validateProtocol(raw: RawEndpoint, findings: Findings): Protocol | undefined {
  const written = placed(raw.protocol);
  if (written === null) return raw.protocol.written ? undefined : "l4";
  if (written.value === "") return "l4";
  const lower = { field: written.field, value: written.value.toLowerCase() };
  return oneOf(lower, PROTOCOLS, { code: "unknown_protocol", findings });
}

function validateDestination(
  raw: RawEndpoint,
  protocol: Protocol | undefined,
  findings: Findings,
): string | undefined {
  const written = placed(raw.host);
  if (written === null && raw.host.written) return undefined;
  if (written !== null && written.value !== "") return validateHost(written, protocol, findings);
  const place = written?.field ?? raw.at;
  if (protocol === "tcp" || protocol === "mcp") {
    const message = `An endpoint with protocol ${protocol} needs a host`;
    findings.add("missing_host", place, message);
    return undefined;
  }
  if (raw.allowed_ips.written && raw.allowed_ips.value?.length !== 0) return "";
  const message = "An endpoint needs a host, or allowed_ips";
  findings.add("missing_host", place, message, { fix: "host: api.example.com" });
  return undefined;
}

function validateTls(
  raw: RawEndpoint,
  protocol: Protocol | undefined,
  findings: Findings,
): Endpoint["tls"] {
  const written = placed(raw.tls);
  if (written === null) return "auto";
  const { field, value } = written;
  if (value === "terminate" || value === "passthrough") {
    const message = `tls: ${value} does nothing; TLS is detected and terminated for inspection`;
    findings.add("deprecated_tls", field, message, { fix: "remove it", at: field.keySpan });
    return "auto";
  }
  if (value !== "skip") {
    const message = `${quote(value)} is not known here, should be skip; leave tls out otherwise`;
    findings.add("unknown_tls", field, message, { fix: "remove it" });
    return "auto";
  }
  if (protocol !== undefined && isInspected(protocol)) {
    const message = `tls: skip hides the requests that protocol ${protocol} has to read`;
    findings.add("rules_without_inspection", field, message, { fix: "remove tls" });
  } else if (protocol === "tcp") {
    const message = "The bytes of a tcp endpoint are never inspected";
    findings.add("option_without_effect", field, message, { fix: "remove it", at: field.keySpan });
  }
  return "skip";
}

function validateEnforcement(
  raw: RawEndpoint,
  protocol: Protocol | undefined,
  findings: Findings,
): Endpoint["enforcement"] {
  const written = placed(raw.enforcement);
  const word = written === null
    ? "enforce"
    : oneOf(written, ["enforce", "audit"], { code: "unknown_enforcement", findings });
  if (protocol === "sql" && word === "enforce") {
    const message = "No SQL parser exists, so sql commands can be audited and not enforced";
    const fix = "enforcement: audit";
    findings.add("sql_needs_audit", written?.field ?? raw.protocol.field, message, { fix });
  }
  if (word === "audit" && written !== null) {
    const message = "In audit mode violations are logged and forwarded, denied ones too";
    const fix = protocol === "sql" ? null : "enforce";
    findings.add("audit_mode", written.field, message, { fix });
  }
  return word ?? "enforce";
}

function validateRules(
  raw: RawEndpoint,
  endpoint: Pick<
    Endpoint,
    "protocol" | "allowEncodedSlash" | "mcpStrictToolNames" | "mcpAllowAllKnownMethods"
  >,
  findings: Findings,
) {
  const { protocol } = endpoint;
  if (protocol === "l4" || protocol === "sql") refuseRequestRules(raw, protocol, findings);
  if (protocol === "l4" || protocol === "tcp") return { allow: [], deny: [] };
  return validateRequestRules(raw, {
    findings,
    protocol,
    allowEncodedSlash: endpoint.allowEncodedSlash,
    strictToolNames: endpoint.mcpStrictToolNames,
    allowAllMethods: protocol === "mcp" && endpoint.mcpAllowAllKnownMethods,
  });
}

function validatePath(
  raw: RawEndpoint,
  options: { readonly allowEncodedSlash: boolean },
  findings: Findings,
): string {
  const written = placed(raw.path);
  if (written === null || written.value === "" || written.value === "**") return "**";
  if (written.value.startsWith("/")) {
    checkPathGlob(written, options, findings);
    return written.value;
  }
  const message = `Path ${quote(written.value)} should start with / or be **`;
  const fix = written.value === "*" ? "**" : `/${written.value}`;
  findings.add("endpoint_path_prefix", written.field, message, { fix });
  return "**";
}
