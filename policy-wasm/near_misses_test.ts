import { strict as assert } from "node:assert";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "./fixtures.ts";
import { describeRule, findNearMisses } from "./near_misses.ts";
import type { Request } from "./request.ts";

const POLICY = policyOf(
  ruleOf({
    key: "api",
    binaries: [{ path: "/usr/bin/curl", descendants: false }],
    endpoints: [
      endpointOf({
        allow: [httpRuleOf({ path: "/v1/**" })],
        deny: [httpRuleOf({ method: "*", path: "/v1/admin/**" })],
      }),
      endpointOf({ host: "other.example.org", path: "/only/**" }),
    ],
  }),
);

const CURL = { binary: "/usr/bin/curl", ancestors: [] };
const TARGET = { host: "api.example.com", port: 443 };

for (
  const { name, caller = CURL, target = TARGET, request = null, want } of [
    {
      name: "a host with the same last labels",
      target: { host: "www.example.com", port: 443 },
      want: 'host: "api.example.com" does not cover host "www.example.com"',
    },
    { name: "a host unlike all", target: { host: "a.b", port: 443 }, want: "" },
    {
      name: "a port",
      target: { host: "api.example.com", port: 80 },
      want: "port: Port 80 is not among 443",
    },
    {
      name: "a program",
      caller: { binary: "/bin/sh", ancestors: ["/usr/bin/curl"] },
      want: 'binary: Program "/bin/sh" is not among /usr/bin/curl; its parent does, but without ' +
        "`descendants: true`",
    },
    {
      name: "a method",
      request: { method: "POST", path: "/v1/x" },
      want: "request: No allow rule matches: GET /v1/**: method is POST",
    },
    {
      name: "a path",
      request: { method: "GET", path: "/v2" },
      want: "request: No allow rule matches: GET /v1/**: path is /v2",
    },
    {
      name: "a deny rule",
      request: { method: "GET", path: "/v1/admin/x" },
      want: "deny: Deny rule * /v1/admin/** matches",
    },
    {
      name: "a path outside the endpoint",
      target: { host: "other.example.org", port: 443 },
      request: { method: "GET", path: "/" },
      want: 'path: Path "/" is outside the endpoint\'s "/only/**"',
    },
  ] as {
    name: string;
    caller?: typeof CURL;
    target?: typeof TARGET;
    request?: Request;
    want: string;
  }[]
) {
  Deno.test(`findNearMisses() names ${name}`, () => {
    const [first] = findNearMisses(POLICY, { caller, target, request });
    assert.equal(first === undefined ? "" : `${first.step}: ${first.detail}`, want);
  });
}

Deno.test("findNearMisses() says when another protocol is authoritative", () => {
  const policy = policyOf(
    ruleOf({ key: "rest", endpoints: [endpointOf({ allow: [httpRuleOf({ method: "*" })] })] }),
    ruleOf({
      key: "tools",
      endpoints: [
        endpointOf({
          path: "/mcp",
          protocol: "mcp",
          allow: [{ kind: "rpc", method: "tools/list", tool: null }],
        }),
      ],
    }),
  );
  const request: Request = { method: "POST", path: "/mcp", rpc: { kind: "call", method: "x" } };
  const misses = findNearMisses(policy, { caller: CURL, target: TARGET, request });
  assert.deepEqual(misses.map(({ rule, step }) => [rule, step]), [
    ["tools", "request"],
    ["rest", "protocol"],
  ]);
});

for (
  const [rule, want] of [
    [httpRuleOf({ query: [{ key: "a", value: ["1", "2"] }] }), "GET **?a=1|2"],
    [
      { kind: "graphql", operationType: "*", operationName: ["X"], fields: ["a", "b"] },
      "* X { a b }",
    ],
    [{ kind: "rpc", method: "tools/call", tool: ["get_*"] }, "tools/call get_*"],
    [{ kind: "rpc", method: "ping", tool: null }, "ping"],
    [{ kind: "sql", command: "SELECT" }, "SELECT"],
  ] as const
) {
  Deno.test(`describeRule() writes ${want}`, () => assert.equal(describeRule(rule), want));
}
