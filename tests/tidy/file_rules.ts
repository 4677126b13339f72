/**
 * Rules about a file as a whole.
 *
 * @module
 */

import { type Finding, isTest, type SourceFile } from "./finding.ts";

/** Lines of a source file. */
export const SOURCE_LINES_MAX = 500;

/** Lines of a test file. */
export const TEST_LINES_MAX = 800;

/** Returns the findings about size, header and name of a module. `paths` are all files. */
export function checkFile(file: SourceFile, paths: ReadonlySet<string>): readonly Finding[] {
  return [...checkSize(file), ...checkHeader(file), ...checkTestName(file, paths)];
}

function checkSize({ path, text }: SourceFile): readonly Finding[] {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  const max = isTest(path) ? TEST_LINES_MAX : SOURCE_LINES_MAX;
  if (lines <= max) return [];
  const message = `Split the file: it has ${lines} lines, at most ${max} are allowed`;
  return [{ path, line: max + 1, rule: "file-size", message }];
}

/** A test needs no header: it is about the file that it stands beside. */
function checkHeader({ path, text }: SourceFile): readonly Finding[] {
  if (/_test\.tsx?$/.test(path)) return [];
  const [, header = ""] = /^\/\*\*\n([\s\S]*?)\*\//.exec(text) ?? [];
  const lines = header.split("\n").map((line) => line.replace(/^ \* ?/, "").trim());
  if (/^[A-Z`]/.test(lines[0] ?? "") && lines.includes("@module")) return [];
  const message = "Start the file with a doc comment that says what it is for and ends in @module";
  return [{ path, line: 1, rule: "module-header", message }];
}

function checkTestName({ path }: SourceFile, paths: ReadonlySet<string>): readonly Finding[] {
  const source = path.replace(/_test(\.tsx?)$/, "$1");
  if (source === path || path.startsWith("tests/") || paths.has(source)) return [];
  const message = `Name the test after the file that it stands beside: "${source}" does not exist`;
  return [{ path, line: 1, rule: "test-name", message }];
}
