import assert from "node:assert/strict";
import { eventLogs } from "./log_source.ts";

Deno.test("eventLogs() of a sandbox without events is empty, and can be followed", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const logs = eventLogs((sandboxId) => `${folder}/${sandboxId}`);
    assert.deepEqual(await logs.read("s", { lines: 10 }), { lines: [], total: 0 });
    const following = new AbortController();
    following.abort();
    assert.deepEqual(await Array.fromAsync(logs.follow("s", { lines: 10 }, following.signal)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("eventLogs() says that a question cannot be answered", async () => {
  const logs = eventLogs(() => "/nonexistent");
  await assert.rejects(logs.read("s", { lines: 1, minLevel: "loud" }), {
    code: "invalid_argument",
  });
});
