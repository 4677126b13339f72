import assert from "node:assert/strict";
import { chatReply, FakeBackend, OPERATOR_KEY, routeOf, RouterScene } from "./router_fixture.ts";

const CHAT = "/v1/chat/completions";
const HELLO = { model: "whatever", messages: [{ role: "user", content: "prompt-canary" }] };

Deno.test("InferenceRouter gives a call the operator's key and model, and keeps the caller's", async () => {
  const backend = new FakeBackend(() => Response.json(chatReply("hi")));
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  const response = await scene.fetch(CHAT, HELLO, {
    headers: {
      authorization: "Bearer sk-of-the-agent",
      "x-api-key": "sk-of-the-agent",
      cookie: "a=b",
      "x-custom": "1",
      "openai-organization": "org-1",
    },
  });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), chatReply("hi"));
  const [seen] = backend.seen;
  assert.equal(seen?.target, CHAT);
  assert.equal(seen?.headers["authorization"], `Bearer ${OPERATOR_KEY}`);
  assert.equal(seen?.headers["openai-organization"], "org-1");
  for (const name of ["x-api-key", "cookie", "x-custom"]) {
    assert.equal(seen?.headers[name], undefined);
  }
  assert.deepEqual(JSON.parse(seen?.body ?? ""), { ...HELLO, model: "operator-model" });
  const [event] = await scene.calls(1);
  assert.equal(event?.status, 200);
  assert.deepEqual(event?.tokens, { input: 7, output: 3, isEstimated: false });
  assert.equal(scene.ledger.used, 10);
  const recorded = JSON.stringify(scene.events);
  for (const secret of [OPERATOR_KEY, "prompt-canary", "sk-of"]) {
    assert.equal(recorded.includes(secret), false);
  }
  await backend.close();
});

Deno.test("InferenceRouter serves curl", async () => {
  const backend = new FakeBackend(() => Response.json(chatReply("hi")));
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  const ca = await Deno.makeTempFile();
  await Deno.writeTextFile(ca, scene.caPem);
  const { stdout, success } = await new Deno.Command("curl", {
    args: ["-sS", "-x", `http://127.0.0.1:${scene.proxyPort}`, "--cacert", ca].concat(
      ["-d", JSON.stringify(HELLO), `https://inference.local${CHAT}`],
    ),
  }).output();
  await Deno.remove(ca);
  assert.equal(success, true);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), chatReply("hi"));
  await backend.close();
});
