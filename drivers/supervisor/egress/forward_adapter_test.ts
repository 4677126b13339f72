import assert from "node:assert/strict";
import { endpointOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { Endpoint } from "../../../policy-wasm/policy.ts";
import { parseAbsoluteTarget } from "./forward_adapter.ts";
import {
  parseAnswer,
  type PipelineOptions,
  PUBLIC,
  readHead,
  readText,
  send,
  withPipeline,
} from "./pipeline_fixture.ts";

const HOST = "api.example.com";

function rulesFor(change: Partial<Endpoint> = {}) {
  return [ruleOf({ endpoints: [endpointOf({ ports: [80, 8080], ...change })] })];
}

function request(target: string, method = "GET", more = ""): string {
  return `${method} ${target} HTTP/1.1\r\nHost: ${HOST}\r\n${more}\r\n`;
}

Deno.test.each([
  { name: "an inspected request", rules: rulesFor(), handling: "plain_inspected" },
  {
    name: "one that no rule reads",
    rules: rulesFor({ protocol: "l4", allow: [] }),
    handling: "opaque",
  },
])("handleForward() relays $name, once", async ({ rules, handling }) => {
  await withPipeline({ rules }, async (pipeline) => {
    const client = pipeline.open();
    const dialled = pipeline.nextServer();
    const more = "Proxy-Authorization: Basic eDp5\r\nProxy-Connection: keep-alive\r\n";
    await send(client, request(`http://${HOST}/a/./b?q=1`, "GET", more) + request("http://x/"));
    const server = await dialled;
    assert.equal(
      await readHead(server),
      `GET /a/b?q=1 HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`,
    );
    await send(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const answer = parseAnswer(await readText(client));
    assert.deepEqual([answer.status, answer.body], [200, "ok"]);
    assert.match(answer.headers, /Connection: close/);
    client.close();
    assert.equal(await readText(server), "");
    assert.deepEqual(pipeline.dialled, [{ addresses: [PUBLIC], port: 80 }]);
    const [connection, judged, ...others] = pipeline.events;
    assert.equal(connection?.kind === "connection" && connection.handling, handling);
    assert.equal(judged?.kind === "request" && judged.path, "/a/b");
    assert.deepEqual(others, []);
  });
});

interface Refusal extends PipelineOptions {
  readonly name: string;
  readonly text: string;
  readonly status?: number;
  /** Reasons of the denied events. */
  readonly want: readonly string[];
  readonly layer?: string;
  readonly dials?: boolean;
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "another host",
    text: "GET http://x.org/ HTTP/1.1\r\nHost: x.org\r\n\r\n",
    want: ["host_not_allowed"],
    layer: "l4",
  },
  {
    name: "another port",
    text: request(`http://${HOST}:81/`).replace(`Host: ${HOST}`, `Host: ${HOST}:81`),
    want: ["port_not_allowed"],
    layer: "l4",
  },
  {
    name: "another method",
    text: request(`http://${HOST}/`, "POST"),
    want: ["request_not_allowed"],
    layer: "l7",
  },
  {
    name: "an encoded slash",
    text: request(`http://${HOST}/a%2fb`),
    want: ["invalid_path"],
    layer: "l7",
  },
  {
    name: "an upgrade",
    text: request(`http://${HOST}/`, "GET", "Connection: upgrade\r\nUpgrade: websocket\r\n"),
    want: ["unsupported_protocol"],
    layer: "l7",
  },
  {
    name: "a host that cannot be dialled",
    text: request(`http://${HOST}/`),
    onDial: () => false,
    status: 502,
    want: ["upstream_unreachable"],
    layer: "l4",
    dials: true,
  },
  {
    name: "what a policy forbids that comes meanwhile",
    text: request(`http://${HOST}/`),
    onDial: (pipeline) => {
      pipeline.load(policyOf());
      return true;
    },
    want: ["policy_changed"],
    layer: "l4",
    dials: true,
  },
];

Deno.test.each([...REFUSALS])("handleForward() refuses $name", async (refusal) => {
  const { text, status = 403, want, layer, dials = false } = refusal;
  await withPipeline({ rules: rulesFor(), ...refusal }, async (pipeline) => {
    const answer = await pipeline.ask(text);
    assert.equal(answer.status, status);
    const body = JSON.parse(answer.body);
    assert.deepEqual([body.reason, body.layer], [want[0], layer]);
    const reasons = pipeline.events.flatMap((event) =>
      "outcome" in event && event.outcome.kind === "denied" ? [event.outcome.reason] : []
    );
    assert.deepEqual(reasons, want);
    assert.equal(pipeline.events.length, layer === "l7" ? 2 : 1);
    assert.equal(pipeline.dialled.length > 0, dials);
  });
});

Deno.test("handleForward() tells to use CONNECT for https", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const answer = await pipeline.ask(request(`https://${HOST}/`));
    assert.equal(answer.status, 400);
    assert.match(answer.headers, /Content-Type: text\/plain/);
    assert.match(answer.body, /^Use CONNECT/);
    assert.deepEqual(pipeline.events.map(({ kind }) => kind), ["finding"]);
  }));

Deno.test.each([
  { name: "a path", text: request("/"), error: "invalid_request" },
  { name: "everything", text: request("*", "OPTIONS"), error: "invalid_request" },
  { name: "another scheme", text: request("ftp://x.org/"), error: "unsupported_proxy_scheme" },
  { name: "a user", text: request(`http://u:p@${HOST}/`), error: null },
  { name: "another Host", text: request("http://x.org/"), error: null },
])("handleForward() does not understand $name", async ({ text, error }) => {
  await withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const answer = await pipeline.ask(text);
    assert.equal(answer.status, 400);
    assert.equal(answer.body === "" ? null : JSON.parse(answer.body).error, error);
    const [finding, ...others] = pipeline.events;
    assert.equal(finding?.kind === "finding" && finding.uid, "malformed-request");
    assert.deepEqual([others, pipeline.dialled], [[], []]);
  });
});

Deno.test("handleForward() ends a response that a new policy forbids", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const client = pipeline.open();
    const dialled = pipeline.nextServer();
    await send(client, request(`http://${HOST}/long`));
    const server = await dialled;
    await readHead(server);
    await send(server, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
    await readHead(client);
    pipeline.load(policyOf());
    assert.ok((await readText(client)).length < 100);
    assert.equal(await readText(server), "");
    client.close();
  }));

Deno.test.each([
  { target: "http://a.example", want: { host: "a.example", port: 80 } },
  { target: "HTTP://A.example:8080/x", want: { host: "A.example", port: 8080 } },
  { target: "http://[::1]?q", want: { host: "[::1]", port: 80 } },
  { target: "http://a.example:0/", want: 400 },
  { target: "http://a.example:70000/", want: 400 },
  { target: "http:///x", want: 400 },
  { target: "http://user@a.example/", want: 400 },
  { target: "http://a.example#x", want: 400 },
])("parseAbsoluteTarget() reads $target", ({ target, want }) => {
  const place = parseAbsoluteTarget(target);
  assert.deepEqual("status" in place ? place.status : place, want);
});
