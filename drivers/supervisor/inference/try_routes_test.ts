import assert from "node:assert/strict";
import { SandboxAuthority } from "../egress/tls/sandbox_authority.ts";
import {
  chatReply,
  FakeBackend,
  OPERATOR_KEY,
  RawBackend,
  routeOf,
  RouterScene,
} from "./router_fixture.ts";

const CHAT = "/v1/chat/completions";
const ASK = { model: "x", messages: [] };
const UTF8 = new TextEncoder();

Deno.test.each([
  { status: 429, isPassedOver: true },
  { status: 500, isPassedOver: true },
  { status: 503, isPassedOver: true },
  { status: 400, isPassedOver: false },
  { status: 401, isPassedOver: false },
  { status: 404, isPassedOver: false },
])(
  "InferenceRouter after $status asks the next route: $isPassedOver",
  async ({ status, isPassedOver }) => {
    const first = new FakeBackend(() => Response.json({ error: "no" }, { status }));
    const second = new FakeBackend(() => Response.json(chatReply("second")));
    await using scene = await RouterScene.open({
      fetch,
      routes: [
        routeOf({ name: "b", baseUrl: second.baseUrl, priority: 1, modelId: "second-model" }),
        routeOf({ name: "a", baseUrl: first.baseUrl }),
      ],
    });
    const response = await scene.fetch(CHAT, ASK);
    assert.equal(response.status, isPassedOver ? 200 : status);
    await response.text();
    const [call] = await scene.calls(1);
    assert.equal(call?.attempts, isPassedOver ? 2 : 1);
    assert.equal(call?.route, isPassedOver ? "b" : "a");
    assert.equal(second.seen.length, isPassedOver ? 1 : 0);
    if (isPassedOver) assert.equal(JSON.parse(second.seen[0]!.body).model, "second-model");
    await Promise.all([first.close(), second.close()]);
  },
);

Deno.test.each([
  { name: "closes at once", answer: "" },
  { name: "speaks no HTTP", answer: "SSH-2.0-x\r\n\r\n" },
  {
    name: "answers with two lengths",
    answer: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
  },
  { name: "switches protocols", answer: "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" },
])("InferenceRouter asks the next route where the first $name", async ({ answer }) => {
  const first = new RawBackend(async (connection) =>
    void await connection.write(UTF8.encode(answer))
  );
  const second = new FakeBackend(() => Response.json(chatReply("second")));
  await using scene = await RouterScene.open({
    fetch,
    routes: [
      routeOf({ name: "a", baseUrl: first.baseUrl }),
      routeOf({ name: "b", baseUrl: second.baseUrl }),
    ],
  });
  const response = await scene.fetch(CHAT, ASK);
  assert.equal(response.status, 200);
  await response.text();
  await Promise.all([first.close(), second.close()]);
});

Deno.test("InferenceRouter passes a backend's own refusal on where nobody else answers", async () => {
  const first = new FakeBackend(() =>
    Response.json({ error: `bad key ${OPERATOR_KEY}` }, {
      status: 429,
      headers: { "retry-after": "7", "set-cookie": "s=1", "x-echo": OPERATOR_KEY },
    })
  );
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ name: "a", baseUrl: first.baseUrl }), routeOf({ name: "b" })],
  });
  const response = await scene.fetch(CHAT, ASK);
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("retry-after"), "7");
  assert.equal(response.headers.get("set-cookie"), null);
  assert.equal(response.headers.get("x-echo"), null);
  assert.deepEqual(await response.json(), { error: "bad key [REDACTED]" });
  const [call] = await scene.calls(1);
  assert.equal(call?.problem, "upstream_status");
  assert.equal(call?.tokens, null);
  await first.close();
});

Deno.test.each([
  { name: "nothing listens", baseUrl: "http://127.0.0.1:1/v1" },
  { name: "its host has no address", baseUrl: "http://nowhere.example/v1" },
])("InferenceRouter answers 503 where $name", async ({ baseUrl }) => {
  await using scene = await RouterScene.open({ fetch, routes: [routeOf({ baseUrl })] });
  const response = await scene.fetch(CHAT, ASK);
  assert.equal(response.status, 503);
  const { error } = await response.json();
  assert.equal(error.code, "upstream_unreachable");
  const [call] = await scene.calls(1);
  assert.equal(call?.problem, "upstream_unreachable");
  assert.equal(scene.ledger.used, 0);
});

Deno.test("InferenceRouter gives up a reply that takes longer than its route allows", async () => {
  const done = Promise.withResolvers<void>();
  const backend = new RawBackend(async () => await done.promise);
  const route = routeOf({ baseUrl: backend.baseUrl, timeoutSecs: 1n });
  await using scene = await RouterScene.open({ fetch, routes: [route] });
  const response = await scene.fetch("/v1/embeddings", { model: "x", input: "a" });
  assert.equal(response.status, 503);
  assert.equal((await response.json()).error.code, "upstream_timeout");
  done.resolve();
  await backend.close();
});

Deno.test("InferenceRouter passes embeddings and models on as a whole", async () => {
  const backend = new FakeBackend(({ method }) =>
    method === "GET"
      ? Response.json({ data: [{ id: "operator-model" }] })
      : Response.json({ data: [], usage: { prompt_tokens: 8, total_tokens: 8 } })
  );
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  const models = await scene.fetch("/v1/models");
  assert.deepEqual(await models.json(), { data: [{ id: "operator-model" }] });
  const embeddings = await scene.fetch("/v1/embeddings", { model: "x", input: "a" });
  assert.equal(embeddings.headers.get("transfer-encoding"), null);
  await embeddings.text();
  const calls = await scene.calls(2);
  assert.deepEqual(calls.map(({ tokens }) => tokens?.input ?? null), [null, 8]);
  assert.equal(scene.ledger.used, 8);
  await backend.close();
});

Deno.test("InferenceRouter refuses a call over the budget, and says why", async () => {
  const backend = new FakeBackend(() => Response.json(chatReply("hi", [60, 50])));
  const routes = [routeOf({ baseUrl: backend.baseUrl })];
  await using scene = await RouterScene.open({ fetch, routes, tokenBudget: 100n });
  await (await scene.fetch(CHAT, ASK)).text();
  const response = await scene.fetch(CHAT, ASK);
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("x-should-retry"), "false");
  assert.equal((await response.json()).error.code, "token_budget_exceeded");
  assert.equal(backend.seen.length, 1);
  assert.equal(scene.ledger.used, 110);
  scene.load(routes, 1_000n);
  assert.equal((await (await scene.fetch(CHAT, ASK)).json()).usage.total_tokens, 110);
  await backend.close();
});

Deno.test("InferenceRouter answers 400 where no route serves the model, 503 without any", async () => {
  await using scene = await RouterScene.open({ fetch });
  const none = await scene.fetch(CHAT, ASK);
  assert.equal(none.status, 503);
  assert.match((await none.json()).error.hint, /openshell inference set/);
  scene.load([routeOf({ models: ["a"] })]);
  const other = await scene.fetch(CHAT, { ...ASK, model: "b" });
  assert.equal(other.status, 400);
  assert.equal((await other.json()).error.code, "no_compatible_route");
});

Deno.test("InferenceRouter has a call wait for the sandbox's first routes", async () => {
  const backend = new FakeBackend(() => Response.json(chatReply("hi")));
  await using scene = await RouterScene.open({ fetch, limits: { firstRoutesMs: 30_000 } });
  const asked = scene.fetch(CHAT, ASK);
  scene.load([routeOf({ baseUrl: backend.baseUrl })]);
  assert.equal((await (await asked).json()).id, "chatcmpl-1");
  await backend.close();
});

Deno.test.each([
  { name: "trusts", host: "model.example", isTrusted: true },
  { name: "does not trust another authority's", host: "model.example", isTrusted: false },
  { name: "does not trust for another name", host: "other.example", isTrusted: true },
])("InferenceRouter $name certificate of a backend", async ({ name, host, isTrusted }) => {
  const authority = await SandboxAuthority.create();
  const { certPem, keyPem } = await authority.leafFor("model.example");
  const backend = new FakeBackend(() => Response.json(chatReply("hi")), {
    cert: certPem,
    key: keyPem,
  });
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: `https://${host}:${backend.port}/v1` })],
    hosts: { [host]: "127.0.0.1" },
    ...isTrusted ? { backendCa: authority.caPem } : {},
  });
  const response = await scene.fetch(CHAT, ASK);
  assert.equal(response.status, name === "trusts" ? 200 : 503);
  await response.text();
  assert.deepEqual(scene.dialled, [`127.0.0.1:${backend.port}`]);
  assert.equal(backend.seen.length, name === "trusts" ? 1 : 0);
  await backend.close();
});

Deno.test("InferenceRouter reaches this machine by the name that stands for it", async () => {
  const backend = new FakeBackend(() => Response.json(chatReply("hi")));
  const baseUrl = `http://host.openshell.internal:${backend.port}/v1`;
  await using scene = await RouterScene.open({ fetch, routes: [routeOf({ baseUrl })] });
  assert.equal((await (await scene.fetch(CHAT, ASK)).json()).id, "chatcmpl-1");
  assert.equal(backend.seen[0]?.headers["host"], `host.openshell.internal:${backend.port}`);
  await backend.close();
});
