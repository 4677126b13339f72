/**
 * For tests: findings about middlewares, and about endpoints that take the same traffic.
 *
 * @module
 */

import { type MarkedCase, withEndpoints, withMiddlewares } from "./marked_policy.ts";

const REGEX = "middleware: openshell/regex, config: { mode: redact }";
const HOSTS = "endpoints: { include: [a.example.com] }";

export const MIDDLEWARE_CASES: readonly MarkedCase[] = [
  { name: "accepts the built-in middleware", policy: withMiddlewares(`m: { ${REGEX}, ${HOSTS} }`) },
  {
    name: "accepts another middleware",
    policy: withMiddlewares(
      'm: { name: M, middleware: corp/dlp, order: -1, config: { a: [1, true, ~, "x"] }, ' +
        "on_error: fail_open, endpoints: { include: ['**', '*-x.a.io'], exclude: ['**.b'] } }",
    ),
  },
  {
    name: "needs middleware and hosts",
    policy: withMiddlewares("«missing_key»«missing_key»m: {}"),
  },
  {
    name: "needs hosts",
    policy: withMiddlewares(
      "m:\n  middleware: x/y\n  «empty_list»endpoints: { exclude: [a.io] }\n" +
        "n:\n  order: 1\n  middleware: x/y\n  endpoints: { «empty_list»include: [] }",
    ),
  },
  {
    name: "refuses a built-in middleware that does not exist",
    policy: withMiddlewares(`m: { middleware: «unknown_middleware»openshell/regexp, ${HOSTS} }`),
    fix: "openshell/regex",
  },
  {
    name: "checks the config of the built-in middleware",
    policy: withMiddlewares(
      `m: { middleware: «invalid_middleware_config»openshell/regex, ${HOSTS} }\n` +
        "n: { order: 1, middleware: openshell/regex, " +
        `«invalid_middleware_config»config: { mode: block }, ${HOSTS} }`,
    ),
  },
  {
    name: "refuses an unknown on_error",
    policy: withMiddlewares(`m: { ${REGEX}, on_error: «unknown_on_error»fail_close, ${HOSTS} }`),
    fix: "fail_closed",
  },
  {
    name: "refuses one order twice",
    policy: withMiddlewares(
      `a: { ${REGEX}, ${HOSTS} }\n«duplicate_order»b: { ${REGEX}, ${HOSTS} }\n` +
        `c: { ${REGEX}, order: «duplicate_order»0, ${HOSTS} }`,
    ),
  },
  {
    name: "refuses a large order",
    policy: withMiddlewares(`m: { ${REGEX}, order: «order_out_of_range»2147483648, ${HOSTS} }`),
  },
  {
    name: "refuses too many middlewares",
    policy: withMiddlewares(
      Array.from({ length: 11 }, (_, i) => `m${i}: { ${REGEX}, order: ${i}, ${HOSTS} }`).join("\n"),
    ).replace("network_middlewares", "«too_many_middlewares»network_middlewares"),
  },
  ...['"a.{b,c}"', '"a b"', '"a..b"', "a.io.", '"a.x**.io"', '""', "ü.io"].map((selector) => ({
    name: `refuses selector ${selector}`,
    policy: withMiddlewares(
      `m: { ${REGEX}, endpoints: { include: [a.io, «invalid_selector»${selector}] } }`,
    ),
  })),
  {
    name: "refuses too many selectors",
    policy: withMiddlewares(
      `m: { ${REGEX}, «too_many_selectors»endpoints: { include: [${
        Array.from({ length: 33 }, (_, i) => `h${i}.io`).join(", ")
      }] } }`,
    ),
  },
  {
    name: "refuses a strict middleware over skipped TLS",
    policy: withMiddlewares(
      `m: { ${REGEX}, endpoints: { include: ["*.example.com"] } }`,
      "\ntls: «middleware_over_skip»skip",
    ),
  },
  ...[
    'on_error: fail_open, endpoints: { include: ["*.example.com"] }',
    'endpoints: { include: ["*.example.com"], exclude: ["a.*.com"] }',
    'endpoints: { include: ["b.example.com"] }',
  ].map((rest) => ({
    name: `takes a middleware beside skipped TLS with ${rest}`,
    policy: withMiddlewares(`m: { ${REGEX}, ${rest} }`, "\ntls: skip"),
  })),
  {
    name: "lets no partial exclusion pass",
    policy: withEndpoints("- { host: '*.x.io', port: 1, tls: «middleware_over_skip»skip }") +
      `network_middlewares:\n  m: { ${REGEX}, ` +
      'endpoints: { include: ["**.io"], exclude: ["a.x.io", "a*.x.io"] } }',
  },
];

const REST = "protocol: rest, access: read-only";
const A = `host: a.example.com, port: 443, ${REST}`;

export const AMBIGUITY_CASES: readonly MarkedCase[] = [
  {
    name: "takes endpoints that allow differently",
    policy: withEndpoints(
      `- { ${A} }\n- { ${A}, deny_rules: [{ method: POST }] }\n- { host: a.example.com, port: 443 }`,
    ),
  },
  {
    name: "finds what differs in connection and request",
    policy: withEndpoints(
      `- { ${A} }\n- «ambiguous_connection»«ambiguous_request»` +
        "{ host: a.example.com, port: 443, tls: skip }",
    ),
  },
  ambiguous(
    "ambiguous_connection",
    "- { host: A.example.com, ports: [1, 443] }",
    "host: a.example.com, port: 443, protocol: tcp",
  ),
  ambiguous(
    "ambiguous_connection",
    '- { host: "*.example.com", port: 443, allowed_ips: [10.1.0.0/16] }',
    "host: a.example.com, port: 443",
  ),
  ambiguous(
    "ambiguous_connection",
    "- { port: 443, allowed_ips: [10.1.0.0/16] }",
    "host: a.example.com, port: 443",
  ),
  ambiguous(
    "ambiguous_connection",
    '- { host: "*-x.sub.*.example.com", port: 1 }',
    'host: "**.e.example.com", port: 1, tls: skip',
  ),
  ambiguous("ambiguous_request", `- { ${A} }`, `${A}, allow_encoded_slash: true`),
  ambiguous("ambiguous_request", `- { ${A} }`, `${A}, websocket_credential_rewrite: true`),
  ambiguous("ambiguous_request", `- { ${A} }`, `${A}, request_body_credential_rewrite: true`),
  ambiguous("ambiguous_request", `- { ${A} }`, `${A}, credential_binding: { provider: x }`),
  ambiguous(
    "ambiguous_request",
    `- { ${A}, credential_signing: sigv4, signing_service: s3 }`,
    `${A}, credential_signing: sigv4, signing_service: sqs, signing_region: eu`,
  ),
  ambiguous(
    "ambiguous_request",
    `- { ${A} }`,
    "host: a.example.com, port: 443, protocol: graphql, access: read-only",
  ),
  ambiguous(
    "ambiguous_request",
    `- { ${A}, path: "/a/*" }`,
    `${A}, path: "/*/b", enforcement: «audit_mode»audit`,
  ),
  ambiguous("ambiguous_request", `- { ${A}, path: "/v[12]" }`, websocket('path: "/v[13]"')),
  ambiguous(
    "ambiguous_request",
    `- { ${websocket("path: /v1")} }`,
    `${websocket("path: /v1")}, deny_rules: [{ operation_type: mutation }]`,
  ),
  ambiguous(
    "ambiguous_request",
    `- { ${mcp("strict_tool_names: true")} }`,
    mcp("strict_tool_names: false, max_body_bytes: 1"),
  ),
  ambiguous(
    "ambiguous_request",
    `- { host: a.example.com, port: 443, allowed_ips: [10.1.0.0/16] }`,
    `${A}, allowed_ips: [10.1.0.0/16]`,
  ),
  ...[
    `${A}, path: /a, allow_encoded_slash: true`,
    "host: b.example.com, port: 443, tls: skip",
    "host: a.example.com, port: 444, tls: skip",
    'host: "*.b.example.com", port: 443, tls: skip',
  ].map((other) => ({
    name: `takes a.example.com beside ${other.slice(0, 50)}`,
    policy: withEndpoints(`- { ${A} }\n- { ${other} }`),
  })),
  {
    name: "takes paths that are apart",
    policy: withEndpoints(
      `- { ${A}, path: "/a/**" }\n- { ${A}, path: "/b/**", allow_encoded_slash: true }\n` +
        `- { ${A}, path: "/*/a.b" }\n- { ${A}, path: "/*/c.d", allow_encoded_slash: true }`,
    ),
  },
  {
    name: "reports a pair once for all its ports",
    policy: withEndpoints(
      "- { host: a.example.com, ports: [1, 2, 3] }\n" +
        "- «ambiguous_connection»{ host: a.example.com, ports: [3, 2, 1], tls: skip }",
    ),
  },
  {
    name: "reports every pair",
    policy: withEndpoints(
      "- { host: a.example.com, port: 1 }\n- { host: a.example.com, port: 1 }\n" +
        "- «ambiguous_connection»«ambiguous_connection»{ host: a.example.com, port: 1, tls: skip }",
    ),
  },
  {
    name: "refuses what is too much to compare",
    policy: withEndpoints(
      Array.from(
        { length: 400 },
        (_, i) =>
          `- ${i === 0 ? "«policy_too_complex»" : ""}{ ${A}, path: "/*/${1000 + i}"${
            i % 2 === 0 ? ", allow_encoded_slash: true" : ""
          } }`,
      )
        .join("\n"),
    ),
  },
];

function ambiguous(code: string, first: string, second: string): MarkedCase {
  const policy = withEndpoints(`${first}\n- «${code}»{ ${second} }`);
  return { name: `finds ${code} in ${second.slice(0, 70)}`, policy };
}

function websocket(rest: string): string {
  return `host: a.example.com, port: 443, protocol: websocket, access: read-only, ${rest}`;
}

function mcp(options: string): string {
  return "host: a.example.com, port: 443, protocol: mcp, " +
    `mcp: { allow_all_known_mcp_methods: true, ${options} }`;
}
