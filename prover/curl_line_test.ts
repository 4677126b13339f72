/**
 * Counterexamples as commands.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { curlLine } from "./curl_line.ts";
import type { Witness } from "./report.ts";

const WITNESS: Witness = {
  caller: { binary: "/usr/bin/curl", ancestors: [] },
  target: { host: "api.example.com", port: 443 },
  method: "GET",
  path: "/a",
  query: [],
  graphql: null,
  rpc: null,
  isOpaque: false,
};

Deno.test.each<{ name: string; change: Partial<Witness>; want: string | null }>([
  { name: "a GET", change: {}, want: "curl -sS --path-as-is -g 'https://api.example.com/a'" },
  {
    name: "a HEAD with a query",
    change: { method: "HEAD", query: [["k", "a b"], ["q", "'"]] },
    want: "curl -sS --head --path-as-is -g 'https://api.example.com/a?k=a%20b&q='\\'''",
  },
  {
    name: "a POST elsewhere",
    change: { method: "POST", target: { host: "fd00::1", port: 8443 } },
    want: "curl -sS -X POST --path-as-is -g 'https://[fd00::1]:8443/a'",
  },
  {
    name: "port 80",
    change: { target: { host: "a.b", port: 80 } },
    want: "curl -sS --path-as-is -g 'http://a.b/a'",
  },
  {
    name: "an operation",
    change: {
      method: "POST",
      graphql: { kind: "operation", type: "mutation", name: "N", fields: ["a", "b"] },
    },
    want: "curl -sS -X POST -H 'Content-Type: application/json' " +
      `-d '{"query":"mutation N { a b }"}' --path-as-is -g 'https://api.example.com/a'`,
  },
  {
    name: "an operation in a GET",
    change: { graphql: { kind: "operation", type: "query", name: "", fields: ["a"] } },
    want: "curl -sS --path-as-is -g 'https://api.example.com/a?query=query%20%7B%20a%20%7D'",
  },
  {
    name: "a persisted operation",
    change: { method: "POST", graphql: { kind: "persisted", id: "h" } },
    want: "curl -sS -X POST -H 'Content-Type: application/json' " +
      `-d '{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"h"}}}' ` +
      "--path-as-is -g 'https://api.example.com/a'",
  },
  {
    name: "a call",
    change: { method: "POST", rpc: { kind: "call", method: "tools/call", tool: "t" } },
    want: "curl -sS -X POST -H 'Content-Type: application/json' " +
      `-d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}' ` +
      "--path-as-is -g 'https://api.example.com/a'",
  },
  {
    name: "a response",
    change: { method: "POST", rpc: { kind: "response" } },
    want: "curl -sS -X POST -H 'Content-Type: application/json' " +
      `-d '{"jsonrpc":"2.0","id":1,"result":{}}' --path-as-is -g 'https://api.example.com/a'`,
  },
  {
    name: "a stream",
    change: { rpc: { kind: "stream" } },
    want: "curl -sS -H 'Accept: text/event-stream' --path-as-is -g 'https://api.example.com/a'",
  },
  { name: "a text message", change: { method: "WEBSOCKET_TEXT" }, want: null },
])("curlLine() writes $name", ({ change, want }) => {
  assert.equal(curlLine({ ...WITNESS, ...change }), want);
});
