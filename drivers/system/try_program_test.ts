import assert from "node:assert/strict";
import { tryProgram } from "./try_program.ts";

Deno.test.each([
  { name: "one that does its work", program: "/bin/sh", script: ":", want: true },
  { name: "one that fails", program: "/bin/sh", script: "exit 1", want: false },
  { name: "one that is killed", program: "/bin/sh", script: "kill -9 $$", want: false },
  { name: "one that is not there", program: "/none/sh", script: ":", want: false },
  { name: "one that may not be run", program: "/etc/passwd", script: ":", want: false },
])("tryProgram() of $name is $want", ({ program, script, want }) => {
  assert.equal(tryProgram(program, ["-c", script], 30_000), want);
});

Deno.test("tryProgram() ends one that does not end", () => {
  const began = performance.now();
  assert.equal(tryProgram("/bin/sh", ["-c", "exec sleep 60"], 100), false);
  assert.ok(performance.now() - began < 30_000);
});
