/**
 * For tests: findings about allow and deny rules.
 *
 * @module
 */

import { type MarkedCase, withDenyRules, withRules } from "./marked_policy.ts";

const UPGRADE = '\n- allow: { method: GET, path: "**" }';
const PROFILE = "protocol: mcp\nmcp: { allow_all_known_mcp_methods: true }";
const SQL = "protocol: sql\nenforcement: «audit_mode»audit";
const SQL_FULL = `${SQL}\naccess: read-only`;

export const REQUEST_RULE_CASES: readonly MarkedCase[] = [
  {
    name: "shows the wrapper of an allow rule",
    policy: withRules('- «rule_without_allow»method: GET\n  path: "/a+b"'),
    fix: 'allow: { method: GET, path: "/a+b" }',
  },
  {
    name: "shows a deny among allow rules as deny rule",
    policy: withRules("- «deny_in_rules»deny: { method: GET, path: /x }"),
    fix: "deny_rules: [{ method: GET, path: /x }]",
  },
  ...["deny", "allow"].map((wrapper) => ({
    name: `shows a deny rule without ${wrapper}`,
    policy: withDenyRules(`- «deny_rule_wrapped»${wrapper}: { method: GET, path: /x }`),
    fix: "{ method: GET, path: /x }",
  })),
  {
    name: "refuses rules that say nothing",
    policy: withRules("- «empty_rule»allow: {}\n- «rule_without_allow»{}"),
  },
  { name: "refuses a deny rule that says nothing", policy: withDenyRules("- «empty_rule»{}") },
  {
    name: "refuses a field of another protocol",
    policy: withRules(
      "- allow: { method: GET, path: /x, «field_not_supported»operation_type: query, " +
        "«field_not_supported»tool: x, «field_not_supported»command: SELECT }",
    ),
  },
  { name: "needs a method", policy: withRules("- «allow_without_method»allow: { path: /x }") },
  {
    name: "needs a method that is not empty",
    policy: withRules('- allow: { method: «allow_without_method»"", path: /x }'),
  },
  {
    name: "needs a path",
    policy: withRules("- «allow_without_path»allow: { method: GET }"),
    fix: 'path: "**"',
  },
  {
    name: "needs a path that is not empty",
    policy: withRules('- allow: { method: GET, path: «allow_without_path»"" }'),
  },
  {
    name: "warns of a deny rule without method",
    policy: withDenyRules("- «deny_without_method»path: /x"),
    fix: 'method: "*"',
  },
  { name: "takes a deny rule without path", policy: withDenyRules("- method: GET") },
  {
    name: "suggests a method",
    policy: withRules("- allow: { method: «unknown_method»GTE, path: /x }"),
    fix: "GET",
  },
  ...["CONNECT", "pri"].map((method) => ({
    name: `refuses ${method}`,
    policy: withRules(`- allow: { method: «method_refused»${method}, path: /x }`),
  })),
  ...["get", "PROPFIND", '"*"', "WEBSOCKET_TEXT", "Query"].map((method) => ({
    name: `accepts ${method}`,
    policy: withRules(`- allow: { method: ${method}, path: /x }`),
  })),
  ...([
    ["rule_path_prefix", "v1/x", "/v1/x"],
    ["rule_path_prefix", '"*"', "**"],
    ["rule_path_prefix", "https://example.com/x", null],
    ["path_not_canonical", '"/a b"', "/a%20b"],
    ["path_not_canonical", "/ü", "/%C3%BC"],
    ["path_not_canonical", "/a//b", "/a/b"],
    ["path_not_canonical", "/a/./b", null],
    ["path_not_canonical", "/a/../b", null],
    ["path_not_canonical", "/a%20b%2fc", null],
    ["path_not_canonical", "/%c3%bc", "/%C3%BC"],
    ["path_not_canonical", "/%41", "/A"],
    ["path_not_canonical", "/100%", "/100%25"],
    ["path_not_canonical", "/a%00", null],
    ["path_not_canonical", "/a;v=1", null],
    ["path_not_canonical", "/a%3Bv", null],
    ["path_not_canonical", '"/a#b"', null],
    ["path_not_canonical", "/a%2Fb", "allow_encoded_slash: true"],
    ["path_not_canonical", '"/{a,b c}"', "/{a,b%20c}"],
    ["path_not_canonical", '"/**//b"', "/**/b"],
  ] as const).map(([code, path, fix]) => ({
    name: `finds ${code} in path ${path}`,
    policy: withRules(`- allow: { method: GET, path: «${code}»${path} }`),
    fix,
  })),
  ...['"/**"', '"**"', '"**/x"', '"/a/{b,c/d}/*"', '"/%20"', '"/[a-z]?/\\\\*"', '"/a%*"', "/a:b@c"]
    .map((path) => ({
      name: `accepts path ${path}`,
      policy: withRules(`- allow: { method: GET, path: ${path} }`),
    })),
  {
    name: "accepts an encoded slash where the endpoint does",
    policy: withRules(
      "- allow: { method: GET, path: /a%2Fb }",
      "protocol: rest\nallow_encoded_slash: true",
    ),
  },
  {
    name: "warns of a query in a path",
    policy: withRules('- allow: { method: GET, path: "/a«path_holds_query»?q=1" }'),
  },
  {
    name: "points into a malformed path",
    policy: withRules('- allow: { method: GET, path: "/a/«malformed_glob»[b" }'),
  },
  {
    name: "refuses a long pattern",
    policy: withRules(`- allow: { method: GET, path: «pattern_too_long»/${"a".repeat(4096)} }`),
  },
  {
    name: "refuses a pattern that explodes",
    policy: withRules(
      `- allow: { method: GET, path: "/«pattern_too_complex»${"{a,b}".repeat(7)}" }`,
    ),
  },
  {
    name: "checks matchers",
    policy: withRules(
      `- allow:
    method: GET
    path: /x
    query:
      «matcher_shape»a: {}
      «matcher_shape»b: { glob: x, any: [y] }
      c: { «matcher_shape»any: [] }
      d: { any: [x, «wrong_type»1] }
      e: "«malformed_glob»[x"
      f: «wrong_type»1
      g: { glob: x, «unknown_key»regex: y }`,
    ),
  },
  {
    name: "refuses a mixed websocket rule",
    policy: withRules(
      `- allow: { «mixed_rule_fields»method: GET, operation_type: query }${UPGRADE}`,
      "protocol: websocket",
    ),
  },
  {
    name: "refuses a method that websockets do not have",
    policy: withRules(
      `- allow: { method: «websocket_method»POST, path: /x }${UPGRADE}`,
      "protocol: websocket",
    ),
  },
  {
    name: "refuses text messages beside GraphQL",
    policy: withRules(
      '- «websocket_text_with_graphql»allow: { method: WEBSOCKET_TEXT, path: "**" }\n' +
        '- «websocket_text_with_graphql»allow: { method: "*", path: "**" }\n' +
        "- allow: { operation_type: query }",
      "protocol: websocket",
    ),
  },
  {
    name: "refuses a preset with text messages beside GraphQL",
    policy: withDenyRules(
      "- operation_type: mutation",
      "protocol: websocket\naccess: «websocket_text_with_graphql»read-write",
    ),
    fix: "read-only",
  },
  {
    name: "warns of a websocket that is never opened",
    policy: withRules("- allow: { operation_type: query }", "protocol: websocket")
      .replace("rules:", "«websocket_without_upgrade»rules:"),
  },
  {
    name: "takes GraphQL on a websocket",
    policy: withRules(`- allow: { operation_type: Query }${UPGRADE}`, "protocol: websocket"),
  },
  {
    name: "checks GraphQL rules",
    policy: withRules(
      "- «allow_without_operation_type»allow: { fields: [x] }\n" +
        "- allow: { operation_type: «unknown_operation_type»mutaton }\n" +
        "- allow: { operation_type: query, «empty_list»fields: [] }\n" +
        '- allow: { operation_type: "*", operation_name: "«malformed_glob»{" }\n' +
        "- allow: { operation_type: query, «field_not_supported»path: /x }",
      "protocol: graphql",
    ),
  },
  {
    name: "warns of a GraphQL deny rule without type",
    policy: withDenyRules(
      "- «deny_without_operation_type»fields: [deleteRepository]",
      "protocol: graphql\naccess: read-only",
    ),
  },
  {
    name: "checks JSON-RPC rules",
    policy: withRules(
      '- allow: { method: "*" }\n- allow: { method: «rpc_method_pattern»"a/*" }\n' +
        "- «allow_without_method»allow: { method: '' }\n" +
        "- allow: { method: x, «field_not_supported»params: { name: y } }",
      "protocol: json-rpc",
    ),
  },
  {
    name: "warns of a JSON-RPC deny rule without method",
    policy: withDenyRules(
      '- «deny_without_method»method: ""',
      'protocol: json-rpc\nrules: [{ allow: { method: "*" } }]',
    ),
  },
  {
    name: "checks MCP methods",
    policy: withRules(
      '- allow: { method: "tools/*" }\n- allow: { method: «rpc_method_pattern»"resources/*" }\n' +
        '- allow: { method: «mcp_any_method»"*" }\n- allow: { method: "tools/«malformed_glob»[" }',
      "protocol: mcp",
    ),
  },
  {
    name: "needs tools/call for a tool",
    policy: withRules(
      "- «tool_without_call»allow: { tool: x }\n" +
        "- allow: { method: tools/list, «tool_without_call»tool: y }",
      "protocol: mcp",
    ),
  },
  {
    name: "implies tools/call with the method profile",
    policy: withRules("- allow: { tool: x }", PROFILE),
  },
  {
    name: "needs a method of an MCP deny rule",
    policy: withDenyRules('- «missing_key»method: ""', PROFILE),
  },
  {
    name: "takes params.name as tool",
    policy: withRules("- allow: { method: tools/call, params: { name: x } }", "protocol: mcp"),
  },
  {
    name: "refuses tool beside params.name",
    policy: withRules(
      "- allow: { method: tools/call, tool: x, params: { «tool_and_params_name»name: x } }",
      "protocol: mcp",
    ),
  },
  {
    name: "refuses other parameters",
    policy: withRules(
      "- allow: { method: tools/call, tool: x, params: { arguments: { " +
        "«params_not_supported»repo: y } } }",
      "protocol: mcp",
    ),
  },
  {
    name: "refuses tool patterns without strict names",
    policy: withRules(
      '- allow: { method: tools/call, tool: { any: [x, «wildcard_tool_not_strict»"y*"] } }',
      "protocol: mcp\nmcp: { strict_tool_names: false }",
    ),
  },
  {
    name: "refuses rules about all tools beside some",
    policy: withRules(
      "- allow: { method: tools/call, tool: x }\n- «broad_tool_rule»allow: { method: tools/call }\n" +
        '- «broad_tool_rule»allow: { method: "tools/*" }\n- allow: { method: tools/list }',
      "protocol: mcp\ndeny_rules: [«broad_tool_rule»{ method: tools/call }]",
    ),
  },
  {
    name: "takes a deny rule about some tools",
    policy: withRules(
      "- allow: { method: tools/call }",
      "protocol: mcp\ndeny_rules: [{ method: tools/call, tool: x }]",
    ),
  },
  {
    name: "checks SQL rules",
    policy: withRules(
      "- allow: { command: select }\n- allow: { command: «allow_without_command»'' }\n" +
        "- allow: { command: x, «field_not_supported»path: /x }",
      SQL,
    ),
  },
  {
    name: "warns of a SQL deny rule without command",
    policy: withDenyRules("- command: «deny_without_command»''", SQL_FULL),
  },
];
