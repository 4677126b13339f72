import assert from "node:assert/strict";
import { BufferedStream } from "./buffered_stream.ts";
import { answerAndClose, closeInOrder } from "./close_in_order.ts";
import { memoryPair, readAll } from "./memory_stream.ts";
import { RELAY_LIMITS } from "./relay_limits.ts";
import { jsonResponse } from "./respond.ts";

const TEXT = new TextDecoder();

Deno.test("answerAndClose() ends its side after the answer, and closes when the client does", async () => {
  const [near, far] = memoryPair();
  const closing = answerAndClose(new BufferedStream(near), jsonResponse(403, { error: "x" }));
  assert.match(TEXT.decode(await readAll(far)), /^HTTP\/1\.1 403 [^]*{"error":"x"}$/);
  assert.equal(near.isClosed, false);
  far.close();
  await closing;
  assert.equal(near.isClosed, true);
});

Deno.test("answerAndClose() takes a client that is gone for no error", async () => {
  const [near, far] = memoryPair();
  far.reset();
  await answerAndClose(new BufferedStream(near), jsonResponse(403, {}));
  assert.equal(near.isClosed, true);
});

Deno.test("answerAndClose() does not wait for ever for a client that reads nothing", async () => {
  const [near] = memoryPair({ pipeBytes: 10 });
  const limits = { ...RELAY_LIMITS, drainMs: 10 };
  await answerAndClose(new BufferedStream(near), jsonResponse(403, {}), { limits });
  assert.equal(near.isClosed, true);
});

Deno.test("closeInOrder() waits for who still reads from the client", async () => {
  const [near, far] = memoryPair();
  const { promise, resolve } = Promise.withResolvers<void>();
  const closing = closeInOrder(new BufferedStream(near), { pending: promise });
  await readAll(far);
  far.close();
  resolve();
  await closing;
  assert.equal(near.isClosed, true);
});
