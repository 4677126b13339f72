/**
 * Why a decision came out as it did: one closed union, shared by the evaluator, the events and
 * the answers that a sandboxed program reads.
 *
 * @module
 */

/**
 * Codes in the order in which the image and the evaluator number them: the index is the number
 * on the wire between the two, so append only.
 */
export const REASONS = [
  "allowed",
  "engine_error",
  "caller_unknown",
  "invalid_host",
  "no_network_rules",
  "host_not_allowed",
  "port_not_allowed",
  "binary_not_allowed",
  "invalid_method",
  "invalid_path",
  "invalid_query",
  "path_not_in_scope",
  "encoded_slash_not_allowed",
  "denied_by_rule",
  "request_not_allowed",
  "websocket_required",
  "graphql_invalid",
  "persisted_query_not_allowed",
  "rpc_invalid",
  "rpc_response_not_allowed",
  "tool_name_invalid",
  "destination_unresolved",
  "destination_always_blocked",
  "destination_internal",
  "destination_not_in_allowed_ips",
  "destination_control_plane_port",
  "allowed_ips_invalid",
] as const;

/** One of the codes of {@link REASONS}. `allowed` is the only one that does not explain a denial. */
export type Reason = typeof REASONS[number];

/** One sentence for a person, without names of this request. */
export const REASON_TEXTS: Readonly<Record<Reason, string>> = {
  allowed: "A rule of the policy allows it",
  engine_error: "The policy engine failed, and a failure denies",
  caller_unknown: "The calling program could not be identified",
  invalid_host: "The host is not a name or address that has one meaning",
  no_network_rules: "The policy has no network rules, so nothing may leave",
  host_not_allowed: "No rule of the policy names this host",
  port_not_allowed: "A rule names this host, but not this port",
  binary_not_allowed: "A rule names this host and port, but not for this program",
  invalid_method: "The request method is not a token",
  invalid_path: "The request path is malformed or has more than one meaning",
  invalid_query: "The request query is malformed or too large",
  path_not_in_scope: "No endpoint of this host covers this path",
  encoded_slash_not_allowed: "The path has an encoded slash, which its endpoint does not accept",
  denied_by_rule: "A deny rule of the policy matches this request",
  request_not_allowed: "No allow rule of the policy matches this request",
  websocket_required: "The endpoint takes WebSocket connections only",
  graphql_invalid: "The request is not a GraphQL operation that can be judged",
  persisted_query_not_allowed:
    "The persisted GraphQL query is not registered, or no rule allows what is registered",
  rpc_invalid: "The request is not a JSON-RPC message that can be judged",
  rpc_response_not_allowed: "A client may not send JSON-RPC responses to this endpoint",
  tool_name_invalid: "The tool name has characters that the endpoint does not accept",
  destination_unresolved: "The host has no address",
  destination_always_blocked: "The host is a loopback, link-local, metadata or unusable address",
  destination_internal: "The host resolves to a private or internal address",
  destination_not_in_allowed_ips: "The host resolves to an address outside allowed_ips",
  destination_control_plane_port: "The port belongs to a cluster control plane",
  allowed_ips_invalid: "The allowed_ips of the endpoint hold an unusable entry",
};
