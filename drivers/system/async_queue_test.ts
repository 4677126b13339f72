import assert from "node:assert/strict";
import { AsyncQueue } from "./async_queue.ts";

Deno.test("AsyncQueue gives values in order and ends after the last", async () => {
  const queue = new AsyncQueue<number>({ weightMax: 10 });
  await queue.push(1);
  await queue.push(2);
  queue.end();
  assert.deepEqual(await Array.fromAsync(queue), [1, 2]);
});

Deno.test("AsyncQueue makes the producer wait for room", async () => {
  const queue = new AsyncQueue<Uint8Array>({ weightMax: 4, weigh: (bytes) => bytes.length });
  let pushed = false;
  const producer = queue.push(new Uint8Array(4)).then((open) => {
    pushed = true;
    return open;
  });
  await Promise.resolve();
  assert.equal(pushed, false);
  const values = queue[Symbol.asyncIterator]();
  await values.next();
  assert.equal(await producer, true);
  await values.return();
});

Deno.test("AsyncQueue drops an offer beyond its bound", () => {
  const queue = new AsyncQueue<number>({ weightMax: 1 });
  assert.equal(queue.offer(1), true);
  assert.equal(queue.offer(2), false);
});

Deno.test("AsyncQueue takes nothing after its end, and wakes who waits", async () => {
  const queue = new AsyncQueue<number>({ weightMax: 1 });
  const waiting = queue.push(1);
  queue.discard();
  assert.equal(await waiting, false);
  assert.equal(await queue.push(2), false);
  assert.equal(queue.offer(3), false);
  assert.deepEqual(await Array.fromAsync(queue), []);
});

Deno.test("AsyncQueue ends when its consumer leaves", async () => {
  const queue = new AsyncQueue<number>({ weightMax: 1 });
  queue.offer(1);
  for await (const _ of queue) break;
  assert.equal(queue.isEnded, true);
  assert.equal(await queue.push(2), false);
});
