import assert from "node:assert/strict";
import { eventStream, FakeBackend, RawBackend, routeOf, RouterScene } from "./router_fixture.ts";

const CHAT = "/v1/chat/completions";
const ASK = { model: "x", stream: true, messages: [] };
const UTF8 = new TextEncoder();
const SSE_HEAD =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const DELTA = { choices: [{ index: 0, delta: { content: "a" } }], usage: null };
const USAGE = { choices: [], usage: { prompt_tokens: 11, completion_tokens: 5 } };

function chunk(text: string): Uint8Array {
  return UTF8.encode(`${UTF8.encode(text).length.toString(16)}\r\n${text}\r\n`);
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

Deno.test("InferenceRouter passes each event on before the next one is there", async () => {
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const [index, { promise }] of gates.entries()) {
        await promise;
        controller.enqueue(UTF8.encode(event({ index })));
      }
      controller.close();
    },
  });
  const headers = { "content-type": "text/event-stream" };
  const backend = new FakeBackend(() => new Response(body, { headers }));
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  const asked = scene.fetch(CHAT, ASK);
  const decoder = new TextDecoder();
  gates[0]!.resolve();
  const reader = (await asked).body!.getReader();
  for (const [index, { resolve }] of gates.entries()) {
    resolve();
    const { value } = await reader.read();
    assert.equal(decoder.decode(value), event({ index }));
  }
  assert.equal((await reader.read()).done, true);
  await backend.close();
});

Deno.test.each([
  { name: "that the program has not asked for", own: undefined, events: [DELTA] },
  { name: "that it has", own: { include_usage: true }, events: [DELTA, USAGE] },
])("InferenceRouter counts the tokens of a stream $name", async ({ own, events }) => {
  const backend = new FakeBackend(() => eventStream(DELTA, USAGE));
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  const response = await scene.fetch(
    CHAT,
    own === undefined ? ASK : { ...ASK, stream_options: own },
  );
  const want = events.map(event).join("") + "data: [DONE]\n\n";
  assert.equal(await response.text(), want);
  const sent = JSON.parse(backend.seen[0]?.body ?? "");
  assert.deepEqual(sent.stream_options, { include_usage: true });
  const [call] = await scene.calls(1);
  assert.deepEqual(call?.tokens, { input: 11, output: 5, isEstimated: false });
  await backend.close();
});

Deno.test("InferenceRouter does without counts where a backend does not know the option", async () => {
  const backend = new FakeBackend(({ body }) =>
    body.includes("stream_options")
      ? Response.json({ error: "unknown field stream_options" }, { status: 400 })
      : eventStream(DELTA)
  );
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  const response = await scene.fetch(CHAT, ASK);
  assert.equal(response.status, 200);
  assert.equal(await response.text(), `${event(DELTA)}data: [DONE]\n\n`);
  const [call] = await scene.calls(1);
  assert.equal(call?.tokens?.isEstimated, true);
  await backend.close();
});

Deno.test.each([
  { path: CHAT, protocol: "openai_chat_completions", type: "openai", want: /^data: \{"error"/m },
  {
    path: "/v1/messages",
    protocol: "anthropic_messages",
    type: "anthropic",
    want: /^event: error\ndata: \{"type":"error"/m,
  },
])("InferenceRouter ends a broken stream of $type with an event", async (given) => {
  const backend = new RawBackend(async (connection) => {
    await connection.write(UTF8.encode(SSE_HEAD));
    await connection.write(chunk(`${event(DELTA)}data: {"cho`));
  });
  const { path, protocol, type, want } = given;
  const route = routeOf({ baseUrl: backend.baseUrl, providerType: type, protocols: [protocol] });
  await using scene = await RouterScene.open({ fetch, routes: [route] });
  const text = await (await scene.fetch(path, ASK)).text();
  assert.match(text, want);
  assert.match(text, /proxy_stream_error/);
  assert.equal(text.startsWith(event(DELTA)), true);
  const [call] = await scene.calls(1);
  assert.equal(call?.problem, "stream_broken");
  assert.equal(call?.tokens?.isEstimated, true);
  await backend.close();
});

Deno.test("InferenceRouter never ends a broken reply of another kind in order", async () => {
  const backend = new RawBackend(async (connection) => {
    await connection.write(UTF8.encode(
      'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":',
    ));
  });
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  // Also the head may be lost with the connection.
  await assert.rejects(scene.fetch(CHAT, { model: "x" }).then((response) => response.text()));
  const [call] = await scene.calls(1);
  assert.equal(call?.problem, "stream_broken");
  await backend.close();
});

Deno.test("InferenceRouter ends a stream that says nothing for too long", async () => {
  const done = Promise.withResolvers<void>();
  const backend = new RawBackend(async (connection) => {
    await connection.write(UTF8.encode(SSE_HEAD));
    await connection.write(chunk(event(DELTA)));
    await done.promise;
  });
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
    limits: { streamIdleMs: 300 },
  });
  assert.match(await (await scene.fetch(CHAT, ASK)).text(), /proxy_stream_error/);
  done.resolve();
  await backend.close();
});

Deno.test("InferenceRouter ends the backend's work when the program is gone, and counts it", async () => {
  const gone = Promise.withResolvers<void>();
  const backend = new RawBackend(async (connection) => {
    await connection.write(UTF8.encode(SSE_HEAD));
    await connection.write(chunk(event(DELTA)));
    // Reads until the router closes.
    await connection.read(new Uint8Array(1)).catch(() => null);
    gone.resolve();
  });
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
    tokenBudget: 1_000n,
  });
  const leaving = new AbortController();
  const response = await scene.fetch(CHAT, ASK, { signal: leaving.signal });
  const reader = response.body!.getReader();
  await reader.read();
  leaving.abort();
  await reader.read().catch(() => {});
  await gone.promise;
  const [call] = await scene.calls(1);
  assert.equal(call?.tokens?.isEstimated, true);
  assert.ok(scene.ledger.used > 0);
  await backend.close();
});

Deno.test("InferenceRouter lets a stream go on when its route is taken away", async () => {
  const more = Promise.withResolvers<void>();
  const backend = new RawBackend(async (connection) => {
    await connection.write(UTF8.encode(SSE_HEAD));
    await connection.write(chunk(event({ n: 1 })));
    await more.promise;
    await connection.write(chunk(event({ n: 2 })));
    await connection.write(UTF8.encode("0\r\n\r\n"));
  });
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  const response = await scene.fetch(CHAT, ASK);
  const reader = response.body!.getReader();
  await reader.read();
  scene.load([]);
  const refused = await scene.fetch(CHAT, ASK);
  assert.equal(refused.status, 503);
  assert.equal((await refused.json()).error.code, "not_configured");
  more.resolve();
  assert.match(new TextDecoder().decode((await reader.read()).value), /"n":2/);
  assert.equal((await reader.read()).done, true);
  await backend.close();
});

Deno.test("InferenceRouter serves messages of Anthropic with its key and version", async () => {
  const start = {
    type: "message_start",
    message: { usage: { input_tokens: 9, output_tokens: 1 } },
  };
  const delta = { type: "message_delta", usage: { output_tokens: 12 } };
  const backend = new FakeBackend(() => eventStream(start, delta));
  const protocols = ["anthropic_messages", "model_discovery"];
  const route = routeOf({ baseUrl: backend.baseUrl, providerType: "anthropic", protocols });
  await using scene = await RouterScene.open({ fetch, routes: [route] });
  const headers = { authorization: "Bearer of-the-agent", "anthropic-beta": "b1" };
  const response = await scene.fetch("/v1/messages?beta=true&x=y", ASK, { headers });
  await response.text();
  const [seen] = backend.seen;
  assert.equal(seen?.target, "/v1/messages?beta=true");
  assert.equal(seen?.headers["x-api-key"], "sk-operator-canary-4711");
  assert.equal(seen?.headers["authorization"], undefined);
  assert.equal(seen?.headers["anthropic-version"], "2023-06-01");
  assert.equal(seen?.headers["anthropic-beta"], "b1");
  assert.equal("stream_options" in JSON.parse(seen?.body ?? ""), false);
  const [call] = await scene.calls(1);
  assert.deepEqual(call?.tokens, { input: 9, output: 12, isEstimated: false });
  await backend.close();
});
