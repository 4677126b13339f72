import { strict as assert } from "node:assert";
import { compilePolicy } from "./compile.ts";
import { Evaluator } from "./evaluator.ts";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "./fixtures.ts";
import { answer, type RawQuestion } from "./raw_question.ts";

const EVALUATOR = new Evaluator(
  compilePolicy(policyOf(ruleOf({
    endpoints: [
      endpointOf({ allow: [httpRuleOf({ method: "*" })] }),
      endpointOf({
        host: "mcp.example.com",
        protocol: "mcp",
        allow: [{ kind: "rpc", method: "initialize", tool: null }],
      }),
      endpointOf({
        host: "ws.example.com",
        protocol: "websocket",
        allow: [httpRuleOf({ method: "*" })],
      }),
    ],
  }))).bytes,
);

function ask(raw: Partial<RawQuestion>): string {
  const judge = {
    generation: EVALUATOR.generation,
    connect: (caller: RawQuestion["caller"], target: { host: string; port: number }) =>
      EVALUATOR.connect(EVALUATOR.resolve(caller), target),
    request: EVALUATOR.request.bind(EVALUATOR),
  };
  const caller = { binary: "/bin/a", ancestors: [] };
  return answer(judge, { caller, host: "api.example.com", port: 443, ...raw }).decision.reason;
}

Deno.test.each<{ name: string; raw: Partial<RawQuestion>; want: string }>([
  { name: "a connection", raw: {}, want: "allowed" },
  { name: "a request", raw: { method: "POST" }, want: "allowed" },
  { name: "an unknown method under *", raw: { method: "FOO" }, want: "allowed" },
  { name: "a method with a slash", raw: { method: "tools/call" }, want: "invalid_method" },
  { name: "CONNECT", raw: { method: "CONNECT" }, want: "invalid_method" },
  { name: "the HTTP/2 preface", raw: { method: "PRI" }, want: "invalid_method" },
  {
    name: "a message's name as method, without a message",
    raw: { host: "mcp.example.com", method: "initialize" },
    want: "rpc_invalid",
  },
  {
    name: "GET without a stream",
    raw: { host: "mcp.example.com", method: "GET" },
    want: "rpc_invalid",
  },
  {
    name: "a message",
    raw: { host: "mcp.example.com", rpc: { kind: "call", method: "initialize" } },
    want: "allowed",
  },
  { name: "a stream", raw: { host: "mcp.example.com", rpc: { kind: "stream" } }, want: "allowed" },
  { name: "a text message", raw: { host: "ws.example.com", isText: true }, want: "allowed" },
  {
    name: "a method on the wire that is spelled like one",
    raw: { host: "ws.example.com", method: "websocket_text" },
    want: "invalid_method",
  },
  { name: "a host with two meanings", raw: { host: "127.1" }, want: "invalid_host" },
  { name: "a path above the root", raw: { path: "/../x" }, want: "invalid_path" },
  {
    name: "a target that names the host",
    raw: { path: "https://API.example.com/x" },
    want: "allowed",
  },
  {
    name: "a target that names host and port",
    raw: { path: "http://api.example.com:443/x" },
    want: "allowed",
  },
  {
    name: "a target that names another host",
    raw: { path: "https://evil.example/x" },
    want: "invalid_path",
  },
  {
    name: "a target that names another port",
    raw: { path: "http://api.example.com:80/x" },
    want: "invalid_path",
  },
  { name: "a target that names nobody", raw: { path: "https:///x" }, want: "invalid_path" },
  {
    name: "a target with a user",
    raw: { path: "https://api.example.com@evil.example/x" },
    want: "invalid_path",
  },
  { name: "a query that cannot be decoded", raw: { path: "/?a=%zz" }, want: "invalid_query" },
  {
    name: "too many parameters",
    raw: { path: "/", query: Array.from({ length: 257 }, () => ["k", "v"] as const) },
    want: "invalid_query",
  },
  {
    name: "a parameter that is too long",
    raw: { path: "/", query: [["k", "v".repeat(20_000)]] },
    want: "invalid_query",
  },
  { name: "a port that is none", raw: { port: 65_536 + 443 }, want: "port_not_allowed" },
  { name: "a port with a fraction", raw: { port: 443.5 }, want: "port_not_allowed" },
])("answer() to $name: $want", ({ raw, want }) => {
  assert.equal(ask(raw), want);
});
