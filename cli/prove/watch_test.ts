/**
 * Tests of proving again when a file changes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { PROGRAM } from "../commands.ts";
import { fakeContext } from "../fake_context.ts";
import { runProgram } from "../run_program.ts";
import { PLAIN } from "../style.ts";
import { CEILING, judgementOf, POLICY } from "./fixtures.ts";
import { nextChange, renderChanges } from "./watch.ts";

Deno.test("nextChange() waits until a file has stayed the same", async () => {
  const looks = ["old", "old", "half", "new", "new", "later"];
  const got = await nextChange("old", () => Promise.resolve(looks.shift()!), async () => {});
  assert.equal(got, "new");
  assert.deepEqual(looks, ["later"]);
});

Deno.test("nextChange() takes no notice of a change that is taken back", async () => {
  const looks = ["new", "old", "old", "other", "other"];
  assert.equal(
    await nextChange("old", () => Promise.resolve(looks.shift()!), async () => {}),
    "other",
  );
});

Deno.test("renderChanges() prints only what changed", async () => {
  const before = await judgementOf();
  const after = await judgementOf({ levels: { shadowed_rules: "off" } });
  const answers = after.answers.map((answer) =>
    answer.question === "within_ceiling"
      ? { ...answer, status: "proved" as const, findings: [] }
      : answer
  );
  const text = renderChanges(before, { ...after, answers }, PLAIN);
  assert.match(text, /^shadowed_rules: no longer asked\nwithin_ceiling: refuted -> proved\n/);
  assert.doesNotMatch(text, /write_bypass/);
  const back = renderChanges({ ...after, answers }, before, PLAIN);
  assert.match(back, /^within_ceiling: proved -> refuted$/m);
  assert.match(back, /request: .*DELETE/);
  assert.match(renderChanges(before, before, PLAIN), /^No answer has changed\. /);
});

class Interrupted extends Error {}

Deno.test("policy prove --watch goes on after a file that is not valid", async () => {
  const states = [POLICY, "version: 2\n", CEILING];
  const context = fakeContext({
    files: { "p.yaml": POLICY, "c.yaml": CEILING },
    machine: { sleep: () => next() },
  });
  let looks = 0;
  // Each state is seen twice, so that it counts.
  const next = () => {
    const state = states[Math.floor(++looks / 2)];
    if (state === undefined) return Promise.reject(new Interrupted());
    return context.files.write("p.yaml", new TextEncoder().encode(state));
  };
  const line = "policy prove p.yaml --ceiling c.yaml --fast --watch";
  await runProgram(PROGRAM, line.split(" "), context);
  assert.match(context.out(), /^error +within_ceiling +refuted/m);
  assert.match(context.err(), /Cannot use policy "p\.yaml": it has 1 error/);
  assert.match(context.out(), /^within_ceiling: refuted -> proved$/m);
});
