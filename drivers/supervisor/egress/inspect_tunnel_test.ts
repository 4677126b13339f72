import assert from "node:assert/strict";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { Endpoint } from "../../../policy-wasm/policy.ts";
import type { AuditEvent } from "../events/audit_event.ts";
import type { MemoryStream } from "./http1/memory_stream.ts";
import {
  clientHello,
  parseAnswer,
  type Pipeline,
  type PipelineOptions,
  PUBLIC,
  readHead,
  readText,
  send,
  withPipeline,
} from "./pipeline_fixture.ts";

const HOST = "api.example.com";
const PLACE = `${HOST}:443`;

function rulesFor(change: Partial<Endpoint> = {}) {
  return [ruleOf({ endpoints: [endpointOf(change)] })];
}

function requestsOf(events: readonly AuditEvent[]) {
  return events.flatMap((event) => event.kind === "request" ? [event] : []);
}

function connectionsOf(events: readonly AuditEvent[]) {
  return events.flatMap((event) => event.kind === "connection" ? [event] : []);
}

/** Opens a tunnel and says the hello of TLS in it. */
async function openTls(pipeline: Pipeline) {
  const tunnel = await pipeline.connect(PLACE);
  await send(tunnel.client, clientHello(HOST));
  return tunnel;
}

function get(path: string, method = "GET", host = HOST): string {
  return `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

async function answerWith(server: MemoryStream, body: string): Promise<void> {
  await send(server, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

Deno.test("inspectTunnel() lets an allowed request through TLS, in its canonical form", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client, server } = await openTls(pipeline);
    await send(client, get("/a/./b%41?q=%41"));
    assert.equal(await readHead(server), `GET /a/bA?q=%41 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await answerWith(server, "");
    assert.match(await readHead(client), /^HTTP\/1\.1 200 OK/);
    client.close();
    assert.deepEqual(pipeline.tlsHosts, { terminated: [HOST], connected: [HOST] });
    const [connection, request] = pipeline.events;
    assert.ok(connection?.kind === "connection" && request?.kind === "request");
    assert.equal(connection.handling, "tls_inspected");
    assert.deepEqual([request.method, request.path, request.scheme], ["GET", "/a/bA", "https"]);
    assert.deepEqual(request.destination, { host: HOST, port: 443, address: PUBLIC });
    assert.deepEqual(request.outcome, { kind: "allowed", rule: "rule" });
    assert.equal(pipeline.events.length, 2);
  }));

Deno.test.each([{ kind: "connection" }, { kind: "request" }] as const)(
  "inspectTunnel() sends nothing of a $kind that cannot be recorded",
  async ({ kind }) => {
    const errors: string[] = [];
    await withPipeline({
      rules: rulesFor(),
      cannotRecord: (event) => event.kind === kind,
      onError: (error) => void errors.push((error as Error).name),
    }, async (pipeline) => {
      const { client, server } = await openTls(pipeline);
      await send(client, get("/x")).catch(() => {});
      assert.equal(await readText(server), "");
      assert.equal(await readText(client), "");
      client.close();
    });
    assert.deepEqual(errors, ["EventLogError"]);
  },
);

Deno.test("inspectTunnel() takes a hello without a server name", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client, server } = await pipeline.connect(PLACE);
    await send(client, clientHello(null));
    await send(client, get("/x"));
    assert.match(await readHead(server), /^GET \/x /);
    client.close();
    assert.equal(connectionsOf(pipeline.events)[0]?.handling, "tls_inspected");
  }));

Deno.test("inspectTunnel() judges plain requests too", () =>
  withPipeline({ rules: rulesFor({ ports: [8080] }) }, async (pipeline) => {
    const { client, server } = await pipeline.connect(`${HOST}:8080`);
    await send(client, get("/x", "GET", `${HOST}:8080`));
    assert.match(await readHead(server), /^GET \/x /);
    await answerWith(server, "");
    assert.match(await readHead(client), / 200 /);
    client.close();
    assert.equal(connectionsOf(pipeline.events)[0]?.handling, "plain_inspected");
    assert.deepEqual(pipeline.tlsHosts, { terminated: [], connected: [] });
  }));

Deno.test("inspectTunnel() answers a refused request in the tunnel, and sends nothing", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client, server } = await openTls(pipeline);
    await send(client, get("/x?token=secret", "POST"));
    const { status, headers, body } = parseAnswer(await readText(client));
    client.close();
    assert.equal(status, 403);
    assert.match(headers, /X-OpenShell-Policy: rule\r\n/);
    assert.match(headers, /Connection: close/);
    const place = { method: "POST", path: "/x", host: HOST, port: 443, binary: "/usr/bin/curl" };
    const { next_steps: steps, ...told } = JSON.parse(body);
    assert.deepEqual(told, {
      error: "policy_denied",
      policy: "rule",
      rule: "POST /x",
      detail: "POST /x: No allow rule of the policy matches this request",
      reason: "request_not_allowed",
      layer: "l7",
      protocol: "rest",
      ...place,
      rule_missing: { type: "rest_allow", layer: "l7", ...place },
    });
    assert.match(steps.join("\n"), /Ask for an allow rule "POST \/x"/);
    assert.equal(await readText(server), "");
    assert.doesNotMatch(JSON.stringify(pipeline.events), /secret/);
  }));

interface Refusal extends PipelineOptions {
  readonly name: string;
  readonly request: string;
  readonly want: string;
  readonly error?: string;
  readonly status?: number;
  readonly hasNoBody?: boolean;
}

const DENY = [httpRuleOf({ path: "/secret" })];

const REFUSALS: readonly Refusal[] = [
  {
    name: "a denied path",
    rules: rulesFor({ deny: DENY }),
    request: get("/secret"),
    want: "denied_by_rule",
  },
  {
    name: "a path out of scope",
    rules: rulesFor({ path: "/v1/**" }),
    request: get("/"),
    want: "path_not_in_scope",
  },
  { name: "an encoded slash", request: get("/a%2fb"), want: "invalid_path" },
  { name: "a query that cannot be decoded", request: get("/?a=%zz"), want: "invalid_query" },
  {
    name: "the name of a message as method",
    request: get("/", "WEBSOCKET_TEXT"),
    want: "invalid_method",
  },
  {
    name: "another host",
    request: get("/", "GET", "evil.example.com"),
    want: "request_authority_mismatch",
    error: "request_authority_mismatch",
  },
  {
    name: "another port",
    request: get("/", "GET", `${HOST}:444`),
    want: "request_authority_mismatch",
    error: "request_authority_mismatch",
  },
  {
    name: "another host in an absolute target",
    request: `GET https://evil.example.com/ HTTP/1.1\r\nHost: evil.example.com\r\n\r\n`,
    want: "request_authority_mismatch",
    error: "request_authority_mismatch",
  },
  {
    name: "GraphQL that nothing reads yet",
    rules: rulesFor({ protocol: "graphql", allow: [] }),
    request: get("/"),
    want: "graphql_invalid",
  },
  {
    name: "a server that TLS does not trust",
    request: get("/"),
    failsTls: true,
    want: "upstream_tls_failed",
    error: "upstream_tls_failed",
    status: 502,
  },
  {
    name: "an upgrade",
    request: `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    want: "unsupported_protocol",
    error: "unsupported_protocol",
    status: 426,
  },
  {
    name: "a malformed request",
    request:
      `GET / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    want: "invalid_request",
    status: 400,
    hasNoBody: true,
  },
  {
    name: "a header that asks for another method",
    request: `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-HTTP-Method-Override: DELETE\r\n\r\n`,
    want: "invalid_request",
    error: "invalid_request",
    status: 400,
  },
  {
    name: "a header that asks for another path",
    request: `GET / HTTP/1.1\r\nHost: ${HOST}\r\nx-original-url: /admin\r\n\r\n`,
    want: "invalid_request",
    error: "invalid_request",
    status: 400,
  },
  {
    name: "a head that is too large",
    request: `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
    want: "request_too_large",
    status: 431,
    hasNoBody: true,
  },
];

Deno.test.each([...REFUSALS])("inspectTunnel() refuses $name", async (refusal) => {
  const { request, want, error = "policy_denied", status = 403, hasNoBody = false } = refusal;
  await withPipeline({ rules: rulesFor(), ...refusal }, async (pipeline) => {
    const { client, server } = await openTls(pipeline);
    await send(client, request);
    const answer = parseAnswer(await readText(client));
    client.close();
    assert.equal(answer.status, status);
    if (!hasNoBody) assert.equal(JSON.parse(answer.body).error, error);
    assert.equal(await readText(server), "");
    const [event, ...others] = requestsOf(pipeline.events);
    assert.equal(event?.outcome.kind === "denied" && event.outcome.reason, want);
    assert.deepEqual(others, []);
    assert.equal(connectionsOf(pipeline.events).length, 1);
  });
});

Deno.test("inspectTunnel() lets through what audit mode only records", () =>
  withPipeline({ rules: rulesFor({ enforcement: "audit" }) }, async (pipeline) => {
    const { client, server } = await openTls(pipeline);
    await send(client, get("/x", "DELETE"));
    assert.match(await readHead(server), /^DELETE \/x /);
    client.close();
    assert.deepEqual(requestsOf(pipeline.events)[0]?.outcome, {
      kind: "audited",
      rule: "rule",
      reason: "request_not_allowed",
    });
  }));

Deno.test.each([
  { name: "HTTP/2 in plain", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", answers: true },
  { name: "another protocol", bytes: "SSH-2.0-x\r\n".toLowerCase(), answers: true },
  { name: "malformed TLS", bytes: "\x16\x03\x01\x00\x00", answers: false },
])("inspectTunnel() refuses $name", async ({ bytes, answers }) => {
  await withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client, server } = await pipeline.connect(PLACE);
    await send(client, bytes);
    const text = await readText(client);
    client.close();
    assert.equal(
      text !== "" && JSON.parse(parseAnswer(text).body).error,
      answers && "unsupported_protocol",
    );
    assert.equal(await readText(server), "");
    const [event] = connectionsOf(pipeline.events);
    assert.equal(event?.outcome.kind === "denied" && event.outcome.reason, "unsupported_protocol");
    assert.equal(pipeline.events.length, 1);
  });
});

Deno.test("inspectTunnel() refuses TLS for another host, with an alert", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client, server } = await pipeline.connect(PLACE);
    await send(client, clientHello("evil.example.com"));
    assert.equal(await readText(client), "\x15\x03\x03\x00\x02\x02\x70");
    client.close();
    assert.equal(await readText(server), "");
    const [event] = connectionsOf(pipeline.events);
    assert.equal(event?.outcome.kind === "denied" && event.outcome.reason, "server_name_mismatch");
    assert.equal(pipeline.events.length, 1);
    assert.deepEqual(pipeline.tlsHosts.terminated, []);
  }));

Deno.test.each([
  { name: "ends without a word", end: (client: MemoryStream) => client.closeWrite() },
  { name: "says nothing in time", end: () => Promise.resolve() },
])("inspectTunnel() records a program that $name", async ({ end }) => {
  await withPipeline({ rules: rulesFor(), limits: { protocolMs: 20 } }, async (pipeline) => {
    const { client, server } = await pipeline.connect(PLACE);
    await end(client);
    assert.equal(await readText(client), "");
    assert.equal(await readText(server), "");
    client.close();
    const [event] = connectionsOf(pipeline.events);
    assert.deepEqual([event?.outcome.kind, event?.handling], ["allowed", null]);
    assert.equal(pipeline.events.length, 1);
  });
});

Deno.test("inspectTunnel() judges each request by the policy that is in force then", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client, server } = await openTls(pipeline);
    await send(client, get("/1"));
    await readHead(server);
    await answerWith(server, "one");
    assert.match(await readHead(client), / 200 /);
    assert.equal(await client.read(new Uint8Array(10)), 3);
    pipeline.load(policyOf(...rulesFor({ deny: [httpRuleOf({ path: "/2" })] })));
    await send(client, get("/2"));
    assert.equal(JSON.parse(parseAnswer(await readText(client)).body).reason, "denied_by_rule");
    client.close();
    const [first, second] = requestsOf(pipeline.events);
    assert.notEqual(first?.generation, second?.generation);
  }));

Deno.test.each([
  { name: "its request is refused", rules: rulesFor({ deny: [httpRuleOf({ path: "/long" })] }) },
  { name: "its connection is refused", rules: rulesFor({ ports: [444] }) },
  { name: "it is not to be read any more", rules: rulesFor({ protocol: "l4", allow: [] }) },
])("inspectTunnel() ends a response under way when $name", async ({ rules }) => {
  await withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client, server } = await openTls(pipeline);
    await send(client, get("/long"));
    await readHead(server);
    await send(server, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
    await readHead(client);
    pipeline.load(policyOf(...rules));
    assert.ok((await readText(client)).length < 100);
    assert.equal(await readText(server), "");
    client.close();
  });
});

Deno.test("inspectTunnel() records a policy that comes before the first byte", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client } = await pipeline.connect(PLACE);
    pipeline.load(policyOf());
    assert.equal(await readText(client), "");
    client.close();
    await pipeline.proxy.close();
    const [event] = connectionsOf(pipeline.events);
    assert.equal(event?.outcome.kind === "denied" && event.outcome.reason, "policy_changed");
    assert.equal(pipeline.events.length, 1);
  }));

Deno.test("inspectTunnel() records TLS that the program does not complete", () =>
  withPipeline({ rules: rulesFor(), failsTermination: true }, async (pipeline) => {
    const { client, server } = await openTls(pipeline);
    assert.equal(await readText(client), "");
    assert.equal(await readText(server), "");
    client.close();
    const [event] = connectionsOf(pipeline.events);
    const reason = event?.outcome.kind === "denied" && event.outcome.reason;
    assert.equal(reason, "tls_termination_unavailable");
    assert.equal(pipeline.events.length, 1);
  }));
