/**
 * Rules about the repository as a whole.
 *
 * @module
 */

import type { Finding, SourceFile } from "./finding.ts";

/** What may stand in the root of the repository. */
const ENTRIES: ReadonlySet<string> = new Set([
  ".agents",
  ".ci",
  ".claude",
  ".github",
  ".gitignore",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "README.md",
  "architecture",
  "cli",
  "deno.json",
  "deno.lock",
  "drivers",
  "examples",
  "gateway",
  "install.sh",
  "mod.ts",
  "policy-wasm",
  "proto",
  "prover",
  "tests",
]);

/** Not part of the repository: see `.gitignore`. */
export const IGNORED_ENTRIES: ReadonlySet<string> = new Set([
  ".git",
  "coverage",
  "dist",
  "node_modules",
]);

/** Returns the entries of the root that have no place there. */
export function checkEntries(names: readonly string[]): readonly Finding[] {
  return names.filter((name) => !ENTRIES.has(name) && !IGNORED_ENTRIES.has(name)).map((path) => ({
    path,
    line: 1,
    rule: "root-entry",
    message: "Move it into the folder that owns it",
  }));
}

/** Returns the places that name another version of Deno than the README does. */
export function checkPins(readme: SourceFile, others: readonly SourceFile[]): readonly Finding[] {
  const [pinned] = pins(readme);
  if (pinned === undefined) {
    const message = "Name the version of Deno in the commands: deno@1.2.3";
    return [{ path: readme.path, line: 1, rule: "deno-version", message }];
  }
  return [readme, ...others].flatMap((file) =>
    pins(file).filter(({ version }) => version !== pinned.version).map(({ line }) => ({
      path: file.path,
      line,
      rule: "deno-version",
      message: `Name the version of the README, ${pinned.version}`,
    }))
  );
}

interface Pin {
  readonly version: string;
  readonly line: number;
}

function pins({ text }: SourceFile): readonly Pin[] {
  return text.split("\n").flatMap((content, index) =>
    [...content.matchAll(/\bdeno@(\d+\.\d+\.\d+)/g)].map(([, version = ""]) => ({
      version,
      line: index + 1,
    }))
  );
}
