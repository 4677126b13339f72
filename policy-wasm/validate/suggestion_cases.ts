/**
 * For tests: suggestions that may be taken as they are, and findings that stand alone.
 *
 * @module
 */

import {
  type MarkedCase,
  withDenyRules,
  withEndpoint,
  withEndpoints,
  withRules,
} from "./marked_policy.ts";

const HOST = "host: a.example.com\nport: 443";

export const SUGGESTION_CASES: readonly MarkedCase[] = [
  ...[["http", "rest"], ["HTTPS", "rest"], ["tpc", null], ["rset", "rest"]].map(([word, fix]) => ({
    name: `answers protocol ${word} with ${fix}`,
    policy: withEndpoint(`${HOST}\nprotocol: «unknown_protocol»${word}\naccess: read-only`),
    fix: fix!,
  })),
  ...[["ful", null], ["raed-only", "read-only"]].map(([word, fix]) => ({
    name: `answers access ${word} with ${fix}`,
    policy: withEndpoint(`${HOST}\nprotocol: rest\naccess: «unknown_access»${word}`),
    fix: fix!,
  })),
  ...[
    ...["LIST", "READ", "FETCH", "ALL", "REMOVE"].map((word) => [word, null] as const),
    ["GTE", "GET"] as const,
  ].map(([word, fix]) => ({
    name: `answers method ${word} with ${fix}`,
    policy: withRules(`- allow: { method: «unknown_method»${word}, path: /x }`),
    fix,
  })),
  {
    name: "suggests no wider JSON-RPC method",
    policy: withRules('- allow: { method: «rpc_method_pattern»"get_*" }', "protocol: json-rpc"),
    fix: null,
  },
  {
    name: "suggests operation_type for a type",
    policy: withRules("- allow: { «unknown_key»operation: query }", "protocol: graphql"),
    fix: "operation_type",
  },
  ...["tools", "auth"].map((key) => ({
    name: `suggests nothing for ${key} on an endpoint`,
    policy: withEndpoint(`${HOST}\n«unknown_key»${key}: x`),
    fix: null,
  })),
  {
    name: "suggests no key that is there",
    policy: 'version: 1\nprocess: { run_as_user: "7", «unknown_key»user: "7" }',
    fix: null,
  },
  {
    name: "suggests no quotes around root",
    policy: "version: 1\nprocess: { run_as_group: «wrong_type»0 }",
    fix: null,
  },
  {
    name: "says that a rule has one method",
    policy: withRules("- «allow_without_method»allow: { «unknown_key»methods: [GET], path: /x }"),
  },
  {
    name: "shows several tools as matcher",
    policy: withRules("- allow: { method: tools/call, «wrong_type»tool: [a, b] }", "protocol: mcp"),
    fix: "{ any: [a, b] }",
  },
  {
    name: "merges the globs of a matcher",
    policy: withDenyRules(
      "- { method: GET, path: /x, query: { «matcher_shape»k: { glob: x, any: [y] } } }",
    ),
    fix: "{ any: [x, y] }",
  },
  {
    name: "invents no globs",
    policy: withDenyRules("- { method: GET, path: /x, query: { «matcher_shape»k: {} } }"),
    fix: null,
  },
  {
    name: "asks for quotes around a host pattern",
    policy: withEndpoint("host: «alias_unknown»*.example.com\nport: 443"),
    fix: '"*.example.com"',
  },
  { name: "explains a bare star", policy: withEndpoint("host: «yaml_syntax»*\nport: 443") },
  {
    name: "says that children have to be indented",
    policy: "version: 1\n«wrong_type»network_policies:\na:\n  endpoints: []\nb: { endpoints: [] }",
    fix: null,
  },
  {
    name: "reports an unknown map that follows no open section",
    policy: "version: 1\nnetwork_policies: {}\n«unknown_key»a: {}",
  },
  {
    name: "takes typographic quotes off a host",
    policy: withEndpoint("host: «host_not_ascii»“x.example.com”\nport: 443"),
    fix: "x.example.com",
  },
  {
    name: "refuses three stars in a path",
    policy: withRules('- allow: { method: GET, path: "/a/«glob_stars»***" }'),
    fix: "/a/**",
  },
  {
    name: "refuses three stars in a text",
    policy: withDenyRules('- { method: GET, path: /x, query: { k: "«glob_stars»****" } }'),
    fix: "**",
  },
  {
    name: "takes escaped stars",
    policy: withDenyRules('- { method: GET, path: /x, query: { k: "\\\\***[***]" } }'),
  },
  binaries("refuses three stars in a binary", '{ path: "/opt/«glob_stars»***" }', "/opt/**"),
  binaries(
    "takes a binary with and without descendants",
    "{ path: /x }, { path: /x, descendants: true }",
  ),
  binaries(
    "warns of a binary twice",
    "{ path: /x, descendants: true }, { path: «duplicate_entry»/x, descendants: true }",
    "remove it",
  ),
  binaries("warns of a space behind a binary", '{ path: «binary_outer_space»"/x " }', "/x"),
  {
    name: "warns of host bits",
    policy: withEndpoint(`${HOST}\nallowed_ips: [«allowed_ip_host_bits»10.1.0.1/16, 10.2.0.0/16]`),
    fix: "10.1.0.0/16",
  },
];

const MCP = "mcp: { allow_all_known_mcp_methods: true }";
const REST = "host: a.example.com, port: 443, protocol: rest";

export const SIBLING_CASES: readonly MarkedCase[] = [
  sibling("warns of a rest endpoint beside", "«sibling_path_not_covered»/mcp", "access: read-only"),
  sibling(
    "warns once for two ports",
    "«sibling_path_not_covered»/mcp",
    "access: read-only",
    "ports: [1, 443]",
  ),
  sibling("takes a rest endpoint elsewhere", "/mcp", "access: read-only", "port: 2"),
  sibling("takes rest rules elsewhere", "/mcp", "rules: [{ allow: { method: GET, path: /x/** } }]"),
  sibling(
    "takes a sibling that is denied",
    "/mcp",
    'access: read-only, deny_rules: [{ method: "*", path: /mcp/ }]',
  ),
  {
    name: "takes a sibling with its own endpoint",
    policy: withEndpoints(
      ["/mcp", "/mcp/"].map((path) =>
        `- { ${HOST.replace("\n", ", ")}, protocol: mcp, ${MCP}, path: ${path} }`
      )
        .join("\n") + `\n- { ${REST}, access: read-only }`,
    ),
  },
];

function binaries(name: string, items: string, fix?: string): MarkedCase {
  const policy = withEndpoint(HOST).replace("{ path: /usr/bin/curl }", items);
  return fix === undefined ? { name, policy } : { name, policy, fix };
}

function sibling(name: string, path: string, rest: string, ports = "port: 443"): MarkedCase {
  const policy = withEndpoints(
    `- { host: a.example.com, ports: [1, 443], protocol: mcp, ${MCP}, path: ${path} }\n` +
      `- { host: a.example.com, ${ports}, protocol: rest, ${rest} }`,
  );
  return { name: `${name} (sibling path)`, policy };
}
