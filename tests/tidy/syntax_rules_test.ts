import assert from "node:assert/strict";
import { formatFindings } from "./finding.ts";
import { readSyntax } from "./read_syntax.ts";
import { checkSyntax, FUNCTION_LINES_MAX } from "./syntax_rules.ts";

function check(path: string, text: string): string {
  const findings = checkSyntax(readSyntax({ path, text }));
  return formatFindings(findings).replaceAll(/: .*$/gm, "");
}

function longFunction(lines: number): string {
  return `function long() {\n${"  call();\n".repeat(lines - 2)}}\n`;
}

const LONG = FUNCTION_LINES_MAX + 1;

Deno.test.each([
  { path: "cli/a.ts", text: '\nthrow new Error("x");', want: "cli/a.ts:2 bare-error" },
  { path: "cli/a.ts", text: 'throw Error("x");', want: "cli/a.ts:1 bare-error" },
  { path: "cli/a.ts", text: 'throw new globalThis.Error("x");', want: "cli/a.ts:1 bare-error" },
  { path: "cli/a.ts", text: 'throw new BusyError("x"); new Error("x");', want: "" },
  { path: "cli/a_test.ts", text: 'throw new Error("x");', want: "" },
  { path: "cli/build.ts", text: 'throw new Error("x");', want: "" },
  { path: "policy-wasm/a.ts", text: "new URL(x);", want: "policy-wasm/a.ts:1 no-url-judging" },
  { path: "policy-wasm/build.ts", text: "new URL(x);", want: "" },
  { path: "cli/a.ts", text: "new URL(x);", want: "" },
  { path: "drivers/a.ts", text: "await fetch(x);", want: "drivers/a.ts:1 no-fetch" },
  { path: "drivers/a.ts", text: "globalThis.fetch(x)", want: "drivers/a.ts:1 no-fetch" },
  { path: "drivers/a.ts", text: "ports.fetch(x);", want: "" },
  { path: "gateway/a.ts", text: "await fetch(x);", want: "" },
  { path: "tests/a.ts", text: "eval(x);", want: "tests/a.ts:1 no-eval" },
  { path: "cli/a.ts", text: "new Function(x);", want: "cli/a.ts:1 no-eval" },
  { path: "cli/a.ts", text: "console.error(x);", want: "cli/a.ts:1 no-console" },
  { path: "cli/a.ts", text: "const log = console.log;", want: "cli/a.ts:1 no-console" },
  { path: "cli/main.ts", text: "console.error(x);", want: "" },
  { path: "cli/build.ts", text: "console.error(x);", want: "" },
  { path: "tests/bench/main.ts", text: "console.log(x); Deno.exit(1);", want: "" },
  { path: "cli/a.ts", text: "Deno.exit(1);", want: "cli/a.ts:1 no-exit" },
  { path: "cli/a_test.ts", text: "process.exit(1);", want: "cli/a_test.ts:1 no-exit" },
  { path: "cli/main.ts", text: "Deno.exit(1);", want: "" },
  { path: "drivers/a.ts", text: "Deno.dlopen(x, y);", want: "drivers/a.ts:1 native-code" },
  { path: "drivers/a_ffi.ts", text: "Deno.dlopen(x, y);", want: "" },
  { path: "cli/a.ts", text: "f(x as any);", want: "cli/a.ts:1 any-cast" },
  { path: "cli/a.ts", text: "f(<any> x);", want: "cli/a.ts:1 any-cast" },
  { path: "cli/a.ts", text: "f(x as unknown as Y);", want: "" },
  { path: "cli/a.ts", text: "let x = 1;", want: "cli/a.ts:1 module-variable" },
  { path: "cli/a.ts", text: "export let x = 1;", want: "cli/a.ts:1 module-variable" },
  { path: "cli/a.ts", text: "var x = 1;", want: "cli/a.ts:1 module-variable" },
  { path: "cli/a.ts", text: "const x = 1; function f() { let y = 2; return y; }", want: "" },
  { path: "policy-wasm/assembly/a.ts", text: "let x: i32 = 1;", want: "" },
  { path: "mod.ts", text: "const x = 1;", want: "mod.ts:1 only-reexports" },
  { path: "mod.ts", text: 'export { x } from "./a.ts";\nexport * from "./b.ts";', want: "" },
  { path: "cli/a.ts", text: "// @ts-ignore it is fine", want: "cli/a.ts:1 silenced-types" },
  { path: "cli/a.ts", text: "// @ts-nocheck", want: "cli/a.ts:1 silenced-types" },
  { path: "cli/a.ts", text: "// @ts-expect-error", want: "cli/a.ts:1 silenced-types" },
  { path: "cli/a.ts", text: "// @ts-expect-error -- wrong on purpose", want: "" },
  { path: "cli/a.ts", text: 'const x = "// @ts-ignore";', want: "" },
  { path: "policy-wasm/assembly/a.ts", text: "// @ts-ignore: decorator", want: "" },
  { path: "cli/a.ts", text: "// deno-lint-ignore no-x", want: "cli/a.ts:1 silenced-lint" },
  { path: "cli/a.ts", text: "// deno-lint-ignore -- why", want: "cli/a.ts:1 silenced-lint" },
  { path: "cli/a.ts", text: "// deno-fmt-ignore -- a table", want: "" },
  { path: "cli/a.ts", text: "// deno-lint-ignore no-x -- it is what this is about", want: "" },
  { path: "cli/a.ts", text: "// deno-fmt-ignore", want: "cli/a.ts:1 silenced-lint" },
])("checkSyntax() says [$want] of $path: $text", ({ path, text, want }) => {
  assert.equal(check(path, `${text}\n`), want);
});

Deno.test.each([
  { name: "a function", text: longFunction(LONG), want: "cli/a.ts:1 function-length" },
  {
    name: "a method",
    text: `class A {\n${longFunction(LONG).slice(9)}}`,
    want: "cli/a.ts:2 function-length",
  },
  {
    name: "an arrow",
    text: `f(() => ${longFunction(LONG).slice(16)});`,
    want: "cli/a.ts:1 function-length",
  },
  { name: "a function that just fits", text: longFunction(FUNCTION_LINES_MAX), want: "" },
])("checkSyntax() measures $name", ({ text, want }) => {
  assert.equal(check("cli/a.ts", text), want);
});

Deno.test("checkSyntax() reads AssemblyScript with its decorators", () => {
  const text =
    '@inline\nfunction f(): void {}\n@external("env", "x")\ndeclare function g(): void;\n';
  assert.equal(check("policy-wasm/assembly/a.ts", text), "");
});
