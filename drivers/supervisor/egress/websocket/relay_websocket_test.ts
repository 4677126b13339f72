import assert from "node:assert/strict";
import { httpRuleOf, policyOf } from "../../../../policy-wasm/fixtures.ts";
import { CredentialSet } from "../../credentials/credential_set.ts";
import { liveCredentials } from "../../credentials/fixture.ts";
import { RELAY_LIMITS } from "../http1/relay_limits.ts";
import type { MemoryStream } from "../http1/memory_stream.ts";
import { type Pipeline, send, withPipeline } from "../pipeline_fixture.ts";
import { encodeClose, encodeFrame, OPCODES } from "./frame.ts";
import {
  closed,
  openWebSocket,
  outcomesOf,
  TEXT,
  UPGRADE,
  webSocketRules,
} from "./websocket_fixture.ts";

const { text: TEXT_FRAME, binary: BINARY, continuation: MORE, close: CLOSE } = OPCODES;

/** Has one connection, in which the program says something. */
function withSocket(
  options: Parameters<typeof withPipeline>[0],
  body: (opened: Awaited<ReturnType<typeof openWebSocket>>, pipeline: Pipeline) => Promise<void>,
) {
  return withPipeline({ rules: webSocketRules(), ...options }, async (pipeline) => {
    const opened = await openWebSocket(pipeline);
    try {
      await body(opened, pipeline);
    } finally {
      const client = opened.program.stream as MemoryStream;
      if (!client.isClosed) client.close();
    }
  });
}

Deno.test("relayWebSocket() passes judged text on, and what the server says", () =>
  withPipeline({ rules: webSocketRules() }, async (pipeline) => {
    const { program, server, request, answer } = await openWebSocket(pipeline, {
      headers: "Sec-WebSocket-Extensions: permessage-deflate\r\n",
      target: "/a/../ws?room=1",
    });
    assert.match(request, /^GET \/ws\?room=1 HTTP\/1\.1\r\nHost: api\.example\.com\r\n/);
    assert.match(request, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
    assert.doesNotMatch(request, /extensions/i);
    assert.match(answer, /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*Sec-WebSocket-Accept: s3pPL/);
    for (const text of ["hello", "", "again"]) {
      await program.sendFrame(text);
      assert.deepEqual(await server.next(), { kind: "text", text });
    }
    await server.sendFrame("welcome");
    assert.deepEqual(await program.next(), { kind: "text", text: "welcome" });
    await program.sendFrame(encodeClose(1000, "done"), CLOSE);
    assert.deepEqual(await server.next(), closed(1000, "done"));
    await server.sendFrame(encodeClose(1000, ""), CLOSE);
    assert.deepEqual(await program.rest(), [closed(1000)]);
    assert.deepEqual(await server.rest(), []);
    assert.deepEqual(outcomesOf(pipeline.events), ["GET allowed"]);
    program.stream.close();
  }));

Deno.test("relayWebSocket() makes frames anew: a text that came in pieces goes as one", () =>
  withSocket({}, async ({ program, server }) => {
    await program.sendFrame("one ", TEXT_FRAME, false);
    await program.sendFrame("still there?", OPCODES.ping);
    assert.deepEqual(await server.next(), { kind: "ping", text: "still there?" });
    await program.sendFrame("", MORE, false);
    await program.sendFrame("text", MORE);
    const head = new Uint8Array(2);
    await server.stream.read(head);
    assert.deepEqual([...head], [0x81, 0x80 | 8]);
  }));

Deno.test("relayWebSocket() passes binary messages on in pieces", () =>
  withSocket({}, async ({ program, server }) => {
    // What may be the beginning of a placeholder is held back, and comes at the end.
    for (const payload of ["\x01".repeat(200_000), "", "ends with openshell:res", "olve:env:A"]) {
      const sending = program.sendFrame(payload, BINARY);
      assert.deepEqual(await server.next(), { kind: "binary", text: payload });
      await sending;
    }
    const large = "x".repeat(300_000);
    const answering = server.sendFrame(large, TEXT_FRAME);
    assert.deepEqual(await program.next(), { kind: "text", text: large });
    await answering;
  }));

Deno.test.each([
  { name: "no rule allows", allow: [UPGRADE], want: "request_not_allowed" },
  {
    name: "a rule denies",
    allow: [UPGRADE, TEXT],
    deny: [httpRuleOf({ method: "WEBSOCKET_TEXT", path: "/ws" })],
    want: "denied_by_rule",
  },
])(
  "relayWebSocket() ends at a message that $name, and sends nothing of it",
  (row) =>
    withPipeline({ rules: webSocketRules(row) }, async (pipeline) => {
      for (const [index, opcode] of [TEXT_FRAME, BINARY].entries()) {
        const { program, server } = await openWebSocket(pipeline);
        await program.sendFrame("not allowed", opcode);
        assert.deepEqual(await program.rest(), [closed(1008, row.want)]);
        assert.deepEqual(await server.rest(), [closed(1001)]);
        const outcomes = outcomesOf(pipeline.events).slice(2 * index);
        assert.deepEqual(outcomes, ["GET allowed", `WEBSOCKET_TEXT denied ${row.want}`]);
        program.stream.close();
      }
      assert.doesNotMatch(JSON.stringify(pipeline.events), /not allowed/);
    }),
);

Deno.test("relayWebSocket() judges by the query of the upgrade", () => {
  const byRoom = { ...TEXT, query: [{ key: "room", value: ["open"] }] };
  return withPipeline(
    { rules: webSocketRules({ allow: [UPGRADE, byRoom] }) },
    async (pipeline) => {
      const open = await openWebSocket(pipeline, { target: "/ws?room=open" });
      await open.program.sendFrame("a");
      assert.deepEqual(await open.server.next(), { kind: "text", text: "a" });
      open.program.stream.close();
      const other = await openWebSocket(pipeline, { target: "/ws?room=other" });
      await other.program.sendFrame("a");
      assert.deepEqual(await other.program.rest(), [closed(1008, "request_not_allowed")]);
      other.program.stream.close();
    },
  );
});

Deno.test("relayWebSocket() lets through what audit mode only records", () =>
  withSocket(
    { rules: webSocketRules({ allow: [UPGRADE], enforcement: "audit" }) },
    async ({ program, server }, pipeline) => {
      await program.sendFrame("seen");
      assert.deepEqual(await server.next(), { kind: "text", text: "seen" });
      assert.deepEqual(outcomesOf(pipeline.events), [
        "GET allowed",
        "WEBSOCKET_TEXT audited request_not_allowed",
      ]);
    },
  ));

Deno.test("relayWebSocket() counts what was let through, and says how it ended", () =>
  withSocket({}, async ({ program, server }, pipeline) => {
    await program.sendFrame("one");
    await program.sendFrame("two", TEXT_FRAME, false);
    await program.sendFrame("", MORE);
    await program.sendFrame("three", BINARY);
    for (let left = 3; left > 0; left -= 1) await server.next();
    await server.sendFrame("four");
    await program.next();
    await program.sendFrame(encodeClose(3001, ""), CLOSE);
    await server.next();
    await server.sendFrame(encodeClose(1000, ""), CLOSE);
    await program.rest();
    await pipeline.proxy.close();
    const last = pipeline.events.at(-1);
    assert.ok(last?.kind === "websocket");
    assert.deepEqual(last.messages, { texts: 2, binaries: 1, fromServer: 1 });
    assert.deepEqual([last.code, last.path, last.rule], [3001, "/ws", "rule"]);
  }));

const UNMASKED = encodeFrame(new Uint8Array(1), { opcode: 1, isFinal: true, isMasked: false });

Deno.test.each([
  { name: "does not mask", bytes: UNMASKED, code: 1002, want: "invalid_request" },
  {
    name: "sets a reserved bit",
    bytes: Uint8Array.of(0xc1, 0x80),
    code: 1002,
    want: "invalid_request",
  },
  {
    name: "announces too much text",
    bytes: Uint8Array.of(0x81, 0xff, 0, 0, 0, 0, 0, 0x40, 0, 1, 1, 2, 3, 4),
    code: 1009,
    want: "request_too_large",
  },
  {
    name: "announces too large a binary message",
    bytes: Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 1, 1, 2, 3, 4),
    code: 1009,
    want: "request_too_large",
  },
  {
    name: "sends text that is no UTF-8",
    bytes: encodeFrame(Uint8Array.of(0xff), { opcode: 1, isFinal: true, isMasked: true }),
    code: 1007,
    want: "invalid_request",
  },
])(
  "relayWebSocket() ends where a program $name",
  ({ bytes, code, want }) =>
    withSocket({}, async ({ program, server }, pipeline) => {
      await program.sendFrame("before");
      await send(program.stream, bytes);
      await program.sendFrame("after").catch(() => {});
      assert.deepEqual(await program.rest(), [closed(code, want)]);
      assert.deepEqual(await server.rest(), [{ kind: "text", text: "before" }, closed(1001)]);
      assert.deepEqual(outcomesOf(pipeline.events).slice(1), [`WEBSOCKET_TEXT denied ${want}`]);
    }),
);

Deno.test.each([
  {
    name: "masks",
    bytes: encodeFrame(new Uint8Array(1), { opcode: 1, isFinal: true, isMasked: true }),
  },
  { name: "uses an extension", bytes: Uint8Array.of(0xc1, 0x00) },
  { name: "closes with a code that means none", bytes: Uint8Array.of(0x88, 2, 3, 0xee) },
])(
  "relayWebSocket() ends where a server $name",
  ({ bytes }) =>
    withSocket({}, async ({ program, server }) => {
      await send(server.stream, bytes);
      assert.deepEqual(await program.rest(), [closed(1002, "invalid_server_frame")]);
      assert.deepEqual(await server.rest(), [closed(1001)]);
    }),
);

Deno.test("relayWebSocket() takes nothing after a close", () =>
  withSocket({}, async ({ program, server }, pipeline) => {
    const options = { isFinal: true, isMasked: true };
    const bytes = [
      ...encodeFrame(encodeClose(1000, ""), { ...options, opcode: CLOSE }),
      ...encodeFrame(new TextEncoder().encode("with it"), { ...options, opcode: TEXT_FRAME }),
      ...encodeFrame(new Uint8Array(1), { ...options, opcode: TEXT_FRAME, isMasked: false }),
    ];
    await send(program.stream, Uint8Array.from(bytes));
    await program.sendFrame("after it");
    assert.deepEqual(await server.next(), closed(1000));
    await server.sendFrame("still to say");
    assert.deepEqual(await program.next(), { kind: "text", text: "still to say" });
    await server.sendFrame(encodeClose(1000, ""), CLOSE);
    assert.deepEqual(await program.rest(), [closed(1000)]);
    assert.deepEqual(await server.rest(), []);
    assert.deepEqual(outcomesOf(pipeline.events), ["GET allowed"]);
  }));

Deno.test.each([
  { name: "program", ends: "program" as const },
  { name: "server", ends: "server" as const },
])(
  "relayWebSocket() cuts the other side off where the $name is gone",
  ({ ends }) =>
    withSocket({}, async ({ program, server }) => {
      const [gone, other] = ends === "program" ? [program, server] : [server, program];
      (gone.stream as MemoryStream).reset();
      assert.deepEqual(await other.rest(), []);
    }),
);

const relayLimits = (change: Partial<typeof RELAY_LIMITS>) => ({
  limits: { relay: { ...RELAY_LIMITS, drainMs: 20, ...change } },
});

Deno.test("relayWebSocket() ends a silence", () =>
  withSocket(relayLimits({ webSocketIdleMs: 20 }), async ({ program, server }) => {
    assert.deepEqual(await program.rest(), [closed(1001, "idle_timeout")]);
    assert.deepEqual(await server.rest(), [closed(1001)]);
  }));

Deno.test("relayWebSocket() ends a text that does not come to its end", () =>
  withSocket(relayLimits({ webSocketMessageMs: 20 }), async ({ program, server }, pipeline) => {
    await program.sendFrame("beginning", TEXT_FRAME, false);
    assert.deepEqual(await program.rest(), [closed(1008, "invalid_request")]);
    assert.deepEqual(await server.rest(), [closed(1001)]);
    assert.equal(outcomesOf(pipeline.events).length, 2);
  }));

Deno.test("relayWebSocket() cuts off a server that does not answer a close", () =>
  withSocket(relayLimits({ webSocketCloseMs: 20 }), async ({ program, server }) => {
    await program.sendFrame(encodeClose(1000, ""), CLOSE);
    assert.deepEqual(await program.rest(), []);
    assert.deepEqual(await server.rest(), [closed(1000)]);
  }));

Deno.test.each([
  { name: "that says the same", rules: webSocketRules(), credentials: CredentialSet.NONE },
  { name: "that allows nothing", rules: [], credentials: CredentialSet.NONE },
  { name: "with other credentials", rules: webSocketRules(), credentials: liveCredentials() },
])(
  "relayWebSocket() ends with a new policy $name",
  ({ rules, credentials }) =>
    withSocket({}, async ({ program, server }, pipeline) => {
      await program.sendFrame("half a mess", TEXT_FRAME, false);
      pipeline.load(policyOf(...rules), credentials);
      await program.sendFrame("age", MORE).catch(() => {});
      assert.deepEqual(await program.rest(), [closed(1012, "policy_changed")]);
      assert.deepEqual(await server.rest(), [closed(1001)]);
    }),
);

Deno.test("relayWebSocket() is cut off by a quarantine", () =>
  withSocket({}, async ({ program, server }, pipeline) => {
    pipeline.generations.quarantine("The policy is gone");
    assert.deepEqual(await program.rest(), []);
    assert.deepEqual(await server.rest(), []);
    await pipeline.proxy.close();
    const last = pipeline.events.at(-1);
    assert.equal(last?.kind === "websocket" && last.code, null);
  }));

Deno.test("relayWebSocket() ends with a policy that comes before the server's answer", () =>
  withPipeline({ rules: webSocketRules() }, async (pipeline) => {
    const opening = openWebSocket(pipeline, {
      beforeAnswer: () => pipeline.load(policyOf(...webSocketRules())),
    });
    const { program, server } = await opening;
    assert.deepEqual(await program.rest(), [closed(1012, "policy_changed")]);
    assert.deepEqual(await server.rest(), [closed(1001)]);
    program.stream.close();
  }));
