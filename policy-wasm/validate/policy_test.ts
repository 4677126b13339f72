import assert from "node:assert/strict";
import { parsePolicy } from "../parse_policy.ts";
import type { Endpoint, Policy } from "../policy.ts";
import { ALL_CASES } from "./all_cases.ts";
import { checkCase, checkMarked, withDenyRules, withEndpoint, withRules } from "./marked_policy.ts";

Deno.test.each([...ALL_CASES])("parsePolicy() $name", (marked) => checkCase(marked));

Deno.test("validateFilesystem() without a section adds the working directory", () => {
  const { filesystem } = policyOf("version: 1");
  assert.deepEqual(filesystem, { includeWorkdir: true, readOnly: [], readWrite: [] });
});

Deno.test("validateFilesystem() with a section leaves the working directory out", () => {
  const { filesystem } = policyOf("version: 1\nfilesystem_policy: {}");
  assert.equal(filesystem.includeWorkdir, false);
});

Deno.test("validateFilesystem() normalises paths", () => {
  const { filesystem } = policyOf(
    "version: 1\nfilesystem_policy: { read_only: [//usr/./lib/, /], read_write: [/tmp/] }",
  );
  assert.deepEqual(filesystem.readOnly, ["/usr/lib", "/"]);
  assert.deepEqual(filesystem.readWrite, ["/tmp"]);
});

Deno.test("validateLandlock() without a section is strict", () => {
  assert.equal(policyOf("version: 1").landlock.compatibility, "hard_requirement");
});

Deno.test("validateProcess() takes each half by itself", () => {
  const { process } = policyOf('version: 1\nprocess: { run_as_user: "", run_as_group: "7" }');
  assert.deepEqual(process, { runAsUser: null, runAsGroup: "7" });
});

Deno.test("validatePolicy() sorts rules by key and fills in their names", () => {
  const rule = "{ endpoints: [{ host: a.io, port: 1 }], binaries: [{ path: /bin/x }] }";
  const named = rule.replace("{", "{ name: Named,");
  const policy = policyOf(`version: 1\nnetwork_policies: { b: ${rule}, a: ${named}, B: ${rule} }`);
  assert.deepEqual(policy.rules.map(({ key, name }) => [key, name]), [
    ["B", "B"],
    ["a", "Named"],
    ["b", "b"],
  ]);
});

Deno.test("validateEndpoint() fills in every default", () => {
  assert.deepEqual(endpointOf(withEndpoint("host: A.Example.com\nports: [443, 80]")), {
    host: "a.example.com",
    ports: [80, 443],
    path: "**",
    protocol: "l4",
    tls: "auto",
    enforcement: "enforce",
    allow: [],
    deny: [],
    allowedIps: [],
    allowEncodedSlash: false,
    websocketCredentialRewrite: false,
    requestBodyCredentialRewrite: false,
    allowUninspectedCredentials: false,
    credentialSigning: null,
    signingService: null,
    signingRegion: null,
    credentialBindingProvider: null,
    persistedQueries: "deny",
    graphqlPersistedQueries: [],
    graphqlMaxBodyBytes: 65536,
    rpcMaxBodyBytes: 65536,
    mcpStrictToolNames: true,
    mcpAllowAllKnownMethods: false,
  });
});

Deno.test.each([
  { protocol: "rest", access: "read-only", want: "GET HEAD OPTIONS" },
  { protocol: "rest", access: "read-write", want: "GET HEAD OPTIONS POST PUT PATCH" },
  { protocol: "rest", access: "full", want: "*" },
  { protocol: "websocket", access: "read-only", want: "GET" },
  { protocol: "websocket", access: "read-write", want: "GET WEBSOCKET_TEXT" },
  { protocol: "websocket", access: "full", want: "*" },
  { protocol: "graphql", access: "read-only", want: "query" },
  { protocol: "graphql", access: "read-write", want: "query mutation" },
  { protocol: "graphql", access: "full", want: "*" },
  { protocol: "sql", access: "read-only", want: "SELECT" },
  { protocol: "sql", access: "read-write", want: "SELECT INSERT UPDATE" },
  { protocol: "sql", access: "full", want: "*" },
])("expandPreset() gives $protocol $access", ({ protocol, access, want }) => {
  const { allow } = endpointOf(withEndpoint(
    `host: a.io\nport: 1\nprotocol: ${protocol}\naccess: ${access}\nenforcement: audit`,
  ));
  const words = allow.map((rule) => {
    if (rule.kind === "http") return rule.method;
    if (rule.kind === "graphql") return rule.operationType;
    return rule.kind === "sql" ? rule.command : rule.method;
  });
  assert.equal(words.join(" "), want);
});

Deno.test("validateHttpRule() normalises methods, and sorts the query", () => {
  const { allow } = endpointOf(
    withRules("- allow: { method: get, path: /x, query: { b: x, a: { any: [y, z] } } }"),
  );
  const query = [{ key: "a", value: ["y", "z"] }, { key: "b", value: ["x"] }];
  assert.deepEqual(allow, [{ kind: "http", method: "GET", path: "/x", query }]);
});

Deno.test("validateHttpRule() takes a deny rule without method and path for all requests", () => {
  const { deny } = endpointOf(withDenyRules("- { query: { a: b } }"));
  const query = [{ key: "a", value: ["b"] }];
  assert.deepEqual(deny, [{ kind: "http", method: "*", path: "**", query }]);
});

Deno.test("validateRpcRule() writes params.name as tool", () => {
  const rules = "- allow: { method: tools/call, params: { name: { any: [x, y] } } }";
  const { allow } = endpointOf(withRules(rules, "protocol: mcp"));
  assert.deepEqual(allow, [{ kind: "rpc", method: "tools/call", tool: ["x", "y"] }]);
});

Deno.test("validateOptions() prefers the body limit of mcp", () => {
  const options = "protocol: mcp\nmcp: { max_body_bytes: 1 }\njson_rpc: { max_body_bytes: 2 }";
  const rules = "- allow: { method: initialize }";
  assert.equal(endpointOf(withRules(rules, options)).rpcMaxBodyBytes, 1);
});

Deno.test("validateAllowedIps() writes ranges canonically", () => {
  const { allowedIps } = endpointOf(
    withEndpoint('host: a.io\nport: 1\nallowed_ips: ["FD00::/16", 10.1.2.3/16, 10.0.0.1]'),
  );
  assert.deepEqual(allowedIps, ["10.0.0.1/32", "10.1.0.0/16", "fd00::/16"]);
});

Deno.test("validateMiddlewares() sorts by order and keeps the config", () => {
  const hosts = "endpoints: { include: ['**'] }";
  const { middlewares } = policyOf(`version: 1
network_middlewares:
  late: { middleware: corp/a, order: 2, config: { n: 1.5, t: "1", b: true, z: ~ }, ${hosts} }
  early: { middleware: corp/b, order: -2, on_error: fail_open, ${hosts} }
`);
  assert.deepEqual(middlewares.map(({ key, onError }) => [key, onError]), [
    ["early", "fail_open"],
    ["late", "fail_closed"],
  ]);
  assert.deepEqual(middlewares[1]?.config, { n: 1.5, t: "1", b: true, z: null });
});

Deno.test("checkAmbiguity() names both rules and each field that differs", () => {
  const { diagnostics } = checkMarked(`version: 1
network_policies:
  first:
    endpoints: [{ host: "*.example.com", port: 443, protocol: rest, access: read-only }]
    binaries: [{ path: /bin/x }]
  second:
    endpoints:
      - «ambiguous_request»host: a.example.com
        port: 443
        protocol: graphql
        access: read-only
        enforcement: «audit_mode»audit
    binaries: [{ path: /bin/y }]
`);
  assert.equal(
    diagnostics[0]?.message,
    'Endpoints of rules "first" (line 4) and "second" take the same request and differ in ' +
      "protocol (rest, here graphql), enforcement (enforce, here audit)",
  );
});

Deno.test("checkAmbiguity() takes thousands of hosts", () => {
  const rules = Array.from({ length: 3000 }, (_, i) => (
    `  r${i}: { endpoints: [{ host: h${i}.example.com, port: 443 }], binaries: [{ path: /b }] }`
  ));
  const { policy } = parsePolicy(`version: 1\nnetwork_policies:\n${rules.join("\n")}`);
  assert.equal(policy?.rules.length, 3000);
});

function policyOf(text: string): Policy {
  const { policy, diagnostics } = parsePolicy(text);
  assert.ok(policy !== null, JSON.stringify(diagnostics));
  return policy;
}

function endpointOf(text: string): Endpoint {
  return policyOf(text).rules[0]!.endpoints[0]!;
}
