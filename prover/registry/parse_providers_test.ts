/**
 * What a providers document may say, and what is refused where.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { parseProviders } from "./parse_providers.ts";

const GOOD = `
version: 1
providers:
  npm:
    endpoints: [{ host: registry.example.com, ports: [443, 8443] }]
  github:
    description: A token for two repositories
    endpoints:
      - { host: API.GitHub.com, port: 443 }
      - { host: "*.corp.example" }
`;

Deno.test("parseProviders() reads what is written, by name", () => {
  const { providers, diagnostics } = parseProviders(GOOD);
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(providers, [
    {
      name: "github",
      endpoints: [
        { host: "api.github.com", ports: [443] },
        { host: "*.corp.example", ports: null },
      ],
    },
    { name: "npm", endpoints: [{ host: "registry.example.com", ports: [443, 8443] }] },
  ]);
});

Deno.test("parseProviders() reads that there are none", () => {
  assert.deepEqual(parseProviders("version: 1\nproviders: {}").providers, []);
});

const HOST = "host: a.example.com";

Deno.test.each([
  { code: "missing_key", text: "providers: {}", at: "1:1" },
  { code: "missing_key", text: "version: 1", at: "1:1" },
  { code: "unsupported_version", text: "version: 2\nproviders: {}", at: "1:10" },
  { code: "unknown_key", text: "version: 1\ncredentials: {}", at: "2:1" },
  { code: "wrong_type", text: "version: 1\nproviders: [a]", at: "2:1" },
  { code: "missing_key", text: "version: 1\nproviders:\n  a: {}", at: "3:3" },
  { code: "empty_list", text: "version: 1\nproviders:\n  a: { endpoints: [] }", at: "3:8" },
  { code: "unknown_key", text: "version: 1\nproviders:\n  a: { token: x }", at: "3:8" },
  { code: "unknown_key", text: "version: 1\nproviders:\n  a: { target_hosts: [x] }", at: "3:8" },
  {
    code: "missing_key",
    text: "version: 1\nproviders:\n  a: { endpoints: [{ port: 443 }] }",
    at: "3:20",
  },
  {
    code: "invalid_host",
    text: "version: 1\nproviders:\n  a: { endpoints: [{ host: https://x.example.com }] }",
    at: "3:28",
  },
  {
    code: "host_wildcard_too_broad",
    text: 'version: 1\nproviders:\n  a: { endpoints: [{ host: "*.com" }] }',
    at: "3:28",
  },
  {
    code: "port_out_of_range",
    text: `version: 1\nproviders:\n  a: { endpoints: [{ ${HOST}, port: 0 }] }`,
    at: "3:49",
  },
  {
    code: "port_and_ports",
    text: `version: 1\nproviders:\n  a: { endpoints: [{ ${HOST}, port: 1, ports: [2] }] }`,
    at: "3:49",
  },
  { code: "duplicate_key", text: "version: 1\nproviders: { a: {}, a: {} }", at: "2:21" },
  { code: "empty_document", text: "", at: "1:1" },
  { code: "control_character", text: "version: 1\u0007", at: "1:11" },
  { code: "not_utf8", text: new Uint8Array([0xff]), at: "1:1" },
])("parseProviders() refuses $text", ({ code, text, at }) => {
  const { providers, diagnostics } = parseProviders(text);
  assert.equal(providers, null);
  const found = diagnostics.map(({ code, line, column }) => `${code} ${line}:${column}`);
  assert.ok(found.includes(`${code} ${at}`), found.join(", "));
});

Deno.test("parseProviders() says that a secret has no place here, and does not repeat it", () => {
  const text = "version: 1\nproviders: { a: { token: hunter2 } }";
  const { diagnostics } = parseProviders(text);
  assert.ok(diagnostics.some(({ message }) => message.includes("never needs a secret")));
  assert.ok(!JSON.stringify(diagnostics).includes("hunter2"));
});

Deno.test("parseProviders() takes no document without a bound", () => {
  const { providers, diagnostics } = parseProviders(`#${" ".repeat(2 ** 22)}`);
  assert.equal(providers, null);
  assert.equal(diagnostics[0]?.code, "document_too_large");
});
