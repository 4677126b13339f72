import assert from "node:assert/strict";
import { memoryPair } from "../http1/memory_stream.ts";
import { encodeClose, OPCODES } from "./frame.ts";
import { FrameSink } from "./frame_sink.ts";
import { closed, Peer } from "./websocket_fixture.ts";

Deno.test("FrameSink writes each frame as a whole, also where the pipe is narrow", async () => {
  const [near, far] = memoryPair({ pipeBytes: 7 });
  const sink = new FrameSink(near, true);
  const texts = ["a".repeat(300), "", "b".repeat(50)];
  const sending = Promise.all(
    texts.map((text) => sink.send(new TextEncoder().encode(text), OPCODES.text)),
  );
  const peer = new Peer(far, "program");
  for (const text of texts) assert.deepEqual(await peer.next(), { kind: "text", text });
  await sending;
});

Deno.test("FrameSink sends nothing after a close", async () => {
  const [near, far] = memoryPair();
  const sink = new FrameSink(near, false);
  await sink.close(encodeClose(1008, "no"));
  await sink.send(new Uint8Array(3), OPCODES.text);
  await sink.close(encodeClose(1000, ""));
  near.close();
  assert.deepEqual(await new Peer(far, "server").rest(), [closed(1008, "no")]);
});

Deno.test("FrameSink rejects where the other side is gone", async () => {
  const [near, far] = memoryPair();
  const sink = new FrameSink(near, false);
  far.reset();
  await assert.rejects(sink.send(new Uint8Array(3), OPCODES.text));
  await assert.rejects(sink.close(encodeClose(1000, "")));
});
