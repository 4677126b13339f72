import assert from "node:assert/strict";
import { CLIENT_INPUT_BYTES_MAX } from "../../proto/limits.ts";
import { InputQueue } from "./input_queue.ts";

Deno.test("InputQueue hands over in order, and ends after the last", async () => {
  const queue = new InputQueue();
  await queue.push({ kind: "signal", signal: "INT" });
  await queue.push({ kind: "end" });
  queue.end();
  await queue.push({ kind: "signal", signal: "TERM" });
  const kinds: string[] = [];
  for await (const input of queue) kinds.push(input.kind);
  assert.deepEqual(kinds, ["signal", "end"]);
});

Deno.test("InputQueue makes a writer wait while it is full, and lets it go at the end", async () => {
  const queue = new InputQueue();
  const big = { kind: "stdin" as const, bytes: new Uint8Array(CLIENT_INPUT_BYTES_MAX + 1) };
  let pushed = 0;
  const first = queue.push(big).then(() => pushed += 1);
  await Promise.resolve();
  assert.equal(pushed, 0);
  const iterator = queue[Symbol.asyncIterator]();
  await iterator.next();
  await first;
  assert.equal(pushed, 1);
  const second = queue.push(big).then(() => pushed += 1);
  queue.end();
  await second;
  assert.equal(pushed, 2);
});
