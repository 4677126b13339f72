import assert from "node:assert/strict";
import type { Invocation } from "./command.ts";
import { createInvocation } from "./create_invocation.ts";
import { fakeContext } from "./fake_context.ts";
import { parseArgs } from "./parse_args.ts";
import { SAMPLE } from "./sample_program.ts";

Deno.test.each<{ name: string; read: (invocation: Invocation) => unknown }>([
  { name: "a flag that is not declared", read: (i) => i.switch("nope") },
  { name: "a flag of another kind", read: (i) => i.switch("note") },
  { name: "one value of a repeated flag", read: (i) => i.text("label") },
  { name: "all values of a single flag", read: (i) => i.texts("note") },
  { name: "a required value that need not be there", read: (i) => i.requiredText("note") },
  { name: "a required number that need not be there", read: (i) => i.requiredInteger("limit") },
  { name: "an argument that is not declared", read: (i) => i.arguments("NOPE") },
  { name: "one value of an optional argument", read: (i) => i.argument("MORE") },
])("createInvocation() asserts against reading $name", ({ read }) => {
  const parsed = parseArgs(SAMPLE, ["box", "create", "-s1", "a"]);
  assert.equal(parsed.kind, "run");
  const invocation = createInvocation(SAMPLE, parsed, fakeContext());
  assert.throws(() => read(invocation), { name: "InvariantError" });
});
