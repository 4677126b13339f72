/**
 * The registry as data, and what is refused.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { builtinRegistry, parseRegistry } from "./registry.ts";

Deno.test("builtinRegistry() has the programs of the reference and their traits", () => {
  const registry = builtinRegistry();
  for (const name of "claude curl gh git nc node python3 ssh wget".split(" ")) {
    assert.ok(registry.has(name), name);
  }
  const own = [...registry].filter(([, { hasOwnProtocol }]) => hasOwnProtocol).map(([name]) =>
    name
  );
  assert.deepEqual(own, ["git", "nc", "psql", "rsync", "ssh"]);
  assert.ok(own.every((name) => !registry.get(name)!.makesHttp));
});

const ENTRY = "{ description: x, exfiltrates: true, makes_http: true, own_protocol: false }";

Deno.test.each([
  { code: "unsupported_version", text: `version: 2\nbinaries: { a: ${ENTRY} }` },
  { code: "missing_key", text: "version: 1\nbinaries: { a: { description: x } }" },
  { code: "unknown_key", text: `version: 1\nbinaries: { a: { name: x } }` },
  { code: "wrong_type", text: `version: 1\nbinaries: { a: ${ENTRY.replace("true", "yes")} }` },
  { code: "empty_document", text: "" },
  { code: "control_character", text: "version: 1\u0007" },
])("parseRegistry() refuses $code", ({ code, text }) => {
  const { registry, diagnostics } = parseRegistry(text);
  assert.equal(registry, null);
  assert.ok(
    diagnostics.some((diagnostic) => diagnostic.code === code),
    JSON.stringify(diagnostics),
  );
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
