/**
 * Holds the repository to the rules of its style: `tests/tidy/` has the rules and their own tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import { checkFile } from "./tidy/file_rules.ts";
import { type Finding, formatFindings, type SourceFile } from "./tidy/finding.ts";
import { checkCycles, checkImports } from "./tidy/imports.ts";
import { readSyntax } from "./tidy/read_syntax.ts";
import { checkEntries, checkPins, IGNORED_ENTRIES } from "./tidy/repository_rules.ts";
import { checkSyntax } from "./tidy/syntax_rules.ts";

const ROOT = new URL("../", import.meta.url);

/** Written by programs, so not held to a style. */
const GENERATED = ["policy-wasm/build/", "proto/gen/"];

/** Files that may name the version of Deno. */
const PINNED = ["CONTRIBUTING.md", "install.sh", ".ci/run", ".github/workflows/ci.yml"];

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = folder + name;
    if (isFile) yield path;
    if (isDirectory && !IGNORED_ENTRIES.has(name)) yield* walk(`${path}/`);
  }
}

function read(path: string): SourceFile {
  return { path, text: Deno.readTextFileSync(new URL(path, ROOT)) };
}

function assertTidy(findings: readonly Finding[]): void {
  assert.equal(formatFindings(findings), "");
}

const PATHS = [...walk("")].sort();
const SOURCES = PATHS
  .filter((path) => /\.tsx?$/.test(path) && !GENERATED.some((folder) => path.startsWith(folder)))
  .map(read);

Deno.test("every module has its size, its header and its name", () => {
  const paths = new Set(PATHS);
  assert.ok(SOURCES.length > 0);
  assertTidy(SOURCES.flatMap((file) => checkFile(file, paths)));
});

Deno.test("every module keeps to the rules of code, and imports only where it may", () => {
  const modules = SOURCES.map(readSyntax);
  assertTidy(modules.flatMap((module) => [...checkSyntax(module), ...checkImports(module)]));
  assertTidy(checkCycles(modules));
});

Deno.test("the repository has nothing in its root that belongs elsewhere", () => {
  assertTidy(checkEntries([...Deno.readDirSync(ROOT)].map(({ name }) => name)));
});

Deno.test("the repository names one version of Deno", () => {
  const others = PINNED.filter((path) => PATHS.includes(path)).map(read);
  assertTidy(checkPins(read("README.md"), others));
});
