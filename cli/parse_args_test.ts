import assert from "node:assert/strict";
import fc from "fast-check";
import { createInvocation } from "./create_invocation.ts";
import { fakeContext } from "./fake_context.ts";
import { parseArgs } from "./parse_args.ts";
import { SAMPLE } from "./sample_program.ts";
import { UsageError } from "./usage_error.ts";

async function seen(args: readonly string[]): Promise<Record<string, unknown>> {
  const parsed = parseArgs(SAMPLE, args);
  assert.equal(parsed.kind, "run");
  const context = fakeContext();
  const run = await parsed.command.load!();
  assert.equal(await run(createInvocation(SAMPLE, parsed, context)), 0);
  return JSON.parse(context.out());
}

Deno.test.each([
  { name: "fills in defaults", args: "", want: { kind: "paper", dry: false, verbosity: 0 } },
  { name: "reads a value after a space", args: "--note hi", want: { note: "hi" } },
  { name: "reads a value after an equals sign", args: "--note=a=b", want: { note: "a=b" } },
  { name: "reads an empty value", args: "--note=", want: { note: "" } },
  { name: "reads a value that starts with a dash", args: "--note=-x", want: { note: "-x" } },
  { name: "reads a single dash as a value", args: "--note -", want: { note: "-" } },
  {
    name: "keeps repeated values in order",
    args: "-l a -lb -l=c",
    want: { label: ["a", "b", "c"] },
  },
  {
    name: "splits only at a declared separator",
    args: "--tags a,b --tags c -l d,e",
    want: {
      tags: ["a", "b", "c"],
      label: ["d,e"],
    },
  },
  {
    name: "reads a cluster of letters",
    args: "-nvvl x",
    want: {
      dry: true,
      verbosity: 2,
      label: ["x"],
    },
  },
  { name: "reads whole numbers", args: "--limit 0", want: { size: 7, limit: 0 } },
  {
    name: "keeps what follows two dashes",
    args: "f1 f2 -- rm -rf --help",
    want: {
      more: ["f1", "f2"],
      passthrough: ["rm", "-rf", "--help"],
    },
  },
])("parseArgs() $name", async ({ args, want }) => {
  const words = args.split(" ").filter((word) => word !== "");
  const got = await seen(["box", "create", "-s7", "big", ...words]);
  assert.deepEqual({ ...got, ...want }, got);
});

Deno.test("parseArgs() takes global flags before the group, the verb and after", async () => {
  for (const line of ["-v box create", "bx -v create", "box create -v", "--verbose box create"]) {
    const got = await seen([...line.split(" "), "--size", "1", "small"]);
    assert.deepEqual([got.verbosity, got.path], [1, ["sample", "box", "create"]]);
  }
});

Deno.test("parseArgs() leaves a leading -o to the verb", () => {
  const parsed = parseArgs(SAMPLE, ["-vo", "json", "box", "list"]);
  assert.deepEqual(parsed.kind === "run" && parsed.flags.get("output"), ["json"]);
  const compiled = parseArgs(SAMPLE, ["-o", "x.img", "box", "compile"]);
  assert.deepEqual(compiled.kind === "run" && compiled.flags.get("output"), ["x.img"]);
});

Deno.test.each([
  { args: "", want: "help sample" },
  { args: "--help", want: "help sample" },
  { args: "-v", want: "help sample" },
  { args: "box", want: "help sample box" },
  { args: "bx -h", want: "help sample box" },
  { args: "-h box create", want: "help sample box create" },
  { args: "box create --bogus --help", want: "help sample box create" },
  { args: "box create -vh", want: "help sample box create" },
  { args: "--version", want: "version" },
  { args: "-V", want: "version" },
  { args: "box create --version", want: "version" },
])("parseArgs() answers [$args] with $want", ({ args, want }) => {
  const parsed = parseArgs(SAMPLE, args.split(" ").filter((word) => word !== ""));
  const path = parsed.kind === "version" ? [] : parsed.path;
  assert.equal([parsed.kind, ...path].join(" "), want);
});

Deno.test("parseArgs() refuses what it does not understand", async (t) => {
  const lines = [
    "bxo",
    "frobnicate",
    "-- box",
    "--size 1 box create",
    "-x box",
    "box creat",
    "box create --siez 1 a",
    "box create -x",
    "box create -nx -s1 a",
    "box create -s1",
    "box create",
    "box create a --size",
    "box create a --note -s",
    "box create a --size 0",
    "box create a --size 101",
    "box create a --size 1e1",
    "box create a --size=",
    "box create a -s1 --size 2",
    "box create a -s1 --note x --note y",
    "box create a -s1 --dry-run=yes",
    "box create a -s1 --kind stel",
    "box create a -s1 --kind wood",
    "pick blue",
    "pick red green",
    "pick red -o json",
    "pick red -- green",
    "box list --output xml",
  ];
  const messages = lines.map((line) => {
    try {
      parseArgs(SAMPLE, line.split(" "));
    } catch (error) {
      assert.ok(error instanceof UsageError);
      return `${line}\n  ${error.message}\n  ${error.hint ?? "(no hint)"}`;
    }
    return `${line}\n  ACCEPTED`;
  });
  await t.assertSnapshot(messages.join("\n"));
});

Deno.test("parseArgs() never throws anything but a UsageError", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom("box", "create", "list", "-", "--", "--size", "-s", "-o", "-vv", "--note=x"),
  );
  fc.assert(fc.property(fc.array(word, { maxLength: 8 }), (args) => {
    try {
      parseArgs(SAMPLE, args);
    } catch (error) {
      assert.ok(error instanceof UsageError, String(error));
    }
  }));
});
