/**
 * What a claims document may say, and what is refused where.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { parseClaims } from "./parse_claims.ts";

const GOOD = `
version: 1
claims:
  no-admin:
    never: { host: api.example.com, path: "/admin/**", method: [POST, put] }
    reason: Only people administrate
    level: warning
  can-read:
    always: { binary: /usr/bin/curl, host: api.example.com, port: 443, method: GET, path: /a/b }
`;

Deno.test("parseClaims() reads what is written", () => {
  const { claims, diagnostics } = parseClaims(GOOD);
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(claims?.map(({ key, kind, level }) => ({ key, kind, level })), [
    { key: "can-read", kind: "always", level: "error" },
    { key: "no-admin", kind: "never", level: "warning" },
  ]);
  assert.deepEqual(claims?.[1]?.region.methods, ["POST", "PUT"]);
  assert.equal(claims?.[1]?.reason, "Only people administrate");
});

Deno.test("parseClaims() reads * and ** as everything", () => {
  const { claims } = parseClaims(
    'version: 1\nclaims: { a: { never: { host: "**", path: "**", method: "*" } } }',
  );
  const { host, path, methods } = claims![0]!.region;
  assert.deepEqual([host, path, methods], [null, null, null]);
});

Deno.test.each([
  { code: "missing_key", text: "claims: {}", at: "1:1" },
  { code: "missing_key", text: "version: 1", at: "1:1" },
  { code: "unsupported_version", text: "version: 2\nclaims: {}", at: "1:10" },
  { code: "unknown_key", text: "version: 1\nclaims: {}\nclaim: {}", at: "3:1" },
  { code: "wrong_type", text: "version: 1\nclaims: [a]", at: "2:1" },
  { code: "missing_key", text: "version: 1\nclaims:\n  a: { reason: x }", at: "3:3" },
  {
    code: "missing_key",
    text: "version: 1\nclaims:\n  a: { never: { path: /a }, always: { path: /a } }",
    at: "3:3",
  },
  { code: "unknown_key", text: "version: 1\nclaims:\n  a: { never: { hosts: a.b } }", at: "3:17" },
  {
    code: "missing_key",
    text: "version: 1\nclaims:\n  a: { always: { host: api.example.com } }",
    at: "3:8",
  },
  {
    code: "invalid_host",
    text: "version: 1\nclaims:\n  a: { never: { host: https://x.example.com } }",
    at: "3:23",
  },
  {
    code: "host_wildcard_too_broad",
    text: 'version: 1\nclaims:\n  a: { never: { host: "*.com" } }',
    at: "3:23",
  },
  {
    code: "port_out_of_range",
    text: "version: 1\nclaims:\n  a: { never: { port: 70000 } }",
    at: "3:23",
  },
  {
    code: "port_and_ports",
    text: "version: 1\nclaims:\n  a: { never: { port: 1, ports: [2] } }",
    at: "3:23",
  },
  { code: "empty_list", text: "version: 1\nclaims:\n  a: { never: { ports: [] } }", at: "3:17" },
  { code: "empty_list", text: "version: 1\nclaims:\n  a: { never: { method: [] } }", at: "3:17" },
  {
    code: "unknown_method",
    text: "version: 1\nclaims:\n  a: { never: { method: GTE } }",
    at: "3:25",
  },
  {
    code: "unknown_method",
    text: "version: 1\nclaims:\n  a: { never: { method: CONNECT } }",
    at: "3:25",
  },
  {
    code: "binary_not_absolute",
    text: "version: 1\nclaims:\n  a: { never: { binary: curl } }",
    at: "3:25",
  },
  {
    code: "malformed_glob",
    text: 'version: 1\nclaims:\n  a: { never: { binary: "/usr/[*" } }',
    at: "3:31",
  },
  {
    code: "rule_path_prefix",
    text: "version: 1\nclaims:\n  a: { never: { path: admin } }",
    at: "3:23",
  },
  {
    code: "path_not_canonical",
    text: "version: 1\nclaims:\n  a: { never: { path: /a//b } }",
    at: "3:23",
  },
  {
    code: "wrong_type",
    text: "version: 1\nclaims:\n  a: { never: { path: /a }, level: fatal }",
    at: "3:36",
  },
  {
    code: "field_not_supported",
    text: "version: 1\nclaims:\n  a: { always: { binary: /a, host: a.example.com, port: 1, " +
      "method: GET, path: /a, credential: x } }",
    at: "3:95",
  },
  { code: "duplicate_key", text: "version: 1\nversion: 1\nclaims: {}", at: "2:1" },
  { code: "not_utf8", text: new Uint8Array([0xff]), at: "1:1" },
])("parseClaims() refuses $text", ({ code, text, at }) => {
  const { claims, diagnostics } = parseClaims(text);
  assert.equal(claims, null);
  const found = diagnostics.map(({ code, line, column }) => `${code} ${line}:${column}`);
  assert.ok(found.includes(`${code} ${at}`), found.join(", "));
});
