import assert from "node:assert/strict";
import { policyOf } from "../../../../policy-wasm/fixtures.ts";
import { withPipeline } from "../pipeline_fixture.ts";
import { encodeClose, OPCODES } from "./frame.ts";
import { closed, openWebSocket, outcomesOf, UPGRADE, webSocketRules } from "./websocket_fixture.ts";

Deno.test("relayWebSocket() passes judged text on, and what the server says", () =>
  withPipeline({ rules: webSocketRules() }, async (pipeline) => {
    const { program, server, request, answer } = await openWebSocket(pipeline, {
      headers: "Sec-WebSocket-Extensions: permessage-deflate\r\n",
      target: "/ws?room=1",
    });
    assert.match(request, /^GET \/ws\?room=1 HTTP\/1\.1\r\nHost: api\.example\.com\r\n/);
    assert.match(request, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
    assert.doesNotMatch(request, /extensions/i);
    assert.match(answer, /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*Sec-WebSocket-Accept: s3pPL/);
    await program.sendFrame("hello");
    assert.deepEqual(await server.next(), { kind: "text", text: "hello" });
    await server.sendFrame("welcome");
    assert.deepEqual(await program.next(), { kind: "text", text: "welcome" });
    await program.sendFrame(encodeClose(1000, ""), OPCODES.close);
    await server.next();
    assert.deepEqual(outcomesOf(pipeline.events), ["GET allowed"]);
    program.stream.close();
  }));

Deno.test("relayWebSocket() ends at a message that the policy refuses, and sends nothing of it", () =>
  withPipeline({ rules: webSocketRules({ allow: [UPGRADE] }) }, async (pipeline) => {
    const { program, server } = await openWebSocket(pipeline);
    await program.sendFrame("not allowed");
    assert.deepEqual(await program.rest(), [closed(1008, "request_not_allowed")]);
    assert.deepEqual(await server.rest(), [closed(1001)]);
    assert.deepEqual(outcomesOf(pipeline.events), [
      "GET allowed",
      "WEBSOCKET_TEXT denied request_not_allowed",
    ]);
    program.stream.close();
  }));

Deno.test("relayWebSocket() ends with the policy that it was opened under", () =>
  withPipeline({ rules: webSocketRules() }, async (pipeline) => {
    const { program, server } = await openWebSocket(pipeline);
    pipeline.load(policyOf(...webSocketRules()));
    assert.deepEqual(await program.rest(), [closed(1012, "policy_changed")]);
    assert.deepEqual(await server.rest(), [closed(1001)]);
    program.stream.close();
  }));
