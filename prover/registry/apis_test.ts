/**
 * The interfaces as data, what a request to one does, and what is refused where.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Matcher } from "../space/matcher.ts";
import { actionOf, builtinApis, parseApis } from "./apis.ts";

Deno.test("builtinApis() has the interfaces of the examples, each with actions", () => {
  const apis = builtinApis();
  const hosts = "api.github.com github.com api.anthropic.com api.openai.com api.githubcopilot.com";
  for (const host of hosts.split(" ")) assert.ok(apis.has(host), host);
  for (const [host, { actions }] of apis) assert.ok(actions.length > 0, host);
});

Deno.test.each([
  { method: "DELETE", path: "/repos/o/r", want: "destructive: deletes a repository" },
  { method: "GET", path: "/repos/o/r", want: "read: reads a repository" },
  { method: "HEAD", path: "/repos/o/r/pulls", want: "read: reads a repository" },
  { method: "POST", path: "/repos/o/r/issues", want: "write: opens an issue" },
  { method: "PUT", path: "/repos/o/r/contents/a/b", want: "write: changes a file" },
  { method: "POST", path: "/repos/o/r", want: null },
  { method: "GET", path: "/zen", want: null },
])("actionOf() of $method $path is $want", ({ method, path, want }) => {
  const host = "api.github.com";
  const action = actionOf(builtinApis(), { host, method, path }, new Matcher());
  assert.equal(action === null ? null : `${action.effect}: ${action.name}`, want);
});

Deno.test("actionOf() knows nothing about another host", () => {
  const request = { host: "api.example.com", method: "DELETE", path: "/repos/o/r" };
  assert.equal(actionOf(builtinApis(), request, new Matcher()), null);
});

function document(action: string, host = "a.example.com"): string {
  return `version: 1\napis:\n  ${host}: { description: x, actions: [${action}] }`;
}

Deno.test.each([
  { code: "missing_key", text: "apis: {}", at: "1:1" },
  { code: "missing_key", text: "version: 1", at: "1:1" },
  { code: "unsupported_version", text: "version: 2\napis: {}", at: "1:10" },
  { code: "unknown_key", text: "version: 1\nhosts: {}", at: "2:1" },
  { code: "missing_key", text: "version: 1\napis: { a.example.com: {} }", at: "2:9" },
  { code: "invalid_host", text: document("", "https://a"), at: "3:3" },
  { code: "missing_key", text: document("{ name: x }"), at: "3:46" },
  { code: "unknown_key", text: document("{ names: x }"), at: "3:48" },
  {
    code: "wrong_type",
    text: document("{ name: x, effect: bad, method: GET, path: /a }"),
    at: "3:65",
  },
  {
    code: "unknown_method",
    text: document("{ name: x, effect: read, method: get, path: /a }"),
    at: "3:79",
  },
  {
    code: "malformed_glob",
    text: document('{ name: x, effect: read, method: GET, path: "/[a" }'),
    at: "3:92",
  },
  { code: "empty_document", text: "", at: "1:1" },
])("parseApis() refuses $text", ({ code, text, at }) => {
  const { apis, diagnostics } = parseApis(text);
  assert.equal(apis, null);
  const found = diagnostics.map((one) => `${one.code} ${one.line}:${one.column}`);
  assert.ok(found.includes(`${code} ${at}`), found.join(", "));
});
