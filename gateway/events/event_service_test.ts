import assert from "node:assert/strict";
import { SAMPLE_SOURCE, writeSampleLog } from "../../drivers/system/event_log/sample_events.ts";
import { eventMethods } from "./event_service.ts";

Deno.test.each([{ follow: false, want: ["record", "record", "complete"] }, {
  follow: true,
  want: ["record", "record"],
}])("readEvents() says that its answer is whole, unless it follows: $follow", async (
  { follow, want },
) => {
  const folder = await Deno.makeTempDir();
  const ending = new AbortController();
  try {
    await writeSampleLog(`${folder}/events.jsonl`, [1, 2]);
    const methods = eventMethods({ folderOf: () => folder, checkExists: () => Promise.resolve() });
    const request = { sandboxId: SAMPLE_SOURCE.sandboxId, lines: 0, sinceMs: 0n, sources: [] };
    const messages = methods.readEvents(
      { ...request, minLevel: "", follow } as unknown as Parameters<typeof methods.readEvents>[0],
      { signal: ending.signal } as Parameters<typeof methods.readEvents>[1],
    );
    const found: string[] = [];
    for await (const { complete, record } of messages) {
      found.push(complete ? "complete" : record === "" ? "nothing" : "record");
      if (follow && found.length === 2) ending.abort();
    }
    assert.deepEqual(found, want);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
