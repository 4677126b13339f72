/**
 * The registry as data, and what is refused.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { builtinRegistry, parseRegistry, traitsOfName, UNKNOWN_BINARY } from "./registry.ts";

const EXPECTED =
  "claude codex opencode copilot curl wget gh git git-remote-https nc node npm npx " +
  "pip uv python ssh docker cargo go psql rsync bash";

Deno.test("builtinRegistry() has the programs of the reference and of the examples", () => {
  const registry = builtinRegistry();
  for (const name of EXPECTED.split(" ")) assert.ok(registry.has(name), name);
  assert.deepEqual([...registry.keys()], [...registry.keys()].sort(), "sorted by name");
});

Deno.test("builtinRegistry() takes those that speak a protocol of their own for no makers of HTTP", () => {
  const own = [...builtinRegistry()].filter(([, { hasOwnProtocol }]) => hasOwnProtocol);
  const names = own.map(([name]) => name);
  for (const name of ["git", "nc", "psql", "rsync", "ssh"]) assert.ok(names.includes(name), name);
  assert.ok(own.every(([, { makesHttp, exfiltrates }]) => !makesHttp && exfiltrates));
});

Deno.test.each([
  { name: "python3.13", want: "Runs any Python" },
  { name: "python3", want: "Runs any Python" },
  { name: "node22", want: "Runs any JavaScript" },
  { name: "git", want: "Pushes and fetches in its own protocol" },
  { name: "gitk", want: UNKNOWN_BINARY.description },
  { name: "7", want: UNKNOWN_BINARY.description },
])("traitsOfName() of $name", ({ name, want }) => {
  assert.equal(traitsOfName(builtinRegistry(), name).description, want);
});

const ENTRY = "{ description: x, exfiltrates: true, makes_http: true, own_protocol: false }";

Deno.test.each([
  { code: "missing_key", text: `binaries: { a: ${ENTRY} }`, at: "1:1" },
  { code: "missing_key", text: "version: 1", at: "1:1" },
  { code: "unsupported_version", text: `version: 2\nbinaries: { a: ${ENTRY} }`, at: "1:10" },
  { code: "missing_key", text: "version: 1\nbinaries: { a: { description: x } }", at: "2:13" },
  { code: "unknown_key", text: `version: 1\nbinaries: { a: { name: x } }`, at: "2:18" },
  {
    code: "wrong_type",
    text: `version: 1\nbinaries: { a: ${ENTRY.replace("true", "yes")} }`,
    at: "2:47",
  },
  { code: "wrong_type", text: `version: 1\nbinaries: { /bin/a: ${ENTRY} }`, at: "2:13" },
  { code: "duplicate_key", text: `version: 1\nbinaries: { a: ${ENTRY}, a: ${ENTRY} }`, at: "2:94" },
  { code: "empty_document", text: "", at: "1:1" },
  { code: "control_character", text: "version: 1\u0007", at: "1:11" },
])("parseRegistry() refuses $text", ({ code, text, at }) => {
  const { registry, diagnostics } = parseRegistry(text);
  assert.equal(registry, null);
  const found = diagnostics.map((one) => `${one.code} ${one.line}:${one.column}`);
  assert.ok(found.includes(`${code} ${at}`), found.join(", "));
});

Deno.test("parseRegistry() reads an entry", () => {
  const { registry } = parseRegistry(`version: 1\nbinaries: { a: ${ENTRY} }`);
  assert.deepEqual(registry?.get("a"), {
    description: "x",
    exfiltrates: true,
    makesHttp: true,
    hasOwnProtocol: false,
  });
});
