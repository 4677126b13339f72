import assert from "node:assert/strict";
import { fakeContext } from "../fake_context.ts";
import { withInterrupt } from "./with_interrupt.ts";

Deno.test("withInterrupt() returns what is done, and what fails", async () => {
  const context = fakeContext();
  assert.equal(await withInterrupt(context, () => Promise.resolve(7)), 7);
  await assert.rejects(withInterrupt(context, () => Promise.reject(new TypeError("x"))), TypeError);
  assert.equal(context.signal("SIGINT"), 0);
});

Deno.test.each([
  { signal: "SIGINT" as const, code: 130 },
  { signal: "SIGTERM" as const, code: 143 },
  { signal: "SIGHUP" as const, code: 129 },
])("withInterrupt() aborts at $signal and returns $code", async ({ signal, code }) => {
  const context = fakeContext();
  const waits = withInterrupt(
    context,
    (aborted) =>
      new Promise((_, reject) =>
        aborted.addEventListener("abort", () => reject(new Error("aborted")))
      ),
  );
  context.signal(signal);
  assert.equal(await waits, code);
});
