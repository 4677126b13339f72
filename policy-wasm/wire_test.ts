import assert from "node:assert/strict";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { parse } from "yaml";
import { loadCases } from "../tests/cases/load_cases.ts";
import { anyPolicy, Chance } from "../tests/differential/generate.ts";
import { parsePolicy } from "./parse_policy.ts";
import type { Endpoint, Matcher, Policy, RequestRule } from "./policy.ts";
import { ALL_CASES } from "./validate/all_cases.ts";
import {
  policyDocumentFromWire,
  policyDocumentToWire,
  PolicyWireError,
  type SandboxPolicy,
  SandboxPolicySchema,
} from "./wire.ts";
import { TEST_SEED } from "../tests/test_seed.ts";

/** Through bytes, as a peer would see it. */
function cross(document: unknown): unknown {
  const bytes = toBinary(SandboxPolicySchema, policyDocumentToWire(document));
  return policyDocumentFromWire(fromBinary(SandboxPolicySchema, bytes));
}

function policyOfText(text: string): Policy | null {
  return parsePolicy(text).policy;
}

function assertCrosses(text: string): void {
  const want = policyOfText(text);
  assert.ok(want !== null, text);
  assert.deepEqual(policyOfText(JSON.stringify(cross(parse(text)))), want, text);
}

const EXAMPLES = new URL("../examples/", import.meta.url);

Deno.test.each(
  [...Deno.readDirSync(EXAMPLES)].filter(({ name }) => name.endsWith(".yaml")).map(({ name }) => ({
    name,
  })),
)("policyDocumentToWire() and back keeps examples/$name", ({ name }) => {
  assertCrosses(Deno.readTextFileSync(new URL(name, EXAMPLES)));
});

Deno.test("policyDocumentToWire() and back keeps every policy of the decision cases", () => {
  const policies = new Set(loadCases().map(({ policy }) => policy));
  assert.ok(policies.size > 20);
  for (const policy of policies) assertCrosses(policy);
});

/** Their only field is an empty text: refused, see below. */
const WITHOUT_WORDS = [
  "warns of a JSON-RPC deny rule without method",
  "warns of a SQL deny rule without command",
];

Deno.test("policyDocumentToWire() and back keeps every valid case of the validator", () => {
  let count = 0;
  for (const { name, policy } of ALL_CASES) {
    const text = policy.replaceAll(/«[a-z_]+»/g, "");
    if (text.length > 100_000) continue;
    const want = policyOfText(text);
    if (want === null || WITHOUT_WORDS.includes(name)) continue;
    const got = policyOfText(JSON.stringify(cross(parse(text))));
    assert.deepEqual(got, want, name);
    count++;
  }
  assert.ok(count > 100, `${count}`);
});

Deno.test("policyDocumentToWire() and back makes no invalid case of the validator valid", () => {
  for (const { name, policy } of ALL_CASES) {
    const text = policy.replaceAll(/«[a-z_]+»/g, "");
    if (text.length > 100_000 || policyOfText(text) !== null) continue;
    const json = tryTo(() => JSON.stringify(parse(text, { logLevel: "silent" })));
    // What is wrong in the text alone is gone in plain values.
    if (json === undefined || policyOfText(json) !== null) continue;
    const back = tryTo(() => cross(JSON.parse(json)));
    if (back === undefined) continue;
    const { policy: got, diagnostics } = parsePolicy(JSON.stringify(back));
    assert.equal(got, null, `${name}\n${text}\n${JSON.stringify(diagnostics)}`);
  }
});

Deno.test("policyDocumentToWire() and back keeps generated policies", () => {
  const seed = TEST_SEED;
  const chance = new Chance(seed);
  let kept = 0;
  for (let round = 0; round < 1500; round++) {
    const text = JSON.stringify(documentOf(anyPolicy(chance)));
    const want = policyOfText(text);
    if (want === null) continue;
    const got = policyOfText(JSON.stringify(cross(JSON.parse(text))));
    assert.deepEqual(got, want, `seed ${seed}: ${text}`);
    kept++;
  }
  assert.ok(kept > 50, `seed ${seed}: only ${kept} policies were valid`);
});

Deno.test("policyDocumentToWire() writes out what a reference would take for the laxer", () => {
  const message = policyDocumentToWire(parse(withEndpoint("protocol: rest\naccess: read-only")));
  assert.equal(message.networkPolicies["r"]?.endpoints[0]?.enforcement, "enforce");
  assert.equal(message.landlock?.compatibility, "hard_requirement");
});

Deno.test("policyDocumentToWire() leaves enforcement out where nothing is judged", () => {
  const message = policyDocumentToWire(parse(withEndpoint("")));
  assert.equal(message.networkPolicies["r"]?.endpoints[0]?.enforcement, "");
});

Deno.test("policyDocumentToWire() keeps absent apart from false", () => {
  const at = (lines: string) =>
    policyDocumentToWire(parse(withEndpoint(lines))).networkPolicies["r"]?.endpoints[0]?.mcp;
  assert.equal(at("protocol: mcp")?.strictToolNames, undefined);
  assert.equal(at("mcp: {}")?.strictToolNames, undefined);
  assert.equal(at("mcp: { strict_tool_names: false }")?.strictToolNames, false);
  assert.equal(at("mcp: { max_body_bytes: 5 }")?.allowAllKnownMcpMethods, undefined);
});

Deno.test.each([
  { name: "tool", rule: "{ method: tools/call, tool: a }" },
  { name: "params.name", rule: "{ method: tools/call, params: { name: a } }" },
])("policyDocumentToWire() gives $name the name that a reference knows", ({ rule }) => {
  const endpoint = policyDocumentToWire(parse(withEndpoint(`rules: [{ allow: ${rule} }]`)))
    .networkPolicies["r"]?.endpoints[0];
  assert.equal(endpoint?.rules[0]?.allow?.params["name"]?.glob, "a");
});

Deno.test.each([
  { lines: "mcp: { max_body_bytes: 7 }", want: 7 },
  { lines: "json_rpc: { max_body_bytes: 8 }", want: 8 },
  { lines: "json_rpc: { max_body_bytes: 8 }\nmcp: { max_body_bytes: 7 }", want: 7 },
])("policyDocumentToWire() has one body limit for $lines", ({ lines, want }) => {
  const endpoint = policyDocumentToWire(parse(withEndpoint(lines))).networkPolicies["r"]
    ?.endpoints[0];
  assert.equal(endpoint?.jsonRpcMaxBodyBytes, want);
});

const E = "network_policies.r.endpoints[0]";

Deno.test.each([
  { lines: "color: red", path: `${E}.color` },
  { lines: "provider_credentialed: true", path: `${E}.provider_credentialed` },
  { lines: "advisor_proposed: true", path: `${E}.advisor_proposed` },
  { lines: "json_rpc_max_body_bytes: 3", path: `${E}.json_rpc_max_body_bytes` },
  { lines: "json_rpc: { bytes: 3 }", path: `${E}.json_rpc.bytes` },
  { lines: "json_rpc: 3", path: `${E}.json_rpc` },
  { lines: "graphql_max_body_bytes: 0", path: `${E}.graphql_max_body_bytes` },
  { lines: "graphql_max_body_bytes: 4294967296", path: `${E}.graphql_max_body_bytes` },
  { lines: "graphql_max_body_bytes: 1.5", path: `${E}.graphql_max_body_bytes` },
  { lines: "graphql_max_body_bytes: -1", path: `${E}.graphql_max_body_bytes` },
  { lines: "ports: []", path: `${E}.ports` },
  { lines: 'ports: ["443"]', path: `${E}.ports[0]` },
  { lines: 'enforcement: ""', path: `${E}.enforcement` },
  { lines: 'tls: ""', path: `${E}.tls` },
  { lines: 'access: ""', path: `${E}.access` },
  { lines: "rules: []", path: `${E}.rules` },
  { lines: "deny_rules: []", path: `${E}.deny_rules` },
  { lines: "rules: [{ allow: { fields: [] } }]", path: `${E}.rules[0].allow.fields` },
  { lines: "rules: [{ method: GET }]", path: `${E}.rules[0].method` },
  { lines: "rules: [{ allow: { method: 5 } }]", path: `${E}.rules[0].allow.method` },
  { lines: "rules: { allow: {} }", path: `${E}.rules` },
  { lines: "deny_rules: [{ query: { k: { any: [] } } }]", path: `${E}.deny_rules[0].query.k.any` },
  { lines: "deny_rules: [{ query: { k: {} } }]", path: `${E}.deny_rules[0].query.k` },
  { lines: "deny_rules: [{ query: { k: 5 } }]", path: `${E}.deny_rules[0].query.k` },
  { lines: "deny_rules: [{ query: { a b: [] } }]", path: `${E}.deny_rules[0].query["a b"]` },
  { lines: "deny_rules: [{ tool: a, params: { name: b } }]", path: `${E}.deny_rules[0]` },
  { lines: 'deny_rules: [{ method: "" }]', path: `${E}.deny_rules[0]` },
  { lines: "json_rpc: {}", path: `${E}.json_rpc` },
  { lines: "path: ~", path: `${E}.path` },
  { lines: "allow_encoded_slash: 1", path: `${E}.allow_encoded_slash` },
  { lines: "credential_binding: { name: x }", path: `${E}.credential_binding.name` },
])("policyDocumentToWire() refuses $lines", ({ lines, path }) => {
  assert.throws(
    () => policyDocumentToWire(parse(withEndpoint(lines))),
    (error) => error instanceof PolicyWireError && error.path === path,
  );
});

Deno.test.each([
  { name: "text", document: "version: 1", path: "" },
  {
    name: "port beside ports",
    document: { network_policies: { r: { endpoints: [{ port: 1, ports: [1] }] } } },
    path: `${E}.port`,
  },
  { name: "nothing", document: null, path: "" },
  { name: "a list", document: [], path: "" },
  { name: "an unknown section", document: { filesystem: {} }, path: "filesystem" },
  {
    name: "an empty compatibility",
    document: { landlock: { compatibility: "" } },
    path: "landlock.compatibility",
  },
  {
    name: "an order out of range",
    document: { network_middlewares: { m: { order: 2 ** 31 } } },
    path: "network_middlewares.m.order",
  },
  {
    name: "infinity in a config",
    document: { network_middlewares: { m: { config: { a: Infinity } } } },
    path: "network_middlewares.m.config.a",
  },
  {
    name: "half a character",
    document: { process: { run_as_user: "\ud800" } },
    path: "process.run_as_user",
  },
])("policyDocumentToWire() refuses $name", ({ document, path }) => {
  assert.throws(
    () => policyDocumentToWire(document),
    (error) => error instanceof PolicyWireError && error.path === path,
  );
});

Deno.test("policyDocumentToWire() keeps what would be a prototype elsewhere a key", () => {
  const text = withEndpoint("").replace("  r:", "  __proto__:");
  const { network_policies: rules } = cross(parse(text)) as { network_policies: object };
  assert.deepEqual(Object.keys(rules), ["__proto__"]);
  assertCrosses(text);
});

Deno.test.each([
  { name: "the mark of a provider", endpoint: { providerCredentialed: true } },
  { name: "the mark of the advisor", endpoint: { advisorProposed: true } },
  { name: "a port beside ports without it", endpoint: { port: 1, ports: [2, 3] } },
  {
    name: "a matcher of both kinds",
    endpoint: { denyRules: [{ query: { k: { glob: "a", any: ["b"] } } }] },
  },
])("policyDocumentFromWire() refuses $name", ({ endpoint }) => {
  assert.throws(
    () => policyDocumentFromWire(messageOf(endpoint as EndpointShape)),
    PolicyWireError,
  );
});

Deno.test("policyDocumentFromWire() leaves marks out where it is told to", () => {
  const message = messageOf({ host: "a.example.com", port: 443, providerCredentialed: true });
  const document = policyDocumentFromWire(message, { withoutMarks: true });
  assert.deepEqual(document, {
    network_policies: { r: { endpoints: [{ host: "a.example.com", port: 443 }] } },
  });
});

Deno.test("policyDocumentFromWire() refuses fields of a later version", () => {
  const message = messageOf({ host: "a.example.com", mcp: {} });
  // Field 99, a varint of 1, at the end of the options.
  message.networkPolicies["r"]!.endpoints[0]!.mcp!.$unknown = [
    { no: 99, wireType: 0, data: Uint8Array.of(1) },
  ];
  const got = fromBinary(SandboxPolicySchema, toBinary(SandboxPolicySchema, message));
  assert.throws(
    () => policyDocumentFromWire(got),
    (error) => error instanceof PolicyWireError && error.path === `${E}.mcp`,
  );
});

Deno.test.each([
  { name: "one of ports is written as port", ports: [443], port: 0, want: { port: 443 } },
  { name: "a port is one of ports", ports: [443, 80], port: 80, want: { ports: [443, 80] } },
  { name: "a port alone is", ports: [], port: 80, want: { port: 80 } },
])("policyDocumentFromWire() $name", ({ ports, port, want }) => {
  const document = policyDocumentFromWire(messageOf({ ports: [...ports], port }));
  assert.deepEqual(document, { network_policies: { r: { endpoints: [want] } } });
});

type EndpointShape = NonNullable<
  NonNullable<MessageInitShape<typeof SandboxPolicySchema>["networkPolicies"]>[string]["endpoints"]
>[number];

function messageOf(endpoint: EndpointShape): SandboxPolicy {
  return create(SandboxPolicySchema, { networkPolicies: { r: { endpoints: [endpoint] } } });
}

function withEndpoint(lines: string): string {
  const indented = lines.split("\n").map((line) => `        ${line}`).join("\n");
  return `version: 1
network_policies:
  r:
    endpoints:
      - host: a.example.com
        port: 443
${indented}
    binaries: [{ path: /usr/bin/curl }]
`.replace(/ {8}port: 443\n(?= +ports)/, "");
}

function tryTo<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** Writes a generated policy down, every value of it. */
function documentOf(policy: Policy): unknown {
  const rules = policy.rules.map(({ key, name, endpoints, binaries }) => [
    key,
    { name, endpoints: endpoints.map(endpointDocument), binaries },
  ]);
  return { version: 1, network_policies: Object.fromEntries(rules) };
}

function endpointDocument(endpoint: Endpoint): unknown {
  const { protocol } = endpoint;
  const judged = protocol !== "l4" && protocol !== "tcp";
  const graphql = protocol === "graphql" || protocol === "websocket";
  return {
    host: endpoint.host,
    ports: endpoint.ports,
    ...(judged && {
      protocol,
      enforcement: protocol === "sql" ? "audit" : endpoint.enforcement,
      ...(protocol !== "sql" && { path: endpoint.path }),
      ...(endpoint.allow.length > 0 &&
        { rules: endpoint.allow.map((rule) => ({ allow: ruleDocument(rule) })) }),
      ...(endpoint.deny.length > 0 && { deny_rules: endpoint.deny.map(ruleDocument) }),
      allow_encoded_slash: endpoint.allowEncodedSlash,
    }),
    ...(protocol === "tcp" && { protocol }),
    ...(endpoint.allowedIps.length > 0 && { allowed_ips: endpoint.allowedIps }),
    ...(graphql && {
      persisted_queries: endpoint.persistedQueries,
      graphql_persisted_queries: Object.fromEntries(
        endpoint.graphqlPersistedQueries.map(({ id, operationType, operationName, fields }) => [
          id,
          { operation_type: operationType, operation_name: operationName, fields },
        ]),
      ),
    }),
    ...(protocol === "mcp" && {
      mcp: {
        strict_tool_names: endpoint.mcpStrictToolNames,
        allow_all_known_mcp_methods: endpoint.mcpAllowAllKnownMethods,
      },
    }),
  };
}

function ruleDocument(rule: RequestRule): unknown {
  switch (rule.kind) {
    case "http":
      return {
        method: rule.method,
        path: rule.path,
        query: Object.fromEntries(
          rule.query.map(({ key, value }) => [key, matcherDocument(value)]),
        ),
      };
    case "graphql":
      return {
        operation_type: rule.operationType,
        ...(rule.operationName !== null && { operation_name: rule.operationName[0] }),
        ...(rule.fields !== null && { fields: rule.fields }),
      };
    case "rpc":
      return {
        method: rule.method,
        ...(rule.tool !== null && { tool: matcherDocument(rule.tool) }),
      };
    case "sql":
      return { command: rule.command };
  }
}

function matcherDocument(matcher: Matcher): unknown {
  return matcher.length === 1 ? matcher[0] : { any: matcher };
}
