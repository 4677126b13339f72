import { strict as assert } from "node:assert";
import { diffPolicies } from "./diff_policy.ts";
import type { HttpRule, RequestRule } from "./policy.ts";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "./fixtures.ts";

const BEFORE = policyOf(ruleOf({ key: "api" }));

for (
  const { name, after, want } of [
    { name: "nothing for equal policies", after: policyOf(ruleOf({ key: "api" })), want: [] },
    {
      name: "a new rule",
      after: policyOf(ruleOf({ key: "api" }), ruleOf({ key: "more" })),
      want: ["added network_policies.more"],
    },
    { name: "a rule that went", after: policyOf(), want: ["removed network_policies.api"] },
    {
      name: "a request rule that came",
      after: policyOf(ruleOf({
        key: "api",
        endpoints: [endpointOf({ allow: [httpRuleOf({ method: "POST" }), httpRuleOf()] })],
      })),
      want: ["added network_policies.api.endpoints.api.example.com:443.allow.POST **"],
    },
    {
      name: "a mode that changed",
      after: policyOf(ruleOf({ key: "api", endpoints: [endpointOf({ enforcement: "audit" })] })),
      want: ["changed network_policies.api.endpoints.api.example.com:443.enforcement"],
    },
    {
      name: "a program that came and one that went",
      after: policyOf(ruleOf({ key: "api", binaries: [{ path: "/bin/a", descendants: true }] })),
      want: [
        "removed network_policies.api.binaries./**",
        "added network_policies.api.binaries./bin/a (and descendants)",
      ],
    },
    {
      name: "two endpoints of one name apart",
      after: policyOf(ruleOf({
        key: "api",
        endpoints: [endpointOf(), endpointOf({ protocol: "l4", allow: [] })],
      })),
      want: ["added network_policies.api.endpoints.api.example.com:443#2"],
    },
    {
      name: "a filesystem path",
      after: {
        ...BEFORE,
        filesystem: { includeWorkdir: true, readOnly: ["/usr"], readWrite: [] },
      },
      want: ["added filesystem_policy.read_only./usr"],
    },
  ]
) {
  Deno.test(`diffPolicies() reports ${name}`, () => {
    const changes = diffPolicies(BEFORE, after);
    assert.deepEqual(changes.map(({ kind, path }) => `${kind} ${path}`), want);
  });
}

Deno.test("diffPolicies() tells apart what looks alike", () => {
  const rule = (change: Partial<HttpRule>) => [httpRuleOf({ path: "/x", ...change })];
  const query = (...pairs: [string, string[]][]) => pairs.map(([key, value]) => ({ key, value }));
  const pairs: readonly (readonly [readonly RequestRule[], readonly RequestRule[]])[] = [
    [rule({ query: query(["k", ["x", "y"]]) }), rule({ query: query(["k", ["x|y"]]) })],
    [rule({ query: query(["k", ["a"]], ["l", ["b"]]) }), rule({ query: query(["k", ["a&l=b"]]) })],
    [rule({ path: "/x?a=b" }), rule({ query: query(["a", ["b"]]) })],
    [[{ kind: "rpc", method: "tools/call", tool: ["a", "b"] }], [
      { kind: "rpc", method: "tools/call", tool: ["a|b"] },
    ]],
  ];
  for (const [before, after] of pairs) {
    const policies = [before, after].map((allow) =>
      policyOf(ruleOf({ endpoints: [endpointOf({ allow })] }))
    );
    assert.equal(diffPolicies(policies[0]!, policies[1]!).length, 2);
  }
});

Deno.test("diffPolicies() gives both values of a change", () => {
  const after = policyOf(ruleOf({ key: "api", endpoints: [endpointOf({ tls: "skip" })] }));
  const [change] = diffPolicies(BEFORE, after);
  assert.deepEqual([change?.before, change?.after], ["auto", "skip"]);
});
