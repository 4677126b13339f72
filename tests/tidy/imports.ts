/**
 * Which folder may import which, and that no imports run in a circle.
 *
 * @module
 */

import { type Finding, isAssembly, isTest } from "./finding.ts";
import type { Import, Syntax } from "./read_syntax.ts";

/** What each folder may import besides itself: folders, or parts of one. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "proto/": [],
  "policy-wasm/": ["proto/"],
  "prover/": ["proto/", "policy-wasm/"],
  "drivers/": ["proto/", "policy-wasm/"],
  "gateway/": ["proto/", "policy-wasm/", "prover/", "drivers/system/"],
  "cli/": ["proto/", "policy-wasm/", "prover/", "gateway/client/", "deno.json"],
};

/** Returns imports that leave the direction of the folders, and packages that are not in `deno.json`. */
export function checkImports({ file, imports }: Syntax): readonly Finding[] {
  return imports.flatMap((imported): Finding[] => {
    const finding = (rule: string, message: string) => [
      { path: file.path, line: imported.line, rule, message },
    ];
    const { specifier } = imported;
    if (/^(?!node:)[a-z+.-]+:/i.test(specifier)) {
      return finding("import-source", `Name "${specifier}" in the imports of deno.json`);
    }
    const target = resolve(file.path, imported);
    if (target === null || mayImport(file.path, target)) return [];
    return finding("import-direction", `Do not import "${target}" from here: see the folder table`);
  });
}

/** Returns one finding for each circle of imports, at the file of it that sorts first. */
export function checkCycles(modules: readonly Syntax[]): readonly Finding[] {
  const graph = new Map(modules.map((module) => [module.file.path, targets(module)]));
  const findings: Finding[] = [];
  const reported = new Set<string>();
  for (const start of [...graph.keys()].sort()) {
    if (reported.has(start)) continue;
    const cycle = findCycle(graph, start);
    if (cycle === null) continue;
    for (const path of cycle) reported.add(path);
    const message = `Break the circle ${[...cycle, start].join(" -> ")}`;
    findings.push({ path: start, line: 1, rule: "import-cycle", message });
  }
  return findings;
}

function mayImport(from: string, to: string): boolean {
  if (from === "mod.ts" || from.startsWith("tests/")) return true;
  if (isAssembly(from)) return isAssembly(to);
  const [folder, allowed] = Object.entries(MAY_IMPORT).find(([name]) => from.startsWith(name)) ??
    ["", []];
  if (folder !== "" && to.startsWith(folder)) return true;
  if (to.startsWith("tests/")) return isTest(from);
  if (to.startsWith("proto/gen/") && folder === "policy-wasm/") return from.endsWith("/wire.ts");
  // The one program has several roles, and this file alone leads to them.
  if (from === "cli/roles.ts") {
    return to === "gateway/main.ts" || to === "drivers/supervisor/main.ts";
  }
  if (to.startsWith("drivers/") && folder === "gateway/") {
    if (from === "gateway/main.ts" || to.endsWith("/contract.ts")) return true;
  }
  return allowed.some((name) => to === name || (name.endsWith("/") && to.startsWith(name)));
}

function targets(module: Syntax): readonly string[] {
  return module.imports.flatMap((imported) => resolve(module.file.path, imported) ?? []);
}

/** Returns the path that a relative import names, `null` for a package or a part of the runtime. */
function resolve(from: string, { specifier }: Import): string | null {
  if (!/^\.{0,2}\//.test(specifier)) return null;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** Returns the shortest way from a file back to itself, without the return. */
function findCycle(
  graph: ReadonlyMap<string, readonly string[]>,
  start: string,
): readonly string[] | null {
  const ways = new Map<string, readonly string[]>([[start, [start]]]);
  for (const [path, way] of ways) {
    for (const next of graph.get(path) ?? []) {
      if (next === start) return way;
      if (!ways.has(next)) ways.set(next, [...way, next]);
    }
  }
  return null;
}
