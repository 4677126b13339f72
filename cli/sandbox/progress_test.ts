import assert from "node:assert/strict";
import type { PlatformEvent } from "../../gateway/client/types.ts";
import { fakeContext } from "../fake_context.ts";
import { Progress } from "./progress.ts";

function event(metadata: Readonly<Record<string, string>>): PlatformEvent {
  const named = Object.entries(metadata).map((
    [key, value],
  ) => [`openshell.progress.${key}`, value]);
  return { reason: "", message: "", metadata: Object.fromEntries(named) };
}

Deno.test("Progress writes lines with times where there is no terminal", async () => {
  const context = fakeContext();
  const progress = new Progress(context, { isQuiet: false });
  progress.begin("Requesting");
  await context.machine.sleep(1_250);
  progress.show(event({ active_step: "pulling_image", active_detail: "1 MB" }));
  progress.note("slow\x1b[2J");
  progress.show(event({ complete_step: "pulling_image", complete_label: "Pulled" }));
  progress.stop();
  assert.equal(
    context.err(),
    "[0.0s] Requesting\n[1.3s] Pulling image\n[1.3s] slow\\x1b[2J\n",
  );
});

Deno.test("Progress ticks steps off on a terminal, and leaves no half of one", async () => {
  let frames = 0;
  let isRunning = false;
  const every = (_ms: number, call: () => void) => {
    isRunning = true;
    for (; frames < 2; frames += 1) call();
    return () => void (isRunning = false);
  };
  const env = { NO_COLOR: "1" };
  const context = fakeContext({ isTerminal: true, env, machine: { every } });
  const progress = new Progress(context, { isQuiet: false });
  progress.begin("One");
  await context.machine.sleep(100);
  progress.begin("One");
  progress.begin("Two\n");
  progress.stop();
  progress.stop();
  assert.equal(isRunning, false);
  const shown = context.err().split("\r\x1b[2K");
  assert.deepEqual(shown, ["", "⠋ One", "⠙ One", "⠹ One", "✓ One (0.1s)\n", "⠸ Two\\x0a", ""]);
});

Deno.test("Progress says nothing when it is quiet, and knows progress when it sees it", () => {
  for (const isTerminal of [true, false]) {
    const context = fakeContext({ isTerminal });
    const progress = new Progress(context, { isQuiet: true });
    progress.begin("One");
    progress.note("note");
    assert.equal(progress.show(event({ active_detail: "1 MB" })), true);
    assert.equal(progress.show(event({ complete_step: "x" })), true);
    assert.equal(progress.show(event({})), false);
    progress.stop();
    assert.equal(context.err(), "");
  }
});
