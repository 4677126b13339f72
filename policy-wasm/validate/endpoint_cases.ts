/**
 * For tests: findings about the protocol and the options of endpoints.
 *
 * @module
 */

import { type MarkedCase, withEndpoint } from "./marked_policy.ts";

const RULES = "rules: [{ allow: { method: initialize } }]";

export const ENDPOINT_CASES: readonly MarkedCase[] = [
  { name: "accepts a plain endpoint", policy: at("tls: skip") },
  { name: "accepts a protocol in upper case", policy: at("protocol: REST\naccess: read-only") },
  { name: "accepts an empty protocol", policy: at('protocol: ""') },
  {
    name: "refuses an unknown protocol",
    policy: at("protocol: «unknown_protocol»webscket\naccess: read-only"),
    fix: "websocket",
  },
  ...["terminate", "passthrough"].map((tls) => ({
    name: `warns of tls ${tls}`,
    policy: at(`«deprecated_tls»tls: ${tls}`),
    fix: "remove it",
  })),
  ...["auto", '""', "SKIP"].map((tls) => ({
    name: `refuses tls ${tls}`,
    policy: at(`tls: «unknown_tls»${tls}`),
  })),
  ...["Enforce", '""', "none"].map((word) => ({
    name: `refuses enforcement ${word}`,
    policy: at(`protocol: rest\naccess: read-only\nenforcement: «unknown_enforcement»${word}`),
  })),
  {
    name: "warns of audit mode",
    policy: at("protocol: rest\naccess: read-only\nenforcement: «audit_mode»audit"),
    fix: "enforce",
  },
  {
    name: "refuses an unknown preset",
    policy: at("protocol: rest\naccess: «unknown_access»readonly"),
    fix: "read-only",
  },
  { name: "warns of full access", policy: at("protocol: rest\naccess: «full_access»full") },
  {
    name: "refuses access beside rules",
    policy: at(
      "protocol: rest\n«access_and_rules»access: read-only\n" +
        'rules: [{ allow: { method: GET, path: "**" } }]',
    ),
  },
  ...["json-rpc", "mcp"].map((protocol) => ({
    name: `refuses access for ${protocol}`,
    policy: at(`protocol: ${protocol}\n«access_not_supported»access: read-only`),
  })),
  {
    name: "refuses empty rules",
    policy: at("protocol: rest\n«empty_rules»rules: []\n«empty_rules»deny_rules: []"),
  },
  {
    name: "refuses rules without protocol",
    policy: at(
      "«rules_without_protocol»access: full\n«rules_without_protocol»path: /x\n" +
        "«rules_without_protocol»rules: [{ allow: {} }]\n" +
        "«rules_without_protocol»deny_rules: [{ path: /x }]",
    ),
    fix: "protocol: rest",
  },
  {
    name: "refuses inspection of skipped TLS",
    policy: at("protocol: rest\naccess: read-only\ntls: «rules_without_inspection»skip"),
  },
  ...["rest", "websocket", "graphql", "json-rpc", "mcp"].map((protocol) => ({
    name: `needs rules for ${protocol}`,
    policy: at(`protocol: «protocol_without_rules»${protocol}`),
  })),
  {
    name: "needs no rules for mcp with the method profile",
    policy: at("protocol: mcp\nmcp: { allow_all_known_mcp_methods: true }"),
  },
  {
    name: "needs something that deny rules take away from",
    policy: at("protocol: rest\n«deny_without_allow»deny_rules: [{ method: GET, path: /x }]"),
  },
  {
    name: "takes deny rules alone for mcp with the method profile",
    policy: at(
      "protocol: mcp\nmcp: { allow_all_known_mcp_methods: true }\n" +
        'deny_rules: [{ method: tools/call, tool: "delete_*" }]',
    ),
  },
  ...([
    ["path", "/x"],
    ["enforcement", "enforce"],
    ["access", "read-only"],
    ["rules", "[{ allow: { method: GET, path: /x } }]"],
    ["deny_rules", "[{ method: GET }]"],
    ["allow_encoded_slash", "true"],
    ["websocket_credential_rewrite", "true"],
    ["request_body_credential_rewrite", "true"],
    ["credential_signing", "sigv4\n«tcp_option_not_supported»signing_service: s3"],
    ["persisted_queries", "deny"],
    ["graphql_max_body_bytes", "1"],
    ["json_rpc", "{}"],
    ["mcp", "{}"],
  ] as const).map(([key, value]) => ({
    name: `refuses ${key} for tcp`,
    policy: at(`protocol: tcp\n«tcp_option_not_supported»${key}: ${value}`),
  })),
  {
    name: "takes options for tcp that are off",
    policy: at("protocol: tcp\nallow_encoded_slash: false\nsigning_region: ''"),
  },
  {
    name: "warns of tls for tcp",
    policy: at("protocol: tcp\n«option_without_effect»tls: skip"),
  },
  {
    name: "needs audit for sql",
    policy: at("protocol: «sql_needs_audit»sql\naccess: read-only"),
    fix: "enforcement: audit",
  },
  {
    name: "refuses enforcement of sql",
    policy: at("protocol: sql\naccess: read-only\nenforcement: «sql_needs_audit»enforce"),
  },
  {
    name: "refuses a path for sql",
    policy: at(
      "protocol: sql\naccess: read-only\nenforcement: «audit_mode»audit\n" +
        "«rules_without_protocol»path: /x",
    ),
  },
  {
    name: "refuses options of other protocols",
    policy: at(
      "protocol: graphql\naccess: read-only\n«option_not_supported»mcp: {}\n" +
        "«option_not_supported»json_rpc: {}\n" +
        "«option_not_supported»websocket_credential_rewrite: true",
    ),
  },
  {
    name: "warns of options without effect",
    policy: at(
      "«option_without_effect»enforcement: enforce\n" +
        "«option_without_effect»allow_encoded_slash: true\n" +
        "«option_without_effect»request_body_credential_rewrite: true\n" +
        "«option_without_effect»persisted_queries: deny\n" +
        "«option_without_effect»graphql_max_body_bytes: 1\n" +
        "«option_without_effect»signing_service: s3\n" +
        "«option_without_effect»signing_region: eu-north-1",
    ),
  },
  {
    name: "warns of signing without inspection",
    policy: at("tls: skip\n«option_without_effect»credential_signing: sigv4\nsigning_service: s3"),
  },
  {
    name: "refuses body limits beyond their range",
    policy: at(
      `protocol: mcp\n${RULES}\n` +
        "mcp: { max_body_bytes: «body_limit_out_of_range»0 }\n" +
        "json_rpc: { max_body_bytes: «body_limit_out_of_range»16777217 }",
    ),
  },
  {
    name: "warns of uninspected credentials",
    policy: at("allow_uninspected_credentials: «uninspected_credentials»true"),
  },
  {
    name: "refuses unknown signing",
    policy: at("credential_signing: «unknown_signing»sigv5\nsigning_service: s3"),
    fix: "sigv4",
  },
  {
    name: "needs a signing service",
    policy: at("credential_signing: «signing_without_service»sigv4"),
  },
  {
    name: "refuses signing a body that changes",
    policy: at(
      "protocol: rest\naccess: read-only\ncredential_signing: sigv4:body\nsigning_service: s3\n" +
        "request_body_credential_rewrite: «signing_with_body_rewrite»true",
    ),
  },
  {
    name: "needs the provider of a binding",
    policy: at("«missing_key»credential_binding: {}"),
  },
  {
    name: "refuses an unknown mode of persisted queries",
    policy: at(
      "protocol: graphql\naccess: read-only\n" +
        "persisted_queries: «unknown_persisted_queries»allow",
    ),
  },
  {
    name: "warns of a registry that is missing",
    policy: at(
      "protocol: graphql\naccess: read-only\n" +
        "persisted_queries: «option_without_effect»allow_registered",
    ),
  },
  {
    name: "warns of a registry that is off, and of an entry without fields",
    policy: at(
      "protocol: graphql\naccess: read-only\n" +
        "«option_without_effect»graphql_persisted_queries:\n" +
        "  «persisted_query_without_fields»abc: { operation_type: query }",
    ),
  },
  {
    name: "checks the registry",
    policy: at(
      "protocol: graphql\naccess: read-only\npersisted_queries: allow_registered\n" +
        "graphql_persisted_queries:\n" +
        "  «missing_key»a: { fields: [x] }\n" +
        '  b: { operation_type: «unknown_operation_type»"*", fields: [x] }',
    ),
  },
  {
    name: "refuses a relative endpoint path",
    policy: at("protocol: rest\naccess: read-only\npath: «endpoint_path_prefix»v1"),
    fix: "/v1",
  },
  {
    name: "refuses an endpoint path that starts with a glob",
    policy: at('protocol: rest\naccess: read-only\npath: «endpoint_path_prefix»"**/x"'),
  },
  {
    name: "points into a malformed endpoint path",
    policy: at('protocol: rest\naccess: read-only\npath: "/a«malformed_glob»{b"'),
  },
];

function at(lines: string): string {
  return withEndpoint(`host: a.example.com\nport: 443\n${lines}`);
}
