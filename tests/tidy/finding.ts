/**
 * What the tidy rules look at and what they report.
 *
 * @module
 */

/** A file of the repository. */
export interface SourceFile {
  /** Path from the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** One place where a rule of the project does not hold. */
export interface Finding {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** Stable name of the rule, in kebab case. */
  readonly rule: string;
  /** What to do about it, one sentence without a full stop. */
  readonly message: string;
}

/** Returns findings as lines that editors and terminals link to the place. */
export function formatFindings(findings: readonly Finding[]): string {
  return findings
    .map(({ path, line, rule, message }) => `${path}:${line} ${rule}: ${message}`)
    .sort()
    .join("\n");
}

/** True for tests and what only tests use: all of `tests/`, and tests beside their sources. */
export function isTest(path: string): boolean {
  return path.startsWith("tests/") || /_test\.tsx?$/.test(path);
}

/** True for programs that people run to build or to measure, and that are not part of the product. */
export function isScript(path: string): boolean {
  return /(^|\/)build\.ts$/.test(path) || /^tests\/.*\bmain\.ts$/.test(path);
}

/** True for AssemblyScript, which is a language of its own. */
export function isAssembly(path: string): boolean {
  return path.startsWith("policy-wasm/assembly/");
}
