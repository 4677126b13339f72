/**
 * Options of an endpoint beside destination and rules, and which protocol has which.
 *
 * @module
 */

import { BODY_BYTES_DEFAULT, BODY_BYTES_MAX } from "../../proto/limits.ts";
import type { Findings } from "../parse/findings.ts";
import type { Read } from "../parse/reader.ts";
import type { RawEndpoint } from "../parse/schema.ts";
import type { Endpoint, PersistedQuery, Protocol } from "../policy.ts";
import { isInspected } from "../traits.ts";
import { oneOf, placed, readable } from "./place.ts";

/** The part of an endpoint that this module fills. */
export type EndpointOptions = Pick<
  Endpoint,
  | "allowEncodedSlash"
  | "websocketCredentialRewrite"
  | "requestBodyCredentialRewrite"
  | "allowUninspectedCredentials"
  | "credentialSigning"
  | "signingService"
  | "signingRegion"
  | "credentialBindingProvider"
  | "persistedQueries"
  | "graphqlPersistedQueries"
  | "graphqlMaxBodyBytes"
  | "rpcMaxBodyBytes"
  | "mcpStrictToolNames"
  | "mcpAllowAllKnownMethods"
>;

/** Returns the options with their defaults. */
export function validateOptions(
  raw: RawEndpoint,
  protocol: Protocol,
  findings: Findings,
): EndpointOptions {
  checkSupport(raw, protocol, findings);
  const mcp = raw.mcp.value;
  const rpcLimit = bodyLimit(raw.json_rpc.value?.max_body_bytes, findings);
  return {
    allowEncodedSlash: raw.allow_encoded_slash.value ?? false,
    websocketCredentialRewrite: raw.websocket_credential_rewrite.value ?? false,
    requestBodyCredentialRewrite: raw.request_body_credential_rewrite.value ?? false,
    allowUninspectedCredentials: uninspectedCredentials(raw, findings),
    ...validateSigning(raw, findings),
    credentialBindingProvider: bindingProvider(raw, findings),
    ...validatePersistedQueries(raw, findings),
    graphqlMaxBodyBytes: bodyLimit(raw.graphql_max_body_bytes, findings) ?? BODY_BYTES_DEFAULT,
    rpcMaxBodyBytes: bodyLimit(mcp?.max_body_bytes, findings) ?? rpcLimit ?? BODY_BYTES_DEFAULT,
    mcpStrictToolNames: mcp?.strict_tool_names.value ?? true,
    mcpAllowAllKnownMethods: mcp?.allow_all_known_mcp_methods.value ?? false,
  };
}

type OptionName = Exclude<keyof RawEndpoint, "at">;

/** Options that only these protocols have; on others they are errors. */
const PROTOCOLS_OF: readonly (readonly [OptionName, readonly Protocol[]])[] = [
  ["mcp", ["mcp"]],
  ["json_rpc", ["json-rpc", "mcp"]],
  ["websocket_credential_rewrite", ["rest", "websocket"]],
];

const HTTP_PROTOCOLS: readonly Protocol[] = ["rest", "websocket", "graphql", "json-rpc", "mcp"];
const GRAPHQL_PROTOCOLS: readonly Protocol[] = ["graphql", "websocket"];

/** Options that do nothing on protocols other than these, and harm nothing. */
const EFFECTIVE_ON: readonly (readonly [OptionName, readonly Protocol[]])[] = [
  ["allow_encoded_slash", HTTP_PROTOCOLS],
  ["enforcement", [...HTTP_PROTOCOLS, "sql"]],
  ["request_body_credential_rewrite", ["rest"]],
  ["persisted_queries", GRAPHQL_PROTOCOLS],
  ["graphql_persisted_queries", GRAPHQL_PROTOCOLS],
  ["graphql_max_body_bytes", GRAPHQL_PROTOCOLS],
];

/** What a `tcp` endpoint, which is bytes on a socket, does not have. */
const NOT_FOR_TCP: readonly OptionName[] = [
  ...["path", "enforcement", "access", "rules", "deny_rules", "allow_encoded_slash"] as const,
  ...["websocket_credential_rewrite", "request_body_credential_rewrite"] as const,
  ...["credential_signing", "signing_service", "signing_region"] as const,
  ...["persisted_queries", "graphql_persisted_queries", "graphql_max_body_bytes"] as const,
  ...["json_rpc", "mcp"] as const,
];

/** False and empty options are as good as absent ones. */
function isSet({ written, value }: Read<unknown>): boolean {
  return written && value !== false && value !== "";
}

function checkSupport(raw: RawEndpoint, protocol: Protocol, findings: Findings): void {
  if (protocol === "tcp") {
    for (const name of NOT_FOR_TCP) {
      if (!isSet(raw[name])) continue;
      const { field } = raw[name];
      const message = `A tcp endpoint has no ${name}: nothing reads its bytes`;
      findings.add("tcp_option_not_supported", field, message, { at: field.keySpan });
    }
    return;
  }
  for (const [name, protocols] of PROTOCOLS_OF) {
    if (!isSet(raw[name]) || protocols.includes(protocol)) continue;
    const { field } = raw[name];
    const message = `${name} belongs to protocol ${protocols.join(" and ")} only`;
    findings.add("option_not_supported", field, message, { at: field.keySpan });
  }
  for (const [name, protocols] of EFFECTIVE_ON) {
    if (!isSet(raw[name]) || protocols.includes(protocol)) continue;
    warnWithoutEffect(raw[name], `${name} does nothing with this protocol`, findings);
  }
  if (raw.tls.value !== "skip" || isInspected(protocol)) return;
  if (!isSet(raw.credential_signing)) return;
  warnWithoutEffect(raw.credential_signing, "Nothing is signed with tls: skip", findings);
}

function warnWithoutEffect({ field }: Read<unknown>, message: string, findings: Findings): void {
  findings.add("option_without_effect", field, message, { fix: "remove it", at: field.keySpan });
}

function uninspectedCredentials(raw: RawEndpoint, findings: Findings): boolean {
  const { field, value } = raw.allow_uninspected_credentials;
  if (value !== true) return false;
  const message = "Credentials may leave to this endpoint in traffic that nobody reads";
  findings.add("uninspected_credentials", field, message);
  return true;
}

function validateSigning(raw: RawEndpoint, findings: Findings) {
  const written = placed(raw.credential_signing);
  const service = raw.signing_service.value || null;
  const region = raw.signing_region.value || null;
  if (written === null) {
    for (const read of [raw.signing_service, raw.signing_region]) {
      if (!isSet(read)) continue;
      warnWithoutEffect(read, "Nothing is signed without credential_signing", findings);
    }
    return { credentialSigning: null, signingService: service, signingRegion: region };
  }
  const words = ["sigv4", "sigv4:body", "sigv4:no_body"] as const;
  const signing = oneOf(written, words, { code: "unknown_signing", findings });
  if (service === null) {
    const message = "credential_signing needs the service that the signature is for";
    findings.add("signing_without_service", written.field, message, { fix: "signing_service: s3" });
  }
  if (raw.request_body_credential_rewrite.value === true) {
    const { field } = raw.request_body_credential_rewrite;
    const message = "Rewriting the body would break the signature of credential_signing";
    findings.add("signing_with_body_rewrite", field, message);
  }
  return { credentialSigning: signing ?? null, signingService: service, signingRegion: region };
}

function bindingProvider(raw: RawEndpoint, findings: Findings): string | null {
  const binding = raw.credential_binding.value;
  if (binding === undefined) return null;
  if (!binding.provider.written || binding.provider.value === "") {
    const message = "credential_binding needs the name of a provider";
    findings.add("missing_key", binding.at, message, { fix: "provider: github" });
  }
  return binding.provider.value ?? null;
}

function validatePersistedQueries(raw: RawEndpoint, findings: Findings) {
  const written = placed(raw.persisted_queries);
  const report = { code: "unknown_persisted_queries", findings } as const;
  const mode = written === null ? "deny" : oneOf(written, ["deny", "allow_registered"], report);
  const queries = readable(raw.graphql_persisted_queries).flatMap(({ field, value }) => {
    const entry = persistedQuery(value, findings);
    return entry === null ? [] : [{ id: String(field.origin?.step), ...entry }];
  });
  const registry = raw.graphql_persisted_queries;
  if (mode === "allow_registered" && registry.value === undefined && written !== null) {
    const message = "No query is registered in graphql_persisted_queries";
    findings.add("option_without_effect", written.field, message);
  } else if (mode === "deny" && queries.length > 0) {
    const message = "Registered queries are denied without persisted_queries: allow_registered";
    const fix = "persisted_queries: allow_registered";
    findings.add("option_without_effect", registry.field, message, { fix });
  }
  return { persistedQueries: mode ?? "deny", graphqlPersistedQueries: queries };
}

type RawPersistedQuery = NonNullable<
  NonNullable<RawEndpoint["graphql_persisted_queries"]["value"]>[number]["value"]
>;

function persistedQuery(
  raw: RawPersistedQuery,
  findings: Findings,
): Omit<PersistedQuery, "id"> | null {
  const fields = readable(raw.fields).map(({ value }) => value);
  if (fields.length === 0) {
    const message = "A registered query without fields matches no rule that names fields";
    findings.add("persisted_query_without_fields", raw.at, message, {
      fix: "fields: [repository]",
    });
  }
  const written = placed(raw.operation_type);
  if (written === null) {
    if (raw.operation_type.written) return null;
    const message = "A registered query needs its operation_type";
    findings.add("missing_key", raw.at, message, { fix: "operation_type: query" });
    return null;
  }
  const operationType = oneOf(
    { field: written.field, value: written.value.toLowerCase() },
    ["query", "mutation", "subscription"],
    { code: "unknown_operation_type", findings },
  );
  if (operationType === undefined) return null;
  return { operationType, operationName: raw.operation_name.value ?? "", fields };
}

function bodyLimit(read: Read<number> | undefined, findings: Findings): number | undefined {
  if (read?.value === undefined) return undefined;
  if (read.value >= 1 && read.value <= BODY_BYTES_MAX) return read.value;
  const message = `${read.value} bytes should be from 1 to ${BODY_BYTES_MAX}`;
  findings.add("body_limit_out_of_range", read.field, message);
  return undefined;
}
