/**
 * Every code of a diagnostic, with its severity and its meaning.
 *
 * `architecture/diagnostics.md` is this table for people; a test keeps the two alike. Codes are
 * part of the interface: append, never rename.
 *
 * @module
 */

import type { Severity } from "./diagnostic.ts";

/** What stands behind one code. */
export interface DiagnosticMeaning {
  readonly severity: Severity;
  /** One line: what is wrong, and where it matters, why. */
  readonly text: string;
}

/** The document as text and as YAML. */
const DOCUMENT_CODES = {
  document_too_large: error("The document is larger than 4 MiB; nothing of it is parsed"),
  not_utf8: error("A byte is not UTF-8"),
  control_character: error("A control or bidirectional character, raw or by an escape"),
  empty_document: error("There is nothing in the document"),
  several_documents: error("A second YAML document; only one of them could be meant"),
  too_deep: error("Collections nest deeper than 32 levels, aliases followed"),
  too_many_nodes: error("More than 500,000 nodes, aliases followed"),
  yaml_syntax: error("Not YAML"),
  yaml_directive: error("A directive such as `%TAG`; it changes what the rest means"),
  yaml_tag: error("A tag other than `!!str`, `!!seq` and `!!map`"),
  merge_key: error("A merge key `<<`, which readers of YAML 1.1 and 1.2 take differently"),
  duplicate_key: error("A key that its map has already"),
  key_not_text: error("A key that is a number, a boolean, nothing, an alias or a collection"),
  alias_unknown: error("An alias without an anchor before it"),
  alias_cycle: error("An alias inside the node that it refers to"),
  more_errors: error("Further findings, errors among them, were counted and not kept"),
  more_warnings: warning("Further warnings were counted and not kept"),
} as const;

/** The schema: keys and types. */
const SCHEMA_CODES = {
  wrong_type: error("A value of another type than its key takes"),
  number_spelling: error("A number that is not written in plain decimal digits"),
  unknown_key: error("A key that this place does not have"),
  missing_key: error("A key that this place needs"),
  empty_list: error("A list that has to have an entry"),
  duplicate_entry: warning("An entry that its list has already"),
  policy_over_reference_limit: warning("A reference gateway takes at most 262,144 bytes"),
} as const;

/** Version, filesystem, Landlock, process. */
const SANDBOX_CODES = {
  unsupported_version: error("`version` is not 1"),
  unknown_compatibility: error("`landlock.compatibility` is none of the known words"),
  best_effort: warning("Without Landlock in the kernel the sandbox would run unconfined"),
  path_not_absolute: error("A filesystem path that does not start with `/`"),
  path_parent_component: error("A filesystem path with a `..` component"),
  path_too_long: error("A filesystem or binary path beyond 4096 bytes"),
  too_many_paths: error("More than 256 filesystem paths"),
  filesystem_too_broad: error("The whole filesystem as read-write"),
  filesystem_conflict: error("One path as read-only and as read-write"),
  literal_metacharacter: warning("A glob character that is taken literally where it stands"),
  invalid_identity: error("A user or group that is neither `sandbox` nor 1 to 4294967294"),
} as const;

/** Rules and their binaries. */
const RULE_CODES = {
  reserved_rule_key: error("A rule key that is empty or starts with `_provider_`"),
  rule_without_endpoints: error("A rule that names no destination"),
  rule_without_binaries: error("A rule that names no caller"),
  too_many_rules: error("More than 20,000 rules"),
  too_many_endpoints: error("More than 100,000 endpoints, counted once for each port"),
  binary_not_absolute: error("A binary that starts neither with `/` nor with `**`"),
  binary_not_normalised: error("A binary path that the kernel never reports"),
  binary_outer_space: warning("A binary whose name starts or ends with a space"),
  any_binary: warning("Any program may use the endpoints of the rule"),
  deprecated_harness: warning("`harness` on a binary is ignored"),
} as const;

/** Host, port and addresses of an endpoint. */
const DESTINATION_CODES = {
  missing_host: error("An endpoint without host that may not be without"),
  invalid_host: error("A host that is not a name or address with one meaning"),
  host_not_ascii: error("A host in another script than ASCII"),
  host_trailing_dot: error("A host that ends in a dot"),
  host_pattern_token: error("A glob token other than `*` in a host"),
  host_wildcard_position: error("A `*` where a host may not have one"),
  host_wildcard_too_broad: error("A `*` in the two last labels of a host"),
  host_ip_pattern: error("A range of addresses written as text"),
  host_never_reachable: error("A loopback, link-local or metadata host"),
  public_suffix_wildcard: warning("A wildcard over names that anybody can register"),
  wildcard_tcp_host: warning("A wildcard that lets data leave in DNS queries"),
  tcp_host_not_name: error("A `tcp` endpoint without a DNS name"),
  missing_port: error("An endpoint without port"),
  port_out_of_range: error("A port outside 1 to 65535"),
  port_and_ports: error("Both `port` and `ports`"),
  allowed_ip_invalid: error("An entry of `allowed_ips` that is no usable address or CIDR"),
  allowed_ips_broad: warning("An IPv4 range wider than /16"),
  allowed_ip_host_bits: warning("A range written with bits behind its prefix"),
  many_allowed_ips: warning("More than 16 entries of `allowed_ips`"),
} as const;

/** Protocol and options of an endpoint. */
const ENDPOINT_CODES = {
  unknown_protocol: error("`protocol` is none of the known words"),
  unknown_tls: error("`tls` is none of the known words"),
  deprecated_tls: warning("`tls: terminate` and `tls: passthrough` do nothing"),
  unknown_enforcement: error("`enforcement` is neither `enforce` nor `audit`"),
  audit_mode: warning("Violations are logged and forwarded, also those of deny rules"),
  unknown_access: error("`access` is none of the presets"),
  full_access: warning("`access: full` allows every request"),
  access_and_rules: error("Both `access` and `rules`"),
  access_not_supported: error("`access` on a protocol without presets"),
  empty_rules: error("`rules` or `deny_rules` without an entry"),
  rules_without_protocol: error("Rules or a path on an endpoint that does not read requests"),
  rules_without_inspection: error("`tls: skip` hides the requests that the rules judge"),
  protocol_without_rules: error("An inspected endpoint that allows nothing"),
  deny_without_allow: error("`deny_rules` without anything allowed to take away from"),
  tcp_option_not_supported: error("An option that a `tcp` endpoint does not have"),
  sql_needs_audit: error("A `sql` endpoint that is not `enforcement: audit`"),
  option_not_supported: error("An option that the protocol does not have"),
  option_without_effect: warning("An option that does nothing here"),
  body_limit_out_of_range: error("A body limit outside 1 to 16,777,216 bytes"),
  uninspected_credentials: warning("Credentials may leave in traffic that nobody reads"),
  unknown_signing: error("`credential_signing` is none of the known words"),
  signing_without_service: error("`credential_signing` without `signing_service`"),
  signing_with_body_rewrite: error("A signed request whose body would change afterwards"),
  unknown_persisted_queries: error("`persisted_queries` is none of the known words"),
  persisted_query_without_fields: warning("A registered query that no rule on fields judges"),
  endpoint_path_prefix: error("An endpoint path that neither starts with `/` nor is `**`"),
} as const;

/** Allow and deny rules. */
const REQUEST_RULE_CODES = {
  rule_without_allow: error("An entry of `rules` without its `allow`"),
  deny_rule_wrapped: error("An entry of `deny_rules` inside `deny` or `allow`"),
  deny_in_rules: error("A `deny` among the allow rules"),
  empty_rule: error("A rule that says nothing"),
  field_not_supported: error("A field that rules of the protocol do not have"),
  malformed_glob: error("A glob that is not well-formed"),
  glob_stars: error("Three `*` or more in a row, which no glob has"),
  pattern_too_long: error("A glob beyond 4096 characters"),
  pattern_too_complex: error("Braces that expand to more than 64 alternatives"),
  rule_path_prefix: error("A rule path that starts neither with `/` nor with `**`"),
  path_not_canonical: error("A path pattern that no canonical path matches"),
  path_holds_query: warning("A `?` that is a glob token and does not start a query"),
  allow_without_path: error("An allow rule without path"),
  allow_without_method: error("An allow rule without method"),
  deny_without_method: warning("A deny rule without method denies all methods"),
  unknown_method: error("A method that the HTTP registry does not have"),
  method_refused: error("`CONNECT` and `PRI`, which are no requests to judge"),
  matcher_shape: error("A matcher without exactly one of `glob` and `any`"),
  mixed_rule_fields: error("HTTP and GraphQL fields in one rule"),
  websocket_method: error("A method that no WebSocket connection has"),
  websocket_text_with_graphql: error("An allow rule that lets GraphQL messages pass unread"),
  websocket_without_upgrade: warning("A WebSocket endpoint that never lets the upgrade pass"),
  unknown_operation_type: error("`operation_type` is none of the known words"),
  allow_without_operation_type: error("A GraphQL allow rule without operation type"),
  deny_without_operation_type: warning("A GraphQL deny rule without type denies all types"),
  rpc_method_pattern: error("A method glob where only exact methods are"),
  mcp_any_method: error('`method: "*"` on an `mcp` endpoint'),
  tool_without_call: error("A tool on a rule that is not about `tools/call`"),
  tool_and_params_name: error("Both `tool` and `params.name`"),
  params_not_supported: error("A parameter other than `params.name`"),
  wildcard_tool_not_strict: error("A tool pattern while tool names are unchecked"),
  broad_tool_rule: error("A rule about all tools beside allow rules about some"),
  allow_without_command: error("A SQL allow rule without command"),
  deny_without_command: warning("A SQL deny rule without command denies all commands"),
} as const;

/** Middlewares. */
const MIDDLEWARE_CODES = {
  too_many_middlewares: error("More than 10 middlewares"),
  duplicate_order: error("Two middlewares with one `order`"),
  order_out_of_range: error("An `order` beyond 32 bits"),
  unknown_middleware: error("A name under `openshell/` that does not exist"),
  invalid_middleware_config: error("A built-in middleware with a config that it does not take"),
  unknown_on_error: error("`on_error` is neither `fail_closed` nor `fail_open`"),
  invalid_selector: error("A host selector that is malformed"),
  too_many_selectors: error("More than 32 host selectors"),
  middleware_over_skip: error("A `fail_closed` middleware over a `tls: skip` endpoint"),
} as const;

/** The policy as a whole. */
const AMBIGUITY_CODES = {
  ambiguous_connection: error("Two endpoints take one connection and disagree about it"),
  ambiguous_request: error("Two endpoints take one request and disagree about it"),
  sibling_path_not_covered: warning("A path with a `/` behind it passes by another endpoint"),
  policy_too_complex: error("Too many endpoints overlap to compare all of them"),
} as const;

/** What only shows when a valid policy is compiled. */
const COMPILE_CODES = {
  image_too_large: error("The compiled policy is larger than 256 MiB"),
} as const;

/** All codes. */
export const DIAGNOSTIC_CODES = {
  ...DOCUMENT_CODES,
  ...SCHEMA_CODES,
  ...SANDBOX_CODES,
  ...RULE_CODES,
  ...DESTINATION_CODES,
  ...ENDPOINT_CODES,
  ...REQUEST_RULE_CODES,
  ...MIDDLEWARE_CODES,
  ...AMBIGUITY_CODES,
  ...COMPILE_CODES,
} as const;

export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES;

function error(text: string): DiagnosticMeaning {
  return { severity: "error", text };
}

function warning(text: string): DiagnosticMeaning {
  return { severity: "warning", text };
}
