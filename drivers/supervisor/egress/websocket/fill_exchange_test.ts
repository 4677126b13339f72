import assert from "node:assert/strict";
import { endpointOf, httpRuleOf, ruleOf } from "../../../../policy-wasm/fixtures.ts";
import type { Endpoint } from "../../../../policy-wasm/policy.ts";
import { liveCredentials } from "../../credentials/fixture.ts";
import {
  clientHello,
  parseAnswer,
  type PipelineOptions,
  readHead,
  readText,
  send,
  withPipeline,
} from "../pipeline_fixture.ts";
import {
  ACCEPT,
  closed,
  handshake,
  HOST,
  openWebSocket,
  outcomesOf,
  Peer,
  switching,
  TEXT,
  UPGRADE,
  webSocketRules,
} from "./websocket_fixture.ts";

const PLAIN = `GET /ws HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
const ALL = { allow: [httpRuleOf({ method: "*" })] };

interface Refusal extends PipelineOptions {
  readonly name: string;
  readonly request?: string;
  readonly status: number;
  readonly want: string;
}

/** Rules of several endpoints at one place. */
function rules(...endpoints: readonly Partial<Endpoint>[]) {
  return [ruleOf({ endpoints: endpoints.map(endpointOf) })];
}

const GRAPHQL = {
  kind: "graphql",
  operationType: "query",
  operationName: null,
  fields: null,
} as const;

const REFUSALS: readonly Refusal[] = [
  {
    name: "a request that is for no WebSocket",
    request: PLAIN,
    status: 403,
    want: "GET denied websocket_required",
  },
  {
    name: "such a request in audit mode",
    rules: webSocketRules({ enforcement: "audit", allow: [] }),
    request: PLAIN,
    status: 403,
    want: "GET denied websocket_required",
  },
  {
    name: "such a request that a REST endpoint denies and audit mode would only record",
    rules: rules(
      { protocol: "websocket", allow: [UPGRADE], path: "/ws", enforcement: "audit" },
      { path: "/**", deny: [httpRuleOf({ path: "/ws" })] },
    ),
    request: PLAIN,
    status: 403,
    want: "GET denied websocket_required",
  },
  {
    name: "another method",
    request: PLAIN.replace("GET", "POST"),
    status: 403,
    want: "POST denied websocket_required",
  },
  {
    name: "an upgrade that no rule allows",
    rules: webSocketRules({ allow: [TEXT] }),
    status: 403,
    want: "GET denied request_not_allowed",
  },
  {
    name: "an upgrade that a rule denies",
    rules: webSocketRules({ deny: [UPGRADE] }),
    status: 403,
    want: "GET denied denied_by_rule",
  },
  {
    name: "an upgrade out of every path",
    rules: webSocketRules({ path: "/other/**" }),
    status: 403,
    want: "GET denied path_not_in_scope",
  },
  {
    name: "an upgrade at plain REST",
    rules: rules(ALL),
    status: 426,
    want: "- denied unsupported_protocol",
  },
  {
    name: "an upgrade at plain REST beside a WebSocket",
    rules: rules({ ...ALL, path: "/**" }, { protocol: "websocket", path: "/ws/only", ...ALL }),
    status: 426,
    want: "GET denied unsupported_protocol",
  },
  {
    name: "an upgrade where GraphQL would be judged",
    rules: webSocketRules({ allow: [UPGRADE, GRAPHQL] }),
    status: 426,
    want: "GET denied unsupported_protocol",
  },
  {
    name: "an upgrade to another protocol",
    request: handshake().replace("websocket", "h2c"),
    status: 400,
    want: "GET denied invalid_request",
  },
  {
    name: "a handshake with a body",
    request: handshake({ headers: "Content-Length: 1\r\n" }),
    status: 400,
    want: "GET denied invalid_request",
  },
  {
    name: "a handshake with another method",
    rules: webSocketRules(ALL),
    request: handshake().replace("GET", "POST"),
    status: 403,
    want: "POST denied websocket_required",
  },
  {
    name: "a handshake for another host",
    request: handshake({ host: "evil.example.com" }),
    status: 403,
    want: "GET denied request_authority_mismatch",
  },
  {
    name: "a key of its own at a host that has ours",
    credentials: liveCredentials(),
    request: handshake({ headers: "Authorization: Bearer sk-attacker\r\n" }),
    status: 403,
    want: "GET denied foreign_credential",
  },
  ...[
    "openai-insecure-api-key.sk-attacker",
    "base64url.bearer.authorization.k8s.io.abcdef",
    "a".repeat(40),
  ].map((name) => ({
    name: `a key as the subprotocol ${name}`,
    credentials: liveCredentials(),
    request: handshake({ headers: `Sec-WebSocket-Protocol: realtime, ${name}\r\n` }),
    status: 403,
    want: "GET denied foreign_credential",
  })),
];

Deno.test.each([...REFUSALS])("fillExchange() refuses $name", (refusal) => {
  const { request = handshake(), status, want } = refusal;
  return withPipeline({ rules: webSocketRules(), ...refusal }, async (pipeline) => {
    const { client, server } = await pipeline.connect(`${HOST}:443`);
    await send(client, clientHello(HOST));
    await send(client, request);
    const answer = parseAnswer(await readText(client));
    client.close();
    assert.equal(answer.status, status, answer.body);
    assert.equal(await readText(server), "");
    assert.deepEqual(outcomesOf(pipeline.events), [want]);
  });
});

Deno.test.each([
  { name: "with another hash", answers: switching("", ACCEPT.replace("s3", "S3")) },
  { name: "with an extension", answers: switching("Sec-WebSocket-Extensions: x\r\n") },
  { name: "with a subprotocol", answers: switching("Sec-WebSocket-Protocol: x\r\n") },
])(
  "fillExchange() takes no answer $name",
  ({ answers }) =>
    withPipeline({ rules: webSocketRules() }, async (pipeline) => {
      const { program, answer } = await openWebSocket(pipeline, { answers });
      assert.match(answer, /^HTTP\/1\.1 502 /);
      program.stream.close();
    }),
);

Deno.test("fillExchange() passes on a server's refusal, and ends", () =>
  withPipeline({ rules: webSocketRules() }, async (pipeline) => {
    const { client, server } = await pipeline.connect(`${HOST}:443`);
    await send(client, clientHello(HOST));
    // What is sent before the answer is no frame, and no request either.
    await send(client, handshake() + PLAIN);
    await readHead(server);
    await send(server, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
    const answer = parseAnswer(await readText(client));
    client.close();
    assert.deepEqual([answer.status, answer.body], [401, "no"]);
    assert.match(answer.headers, /Connection: close/);
    assert.equal(await readText(server), "");
    assert.deepEqual(outcomesOf(pipeline.events), ["GET allowed"]);
  }));

Deno.test("fillExchange() takes an upgrade at REST whose text is filled", () =>
  withPipeline(
    { rules: rules({ websocketCredentialRewrite: true, allow: [UPGRADE, TEXT] }) },
    async (pipeline) => {
      const { program, server } = await openWebSocket(pipeline);
      await program.sendFrame("a");
      assert.deepEqual(await server.next(), { kind: "text", text: "a" });
      program.stream.close();
    },
  ));

Deno.test("fillExchange() takes an upgrade after plain requests of the same connection", () =>
  withPipeline(
    { rules: rules({ websocketCredentialRewrite: true, allow: [UPGRADE, TEXT] }) },
    async (pipeline) => {
      const { client, server } = await pipeline.connect(`${HOST}:443`);
      await send(client, clientHello(HOST));
      await send(client, PLAIN);
      await readHead(server);
      await send(server, "HTTP/1.1 204 No Content\r\n\r\n");
      assert.match(await readHead(client), /^HTTP\/1\.1 204 /);
      await send(client, handshake());
      assert.match(await readHead(server), /\r\nUpgrade: websocket\r\n/);
      // What a server says at once belongs to the WebSocket.
      await send(server, switching());
      const [program, other] = [new Peer(client, "server"), new Peer(server, "program")];
      await other.sendFrame("first");
      assert.match(await readHead(client), /^HTTP\/1\.1 101 /);
      assert.deepEqual(await program.next(), { kind: "text", text: "first" });
      await program.sendFrame("second");
      assert.deepEqual(await other.next(), { kind: "text", text: "second" });
      assert.deepEqual(outcomesOf(pipeline.events), ["GET allowed", "GET allowed"]);
      client.close();
    },
  ));

Deno.test("fillExchange() takes an upgrade through the forward proxy", () =>
  withPipeline({ rules: webSocketRules({ ports: [80], allow: [UPGRADE] }) }, async (pipeline) => {
    const client = pipeline.open();
    const dialled = pipeline.nextServer();
    await send(client, handshake({ target: `http://${HOST}/ws` }));
    const server = await dialled;
    assert.match(await readHead(server), /^GET \/ws HTTP[^]*Connection: Upgrade\r\n/);
    await send(server, switching());
    assert.match(await readHead(client), /^HTTP\/1\.1 101 /);
    const program = new Peer(client, "server");
    await program.sendFrame("no");
    assert.deepEqual(await program.rest(), [closed(1008, "request_not_allowed")]);
    assert.deepEqual(await new Peer(server, "program").rest(), [closed(1001)]);
    client.close();
  }));

Deno.test("fillExchange() refuses an upgrade through the forward proxy to where none is taken", () =>
  withPipeline({ rules: rules({ ports: [80] }) }, async (pipeline) => {
    const answer = await pipeline.ask(handshake({ target: `http://${HOST}/ws` }));
    assert.equal(JSON.parse(answer.body).reason, "unsupported_protocol");
    assert.deepEqual(pipeline.dialled, []);
  }));

Deno.test("fillExchange() refuses what is for no WebSocket through the forward proxy", () =>
  withPipeline({ rules: webSocketRules({ ports: [80] }) }, async (pipeline) => {
    const answer = await pipeline.ask(PLAIN.replace("/ws", `http://${HOST}/ws`));
    assert.equal(JSON.parse(answer.body).reason, "websocket_required");
    assert.deepEqual(pipeline.dialled, []);
  }));
