import assert from "node:assert/strict";
import { INFERENCE_BODY_BYTES_MAX } from "../../../proto/inference_limits.ts";
import {
  chatReply,
  FakeBackend,
  OPERATOR_KEY,
  RawBackend,
  routeOf,
  RouterScene,
} from "./router_fixture.ts";

const UTF8 = new TextEncoder();
const BODY = '{"model":"x"}';
const HEAD = "POST /v1/chat/completions HTTP/1.1\r\nHost: inference.local\r\n";
const WHOLE = `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`;

Deno.test.each([
  {
    name: "an unknown path",
    text: "GET /v1/files HTTP/1.1\r\nHost: inference.local\r\n\r\n",
    status: 403,
  },
  {
    name: "another method",
    text: "DELETE /v1/models/a HTTP/1.1\r\nHost: inference.local\r\n\r\n",
    status: 403,
  },
  {
    name: "a tunnel in the tunnel",
    text: "CONNECT a.example:443 HTTP/1.1\r\nHost: inference.local\r\n\r\n",
    status: 403,
  },
  {
    name: "another host",
    text:
      `POST /v1/chat/completions HTTP/1.1\r\nHost: evil.example\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
    status: 403,
  },
  {
    name: "an upgrade",
    text: `${HEAD}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    status: 403,
  },
  {
    name: "a length and chunks",
    text: `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: "two lengths",
    text: `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`,
    status: 400,
  },
  {
    name: "another coding",
    text: `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  { name: "a folded header", text: `${HEAD}X: a\r\n b\r\n\r\n`, status: 400 },
  {
    name: "bare line feeds",
    text: "POST /v1/messages HTTP/1.1\nHost: inference.local\n\n",
    status: 400,
  },
  {
    name: "extensions of chunks",
    text: `${HEAD}Transfer-Encoding: chunked\r\n\r\n1;x\r\n{\r\n`,
    status: 400,
  },
  { name: "no body", text: `${HEAD}\r\n`, status: 400 },
  {
    name: "a body where there is none",
    text: "GET /v1/models HTTP/1.1\r\nHost: inference.local\r\nContent-Length: 2\r\n\r\n{}",
    status: 400,
  },
  {
    name: "the model twice",
    text: `${HEAD}Content-Length: 25\r\n\r\n{"model":"a","model":"b"}`,
    status: 400,
  },
  {
    name: "a compressed body",
    text: `${HEAD}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x01\x02`,
    status: 400,
  },
  {
    name: "a large body",
    text: `${HEAD}Content-Length: ${INFERENCE_BODY_BYTES_MAX + 1}\r\n\r\n`,
    status: 413,
  },
])("InferenceRouter refuses $name, and nothing reaches a backend", async ({ text, status }) => {
  const backend = new FakeBackend(() => Response.json(chatReply("hi")));
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  // What follows is not read any more.
  const answer = await scene.ask(text + WHOLE);
  assert.equal(answer.split(" ")[1], String(status));
  assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1);
  assert.match(answer, /"error":\{"message"/);
  assert.match(answer, /Connection: close/);
  assert.equal(backend.seen.length, 0);
  await backend.close();
});

Deno.test("InferenceRouter refuses a body that grows beyond its bound in chunks", async () => {
  const backend = new FakeBackend(() => Response.json(chatReply("hi")));
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
    limits: { bodyBytesMax: 1_000 },
  });
  const piece = `3e8\r\n${" ".repeat(1_000)}\r\n`;
  const answer = await scene.ask(
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n${piece}${piece}0\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assert.equal(backend.seen.length, 0);
  await backend.close();
});

Deno.test("InferenceRouter ends a connection that served calls at the first that is none", async () => {
  const backend = new FakeBackend(() => Response.json(chatReply("hi")));
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  const answer = await scene.ask(
    `${WHOLE}${WHOLE}GET /admin HTTP/1.1\r\nHost: inference.local\r\n\r\n${WHOLE}`,
  );
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ["200", "200", "403"]);
  assert.equal(backend.seen.length, 2);
  await backend.close();
});

Deno.test("InferenceRouter sends nothing of a caller's framing, connection or key", async () => {
  const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  const backend = new RawBackend(async (connection) =>
    void await connection.write(UTF8.encode(answer))
  );
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  await scene.ask(
    `${HEAD}Authorization: Bearer agent\r\nauthorization: Basic b\r\nX-Api-Key: agent\r\n` +
      "Proxy-Authorization: x\r\nCookie: c=1\r\nX-Forwarded-For: 1.2.3.4\r\nAccept-Encoding: br\r\n" +
      "Connection: x-model-id, close\r\nX-Model-Id: evil\r\nTransfer-Encoding: chunked\r\n\r\n" +
      `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
  );
  const [seen = ""] = backend.seen;
  const port = new URL(backend.baseUrl).port;
  assert.deepEqual(seen.split("\r\n").slice(0, -2).sort(), [
    "Accept-Encoding: identity",
    `Authorization: Bearer ${OPERATOR_KEY}`,
    "Connection: close",
    "Content-Length: 26",
    "Content-Type: application/json",
    `Host: 127.0.0.1:${port}`,
    "POST /v1/chat/completions HTTP/1.1",
    "x-model-id: evil",
  ]);
  assert.equal(seen.endsWith('\r\n\r\n{"model":"operator-model"}'), true);
  await backend.close();
});

Deno.test.each([
  { name: "plain HTTP in the tunnel", text: WHOLE, want: /https only/ },
  { name: "what is no protocol", text: "\x00\x01\x02\x03\x04\x05", want: /^$/ },
])("InferenceRouter refuses $name", async ({ text, want }) => {
  const backend = new FakeBackend(() => Response.json(chatReply("hi")));
  await using scene = await RouterScene.open({
    fetch,
    routes: [routeOf({ baseUrl: backend.baseUrl })],
  });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: scene.proxyPort });
  const connect = "CONNECT inference.local:443 HTTP/1.1\r\nHost: inference.local:443\r\n\r\n";
  await connection.write(UTF8.encode(connect));
  await connection.read(new Uint8Array(256));
  await connection.write(UTF8.encode(text));
  await connection.closeWrite();
  const buffer = new Uint8Array(64 * 1024);
  const length = await connection.read(buffer).catch(() => null);
  assert.match(new TextDecoder().decode(buffer.subarray(0, length ?? 0)), want);
  assert.equal(backend.seen.length, 0);
  await backend.close();
});

Deno.test.each([
  { target: "inference.local:80" },
  { target: "inference.local.:8443" },
  { target: "xinference.local:443" },
])("The proxy has the policy decide about $target", async ({ target }) => {
  await using scene = await RouterScene.open({ fetch, routes: [routeOf()] });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: scene.proxyPort });
  await connection.write(UTF8.encode(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`));
  const buffer = new Uint8Array(4096);
  const length = await connection.read(buffer);
  assert.match(new TextDecoder().decode(buffer.subarray(0, length ?? 0)), /^HTTP\/1\.1 403 /);
  assert.equal(scene.events[0]?.kind, "connection");
});
