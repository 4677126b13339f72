import assert from "node:assert/strict";
import { RAW_BUFFER_BYTES_MAX } from "../../../proto/egress_limits.ts";
import { memoryPair, readAll } from "./http1/memory_stream.ts";
import { type RawRelayOptions, relayRaw } from "./raw_relay.ts";
import { readText, send } from "./pipeline_fixture.ts";

function relayPair(
  signal: AbortSignal = new AbortController().signal,
  options: Omit<RawRelayOptions, "signal"> = {},
) {
  const [client, inner] = memoryPair({ pipeBytes: 1024 * 1024 });
  const [outer, server] = memoryPair({ pipeBytes: 1024 * 1024 });
  return { client, server, inner, outer, done: relayRaw(inner, outer, { signal, ...options }) };
}

Deno.test("relayRaw() passes on each end by itself", async () => {
  const { client, server, done } = relayPair();
  await send(client, "up");
  await client.closeWrite();
  assert.equal(await readText(server), "up");
  await send(server, "down");
  await server.closeWrite();
  assert.equal(await readText(client), "down");
  await done;
});

Deno.test("relayRaw() carries much, in order", async () => {
  const { client, server, done, outer } = relayPair();
  const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index * 7 % 251);
  const reading = readAll(server);
  await send(client, bytes);
  await client.closeWrite();
  assert.deepEqual(await reading, bytes);
  assert.equal(Math.max(...outer.writeSizes), RAW_BUFFER_BYTES_MAX);
  await server.closeWrite();
  await done;
});

Deno.test.each(["client", "server"] as const)(
  "relayRaw() ends both when the %s fails",
  async (side) => {
    const relay = relayPair();
    relay[side].reset();
    await relay.done;
    assert.ok(relay.inner.isClosed && relay.outer.isClosed);
  },
);

Deno.test.each([
  { name: "later", early: false },
  { name: "before it begins", early: true },
])("relayRaw() closes both when it is aborted $name", async ({ early }) => {
  const controller = new AbortController();
  if (early) controller.abort();
  const { inner, outer, done } = relayPair(controller.signal);
  controller.abort();
  await done;
  assert.ok(inner.isClosed && outer.isClosed);
});

Deno.test("relayRaw() asks once before the first bytes of the client go on", async () => {
  let asked = 0;
  const confirm = () => Promise.resolve(++asked > 0);
  const { client, server, done } = relayPair(new AbortController().signal, { confirm });
  await send(server, "first from the server");
  assert.equal(asked, 0);
  await send(client, "one");
  await send(client, "two");
  await client.closeWrite();
  assert.equal(await readText(server), "onetwo");
  assert.equal(asked, 1);
  await server.closeWrite();
  await done;
});

Deno.test("relayRaw() ends both where the first bytes may not go on", async () => {
  const confirm = () => Promise.resolve(false);
  const { client, server, inner, outer, done } = relayPair(undefined, { confirm });
  await send(client, "secret");
  await done;
  assert.ok(inner.isClosed && outer.isClosed);
  assert.equal(await readText(server), "");
});
