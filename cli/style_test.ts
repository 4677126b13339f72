import assert from "node:assert/strict";
import { fakeContext } from "./fake_context.ts";
import { COLOURED, PLAIN, styleOf } from "./style.ts";

Deno.test.each([
  { name: "colours a terminal", isTerminal: true, env: {}, want: COLOURED },
  { name: "leaves a pipe plain", isTerminal: false, env: {}, want: PLAIN },
  { name: "obeys NO_COLOR", isTerminal: true, env: { NO_COLOR: "1" }, want: PLAIN },
  { name: "ignores an empty NO_COLOR", isTerminal: true, env: { NO_COLOR: "" }, want: COLOURED },
  { name: "leaves a dumb terminal plain", isTerminal: true, env: { TERM: "dumb" }, want: PLAIN },
])("styleOf() $name", ({ isTerminal, env, want }) => {
  const context = fakeContext({ isTerminal, env });
  assert.equal(styleOf(context.stdout, context), want);
});

Deno.test("COLOURED ends what it starts, and paints nothing on nothing", () => {
  assert.equal(COLOURED.red("no"), "\x1b[31mno\x1b[39m");
  assert.equal(COLOURED.bold(""), "");
});
