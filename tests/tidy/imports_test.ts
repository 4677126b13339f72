import assert from "node:assert/strict";
import { formatFindings } from "./finding.ts";
import { checkCycles, checkImports } from "./imports.ts";
import { readSyntax } from "./read_syntax.ts";

Deno.test.each([
  { from: "proto/a.ts", to: "./b.ts", ok: true },
  { from: "proto/a.ts", to: "../policy-wasm/b.ts", ok: false },
  { from: "policy-wasm/a.ts", to: "../proto/b.ts", ok: true },
  { from: "policy-wasm/a.ts", to: "../proto/gen/b.ts", ok: false },
  { from: "policy-wasm/wire.ts", to: "../proto/gen/b.ts", ok: true },
  { from: "policy-wasm/a.ts", to: "../prover/b.ts", ok: false },
  { from: "policy-wasm/a.ts", to: "../cli/b.ts", ok: false },
  { from: "policy-wasm/a.ts", to: "./assembly/b.ts", ok: true },
  { from: "policy-wasm/assembly/a.ts", to: "./b.ts", ok: true },
  { from: "policy-wasm/assembly/a.ts", to: "../b.ts", ok: false },
  { from: "policy-wasm/assembly/a.ts", to: "../../proto/b.ts", ok: false },
  { from: "prover/a.ts", to: "../policy-wasm/b.ts", ok: true },
  { from: "prover/a.ts", to: "../drivers/b.ts", ok: false },
  { from: "drivers/a.ts", to: "../prover/b.ts", ok: false },
  { from: "drivers/compute/a.ts", to: "../../gateway/b.ts", ok: false },
  { from: "gateway/a.ts", to: "../drivers/compute/contract.ts", ok: true },
  { from: "gateway/a.ts", to: "../drivers/system/b.ts", ok: true },
  { from: "gateway/a.ts", to: "../drivers/compute/docker/b.ts", ok: false },
  { from: "gateway/main.ts", to: "../drivers/compute/docker/b.ts", ok: true },
  { from: "gateway/a.ts", to: "../cli/b.ts", ok: false },
  { from: "cli/a.ts", to: "../gateway/client/b.ts", ok: true },
  { from: "cli/a.ts", to: "../gateway/rpc/b.ts", ok: false },
  { from: "cli/a.ts", to: "../drivers/system/b.ts", ok: false },
  { from: "cli/a.ts", to: "../deno.json", ok: true },
  { from: "cli/a.ts", to: "../tests/b.ts", ok: false },
  { from: "cli/a_test.ts", to: "../tests/b.ts", ok: true },
  { from: "tests/a.ts", to: "../gateway/rpc/b.ts", ok: true },
  { from: "mod.ts", to: "./gateway/client/b.ts", ok: true },
  { from: "cli/a.ts", to: "yaml", ok: true },
  { from: "cli/a.ts", to: "node:fs", ok: true },
  { from: "cli/a.ts", to: "npm:yaml", ok: false },
  { from: "cli/a.ts", to: "https://example.com/a.ts", ok: false },
  { from: "cli/a.ts", to: "/etc/a.ts", ok: false },
])("checkImports() judges $from importing $to", ({ from, to, ok }) => {
  const findings = checkImports(readSyntax({ path: from, text: `import "${to}";\n` }));
  assert.equal(findings.length === 0, ok, formatFindings(findings));
});

Deno.test.each([
  { text: 'import { b } from "../cli/b.ts";' },
  { text: 'import type { B } from "../cli/b.ts";' },
  { text: 'import { type B } from "../cli/b.ts";' },
  { text: 'export { b } from "../cli/b.ts";' },
  { text: 'export * from "../cli/b.ts";' },
  { text: 'export type { B } from "../cli/b.ts";' },
  { text: 'const load = () => import("../cli/b.ts");' },
  { text: 'type B = import("../cli/b.ts").B;' },
  { text: 'type B = typeof import("../cli/b.ts");' },
])("checkImports() sees $text", ({ text }) => {
  const findings = checkImports(readSyntax({ path: "proto/a.ts", text: `\n${text}\n` }));
  assert.match(formatFindings(findings), /^proto\/a\.ts:2 import-direction: .*"cli\/b\.ts"/);
});

function cycles(files: Record<string, string>): string {
  const modules = Object.entries(files).map(([path, text]) => readSyntax({ path, text }));
  return formatFindings(checkCycles(modules));
}

Deno.test("checkCycles() reports each circle once, by its shortest way", () => {
  const got = cycles({
    "cli/a.ts": 'import "./b.ts";',
    "cli/b.ts": 'import type { C } from "./c.ts"; import "./d.ts";',
    "cli/c.ts": 'type A = import("./a.ts").A;',
    "cli/d.ts": "",
    "cli/e.ts": 'import "./e.ts";',
  });
  assert.equal(
    got,
    "cli/a.ts:1 import-cycle: Break the circle cli/a.ts -> cli/b.ts -> cli/c.ts -> cli/a.ts\n" +
      "cli/e.ts:1 import-cycle: Break the circle cli/e.ts -> cli/e.ts",
  );
});

Deno.test("checkCycles() accepts a diamond", () => {
  const files = {
    "cli/a.ts": 'import "./b.ts"; import "./c.ts";',
    "cli/b.ts": 'import "./d.ts";',
    "cli/c.ts": 'import "./d.ts";',
    "cli/d.ts": 'import "yaml";',
  };
  assert.equal(cycles(files), "");
});
