import assert from "node:assert/strict";
import { checkFile, SOURCE_LINES_MAX, TEST_LINES_MAX } from "./file_rules.ts";
import { formatFindings } from "./finding.ts";

const HEADER = "/**\n * Does one thing.\n *\n * @module\n */\n";

function check(path: string, text: string, others: readonly string[] = []): string {
  const findings = checkFile({ path, text }, new Set(others));
  return formatFindings(findings).replaceAll(/: .*$/gm, "");
}

function withLines(lines: number): string {
  return HEADER + "\n".repeat(lines - 5);
}

Deno.test.each([
  { path: "cli/a.ts", lines: SOURCE_LINES_MAX, want: "" },
  { path: "cli/a.ts", lines: SOURCE_LINES_MAX + 1, want: "cli/a.ts:501 file-size" },
  { path: "tests/a.ts", lines: TEST_LINES_MAX, want: "" },
  { path: "tests/a.ts", lines: TEST_LINES_MAX + 1, want: "tests/a.ts:801 file-size" },
])("checkFile() says [$want] of $lines lines in $path", ({ path, lines, want }) => {
  assert.equal(check(path, withLines(lines)), want);
});

Deno.test.each([
  { name: "accepts a sentence and @module", text: HEADER, want: "" },
  { name: "wants a header", text: "const a = 1;\n", want: "cli/a.ts:1 module-header" },
  { name: "wants it first", text: `\n${HEADER}`, want: "cli/a.ts:1 module-header" },
  {
    name: "wants @module",
    text: "/**\n * Does one thing.\n */\n",
    want: "cli/a.ts:1 module-header",
  },
  {
    name: "wants a sentence",
    text: "/**\n * @module\n */\n",
    want: "cli/a.ts:1 module-header",
  },
  {
    name: "wants a doc comment",
    text: "/*\n * Does one thing.\n *\n * @module\n */\n",
    want: "cli/a.ts:1 module-header",
  },
])("checkFile() $name", ({ text, want }) => {
  assert.equal(check("cli/a.ts", text), want);
});

Deno.test("checkFile() wants no header of a test", () => {
  assert.equal(check("cli/a_test.ts", "", ["cli/a.ts"]), "");
});

Deno.test.each([
  { path: "cli/a_test.ts", others: ["cli/a.ts"], want: "" },
  { path: "cli/a_test.ts", others: ["proto/a.ts"], want: "cli/a_test.ts:1 test-name" },
  { path: "cli/a_test.tsx", others: ["cli/a.tsx"], want: "" },
  { path: "tests/tidy_test.ts", others: [], want: "" },
])("checkFile() says [$want] of $path beside $others", ({ path, others, want }) => {
  assert.equal(check(path, HEADER, others), want);
});
