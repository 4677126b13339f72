import { strict as assert } from "node:assert";
import { digestOf } from "./compile.ts";
import { compilePolicy } from "./compile.ts";
import * as format from "./assembly/format.ts";
import { Evaluator } from "./evaluator.ts";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "./fixtures.ts";
import { ImageError } from "./load_image.ts";
import { KNOWN_METHODS, methodNumber } from "./methods.ts";
import { REASONS } from "../proto/reason.ts";
import type { Policy } from "./policy.ts";
import type { Request } from "./request.ts";

const POLICY = policyOf(ruleOf({
  endpoints: [
    endpointOf({ allow: [httpRuleOf({ query: [{ key: "k", value: ["v*"] }] }), httpRuleOf()] }),
    endpointOf({
      host: "graph.example.com",
      protocol: "graphql",
      allow: [{ kind: "graphql", operationType: "query", operationName: null, fields: ["a*"] }],
    }),
    endpointOf({
      host: "mcp.example.com",
      protocol: "mcp",
      allow: [{ kind: "rpc", method: "tools/call", tool: ["get_*"] }],
    }),
  ],
}));

const CALLER = { binary: "/usr/bin/curl", ancestors: [] };

function evaluatorOf(policy: Policy): Evaluator {
  return new Evaluator(compilePolicy(policy).bytes);
}

function ask(request: Request, host = "api.example.com"): string {
  const evaluator = evaluatorOf(POLICY);
  const connection = evaluator.connect(evaluator.resolve(CALLER), { host, port: 443 });
  return evaluator.request(connection, request).reason;
}

Deno.test("format.ts numbers reasons as proto/reason.ts does", () => {
  const numbered = Object.entries(format).filter(([name]) => name.startsWith("REASON_"));
  assert.ok(numbered.length > 10);
  for (const [name, value] of numbered) {
    assert.equal(REASONS.at(value), name.slice("REASON_".length).toLowerCase());
  }
});

Deno.test("methodNumber() keeps GET and HEAD side by side and all numbers below 64", () => {
  assert.equal(methodNumber("GET"), format.METHOD_GET);
  assert.equal(methodNumber("HEAD"), format.METHOD_GET + 1);
  assert.equal(methodNumber("POST"), format.METHOD_POST);
  for (const method of ["CONNECT", "connect", "PRI"]) assert.equal(methodNumber(method), null);
  const judged = KNOWN_METHODS.filter((method) => method !== "CONNECT" && method !== "PRI");
  const numbers = judged.map((method) => methodNumber(method)!);
  assert.equal(new Set(numbers).size, numbers.length);
  assert.ok(numbers.every((number) => number < format.METHOD_OTHER));
  assert.equal(methodNumber("get"), format.METHOD_GET);
  assert.equal(methodNumber("FOO"), format.METHOD_OTHER);
  assert.equal(methodNumber("G T"), null);
  assert.equal(methodNumber(""), null);
});

for (
  const { name, request, host, want } of [
    { name: "an allowed request", request: {}, want: "allowed" },
    {
      name: "a path beyond its bound",
      request: { path: "/" + "a".repeat(4096) },
      want: "invalid_path",
    },
    {
      name: "a path beyond its bound in bytes alone",
      request: { path: "/" + "ä".repeat(2100) },
      want: "invalid_path",
    },
    {
      name: "too many query pairs",
      request: { query: Array.from({ length: 257 }, () => ["k", "v"] as const) },
      want: "invalid_query",
    },
    {
      name: "query pairs that are too long together",
      request: { query: Array.from({ length: 40 }, () => ["k", "v".repeat(1000)] as const) },
      want: "invalid_query",
    },
    { name: "a method that is no token", request: { method: "GET X" }, want: "invalid_method" },
    {
      name: "too many GraphQL fields",
      host: "graph.example.com",
      request: {
        graphql: {
          kind: "operation",
          type: "query",
          name: "",
          fields: Array.from({ length: 257 }, () => "a"),
        },
      },
      want: "graphql_invalid",
    },
    {
      name: "a GraphQL name beyond its bound",
      host: "graph.example.com",
      request: {
        graphql: { kind: "operation", type: "query", name: "n".repeat(5000), fields: ["a"] },
      },
      want: "graphql_invalid",
    },
    {
      name: "an RPC method beyond its bound",
      host: "mcp.example.com",
      request: { rpc: { kind: "call", method: "m".repeat(5000) } },
      want: "rpc_invalid",
    },
    {
      name: "a tool beyond its bound",
      host: "mcp.example.com",
      request: { rpc: { kind: "call", method: "tools/call", tool: "t".repeat(5000) } },
      want: "rpc_invalid",
    },
    {
      name: "a tool of 129 characters",
      host: "mcp.example.com",
      request: {
        method: "POST",
        rpc: { kind: "call", method: "tools/call", tool: "get_" + "t".repeat(125) },
      },
      want: "tool_name_invalid",
    },
    {
      name: "a tool of 128 characters",
      host: "mcp.example.com",
      request: {
        method: "POST",
        rpc: { kind: "call", method: "tools/call", tool: "get_" + "t".repeat(124) },
      },
      want: "allowed",
    },
  ] as { name: string; request: Partial<Request>; host?: string; want: string }[]
) {
  Deno.test(`Evaluator.request() answers ${name} with ${want}`, () => {
    assert.equal(ask({ method: "GET", path: "/", ...request }, host), want);
  });
}

for (
  const { name, binary, ancestors = [], want } of [
    { name: "a relative path", binary: "curl", want: "caller_unknown" },
    { name: "no path", binary: "", want: "caller_unknown" },
    { name: "NUL", binary: "/bin/a\0b", want: "caller_unknown" },
    { name: "a path beyond its bound", binary: "/" + "a".repeat(4096), want: "caller_unknown" },
    {
      name: "ancestors beyond their bound",
      binary: "/bin/a",
      ancestors: Array.from({ length: 20 }, () => "/" + "a".repeat(4000)),
      want: "caller_unknown",
    },
    { name: "any other path", binary: "/bin/a", want: "allowed" },
  ] as { name: string; binary: string; ancestors?: string[]; want: string }[]
) {
  Deno.test(`Evaluator.resolve() answers a caller with ${name}: ${want}`, () => {
    const evaluator = evaluatorOf(POLICY);
    const caller = evaluator.resolve({ binary, ancestors });
    const { decision } = evaluator.connect(caller, { host: "api.example.com", port: 443 });
    assert.equal(decision.reason, want);
  });
}

Deno.test("Evaluator.resolve() looks at 64 ancestors and no further", () => {
  const binaries = [{ path: "/opt/agent", descendants: true }];
  const evaluator = evaluatorOf(policyOf(ruleOf({ binaries })));
  const reason = (depth: number) => {
    const ancestors = Array.from({ length: depth }, () => "/bin/sh").concat("/opt/agent");
    const caller = evaluator.resolve({ binary: "/bin/sh", ancestors });
    return evaluator.connect(caller, { host: "api.example.com", port: 443 }).decision.reason;
  };
  assert.equal(reason(63), "allowed");
  assert.equal(reason(64), "binary_not_allowed");
});

Deno.test("Evaluator denies a caller that matches more binary patterns than its bound", () => {
  const binaries = Array.from({ length: format.PATTERN_IDS_MAX + 1 }, (_, i) => ({
    path: `/usr/bin/{*,x${i}}`,
    descendants: false,
  }));
  const evaluator = evaluatorOf(policyOf(ruleOf({ binaries })));
  const connection = evaluator.connect(evaluator.resolve(CALLER), {
    host: "api.example.com",
    port: 443,
  });
  assert.equal(connection.decision.reason, "caller_unknown");
});

Deno.test("Evaluator denies a connection that reaches more cells than its bound", () => {
  const rules = Array.from({ length: format.CELLS_MAX + 2 }, (_, i) =>
    ruleOf({
      key: `r${i}`,
      endpoints: [endpointOf({ protocol: "l4", allow: [] })],
      binaries: [i % 2 === 0 ? "/**" : "/usr/**", `/opt/${i}`].map((path) => ({
        path,
        descendants: false,
      })),
    }));
  const evaluator = evaluatorOf(policyOf(...rules));
  const target = { host: "api.example.com", port: 443 };
  assert.equal(
    evaluator.connect(evaluator.resolve(CALLER), target).decision.reason,
    "engine_error",
  );
});

Deno.test("Evaluator() refuses an image with any byte changed", () => {
  const { bytes } = compilePolicy(POLICY);
  for (let i = 0; i < bytes.length; i += 7) {
    const changed = bytes.slice();
    changed[i]! ^= 1;
    assert.throws(() => new Evaluator(changed), ImageError, `byte ${i}`);
  }
});

for (
  const [name, change] of [
    ["an empty image", () => new Uint8Array(0)],
    ["a cut image", (bytes: Uint8Array) => bytes.slice(0, -4)],
    ["an image with more bytes", (bytes: Uint8Array) => new Uint8Array([...bytes, 0])],
    ["another version", (bytes: Uint8Array) => withWord(bytes, format.HEADER_VERSION, 2)],
    ["another format", (bytes: Uint8Array) => withWord(bytes, format.HEADER_MAGIC, 1)],
    ["an image whose policy is null", () => withPolicy("null")],
    ["an image whose rules are no list", () => withPolicy('{"rules":5}')],
    ["an image whose rules hold nothing", () => withPolicy('{"rules":[null]}')],
    ["a policy outside the image", (bytes: Uint8Array) => {
      return sealed(withWord(bytes, format.HEADER_POLICY, 0xffff_fff0));
    }],
  ] as const
) {
  Deno.test(`Evaluator() refuses ${name}`, () => {
    assert.throws(() => new Evaluator(change(compilePolicy(POLICY).bytes)), ImageError);
  });
}

Deno.test("Evaluator never throws on an image that lies, and denies what it cannot read", () => {
  const { bytes } = compilePolicy(POLICY);
  const start = format.HEADER_WORDS * 4;
  let engineErrors = 0;
  for (let i = 0; i < 600; i++) {
    const changed = bytes.slice();
    const view = new DataView(changed.buffer);
    // Words beyond the policy's text: automata, conditions, rows, cells, tables.
    const policyEnd = view.getUint32(format.HEADER_POLICY * 4, true) +
      view.getUint32((format.HEADER_POLICY + 1) * 4, true);
    const words = (changed.length - policyEnd) >> 2;
    const at = (Math.max(policyEnd, start) & ~3) + 4 * (i % words);
    view.setUint32(at, i % 2 === 0 ? 0xffff_fff0 : (i * 2654435761) >>> 0, true);
    const evaluator = new Evaluator(sealed(changed));
    const connection = evaluator.connect(evaluator.resolve(CALLER), {
      host: "api.example.com",
      port: 443,
    });
    const decision = evaluator.request(connection, { method: "GET", path: "/" });
    if (decision.reason === "engine_error") engineErrors++;
  }
  assert.ok(engineErrors > 0);
});

Deno.test("compilePolicy() gives the same bytes for the same policy", () => {
  const first = compilePolicy(POLICY);
  assert.deepEqual(compilePolicy(structuredClone(POLICY)).bytes, first.bytes);
  assert.match(first.generation, /^sha256:[0-9a-f]{64}$/);
  assert.equal(new Evaluator(first.bytes).generation, first.generation);
  assert.deepEqual(new Evaluator(first.bytes).policy, POLICY);
});

/** An image that holds another text in place of its policy, with a right digest. */
function withPolicy(json: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(compilePolicy(POLICY).bytes);
  const start = new DataView(bytes.buffer).getUint32(format.HEADER_POLICY * 4, true);
  bytes.set(new TextEncoder().encode(json), start);
  return sealed(withWord(bytes, format.HEADER_POLICY + 1, json.length));
}

function withWord(bytes: Uint8Array, index: number, value: number): Uint8Array<ArrayBuffer> {
  const changed = new Uint8Array(bytes);
  new DataView(changed.buffer).setUint32(index * 4, value, true);
  return changed;
}

/** An image whose digest is right again: what a broken compiler would make. */
function sealed(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  bytes.set(digestOf(bytes), format.HEADER_DIGEST * 4);
  return bytes;
}
