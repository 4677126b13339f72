import assert from "node:assert/strict";
import { writeAll } from "../byte_stream.ts";
import { BufferedStream } from "./buffered_stream.ts";
import { memoryPair, type MemoryStream, readAll } from "./memory_stream.ts";
import {
  type Judgement,
  type RelayEnd,
  relayOneRequest,
  type RelayOptions,
  type RelayRefusal,
  relayRequests,
} from "./relay_requests.ts";
import { parseRequestHead, type RequestHead } from "./request_head.ts";
import { jsonResponse } from "./respond.ts";

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder();

/** The far end of a connection, played by a test. */
class Peer {
  readonly stream: MemoryStream;
  #text = "";

  constructor(stream: MemoryStream) {
    this.stream = stream;
  }

  async send(text: string): Promise<void> {
    await writeAll(this.stream, UTF8.encode(text));
  }

  /** Reads up to and including a text, and returns it all. */
  async until(end: string): Promise<string> {
    const buffer = new Uint8Array(1024);
    while (!this.#text.includes(end)) {
      const count = await this.stream.read(buffer);
      assert.notEqual(count, null, `ended without ${JSON.stringify(end)}: ${this.#text}`);
      this.#text += TEXT.decode(buffer.subarray(0, count ?? 0));
    }
    const at = this.#text.indexOf(end) + end.length;
    const got = this.#text.slice(0, at);
    this.#text = this.#text.slice(at);
    return got;
  }

  /** Returns all that is left. */
  async rest(): Promise<string> {
    return this.#text + TEXT.decode(await readAll(this.stream));
  }
}

interface Scene {
  readonly agent: Peer;
  /** The upstream's side of the connections, in the order in which they were opened. */
  upstream(index?: number): Promise<Peer>;
  readonly opened: () => number;
  readonly judged: RequestHead[];
  readonly refused: RelayRefusal[];
  readonly abort: AbortController;
  readonly end: Promise<RelayEnd>;
  readonly client: MemoryStream;
}

function allow(head: RequestHead): Judgement {
  return { verdict: "allow", target: head.target };
}

type Run = (options: RelayOptions) => Promise<RelayEnd>;

function start(change: Partial<RelayOptions> = {}, run: Run = relayRequests): Scene {
  const [near, far] = memoryPair();
  const waiting: ((peer: Peer) => void)[] = [];
  const peers: Promise<Peer>[] = [0, 1, 2].map(() =>
    new Promise((resolve) => waiting.push(resolve))
  );
  let opened = 0;
  const judged: RequestHead[] = [];
  const refused: RelayRefusal[] = [];
  const abort = new AbortController();
  const { judge = allow, ...rest } = change;
  const end = run({
    client: new BufferedStream(near),
    openUpstream: () => {
      const [mine, theirs] = memoryPair();
      waiting[opened]?.(new Peer(theirs));
      opened += 1;
      return Promise.resolve(mine);
    },
    authority: { host: "h", port: 80 },
    scheme: "http",
    signal: abort.signal,
    onRefused: (problem) => refused.push(problem),
    judge: (head) => {
      judged.push(head);
      return judge(head);
    },
    ...rest,
  });
  return {
    agent: new Peer(far),
    upstream: (index = 0) => peers[index] ?? Promise.reject(new RangeError("no such upstream")),
    opened: () => opened,
    judged,
    refused,
    abort,
    end,
    client: near,
  };
}

const HEAD_END = "\r\n\r\n";
const GET = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function post(body: string): string {
  return `POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

Deno.test("relayRequests() keeps both sides for further requests", async () => {
  const scene = start();
  for (let i = 0; i < 3; i += 1) {
    await scene.agent.send(GET);
    const upstream = await scene.upstream();
    assert.equal(await upstream.until(HEAD_END), GET);
    await upstream.send(OK);
    assert.equal(await scene.agent.until("ok"), OK);
  }
  await scene.agent.stream.closeWrite();
  assert.deepEqual(await scene.end, { kind: "closed", requests: 3 });
  assert.equal(scene.opened(), 1);
  assert.equal(scene.client.isClosed, true);
  assert.equal(await (await scene.upstream()).rest(), "");
});

Deno.test("relayRequests() sends the judged target and the tunnel's host", async () => {
  const scene = start({
    judge: () => ({ verdict: "allow", target: "/b?x=%2F" }),
    authority: { host: "real", port: 8080 },
  });
  await scene.agent.send("GET http://h/a/../b?x=%2F HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n");
  const sent = await (await scene.upstream()).until(HEAD_END);
  assert.equal(sent, "GET /b?x=%2F HTTP/1.1\r\nHost: real:8080\r\nA: b\r\n\r\n");
  scene.abort.abort();
  assert.equal((await scene.end).kind, "aborted");
});

Deno.test("relayRequests() never sends on a pipelined request before it is judged", async () => {
  const { promise, resolve } = Promise.withResolvers<Judgement>();
  const scene = start({ judge: (head) => head.target === "/a" ? allow(head) : promise });
  await scene.agent.send(GET + GET.replace("/a", "/b"));
  const upstream = await scene.upstream();
  assert.equal(await upstream.until(HEAD_END), GET);
  assert.equal(scene.judged.length, 1);
  await upstream.send(OK);
  assert.equal(await scene.agent.until("ok"), OK);
  resolve({ verdict: "deny", ...jsonResponse(403, { error: "policy_denied" }) });
  assert.match(await scene.agent.rest(), /^HTTP\/1\.1 403 Forbidden\r\n/);
  scene.agent.stream.close();
  assert.deepEqual(await scene.end, { kind: "denied", requests: 1 });
  assert.equal(await upstream.rest(), "");
});

Deno.test("relayRequests() denies without opening an upstream", async () => {
  const denial = jsonResponse(403, { error: "policy_denied" }, [["X-OpenShell-Policy", "docs"]]);
  const scene = start({ judge: () => ({ verdict: "deny", ...denial }) });
  await scene.agent.send(post("body of the denied"));
  assert.equal(
    await scene.agent.rest(),
    "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nX-OpenShell-Policy: docs\r\n" +
      'Content-Length: 25\r\nConnection: close\r\n\r\n{"error":"policy_denied"}',
  );
  assert.equal(scene.client.isClosed, false, "the client may still be sending");
  await scene.agent.send("more of the body");
  scene.agent.stream.close();
  assert.deepEqual(await scene.end, { kind: "denied", requests: 0 });
  assert.equal(scene.opened(), 0);
});

Deno.test.each([
  { name: "time", limits: { drainMs: 10 }, send: "" },
  { name: "bytes", limits: { drainBytesMax: 100, drainMs: 600_000 }, send: "x".repeat(200) },
])(
  "relayRequests() reads on from a denied client for a bounded $name",
  async ({ limits, send }) => {
    const scene = start({ judge: () => ({ verdict: "deny", ...jsonResponse(403, {}) }), limits });
    await scene.agent.send(GET);
    await scene.agent.rest();
    await scene.agent.send(send).catch(() => {});
    assert.equal((await scene.end).kind, "denied");
    assert.equal(scene.client.isClosed, true);
  },
);

const REFUSED: readonly { text: string; problem: RelayRefusal; status: number }[] = [
  { text: "GET / HTTP/1.1\nHost: h\n\n", problem: "bare_line_feed", status: 400 },
  { text: "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", problem: "several_hosts", status: 400 },
  { text: `GET /${"a".repeat(20_000)}`, problem: "head_too_large", status: 431 },
  { text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", problem: "http2_preface", status: 505 },
  {
    text: "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
    problem: "connect_in_tunnel",
    status: 501,
  },
  {
    text: "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    problem: "upgrade_not_supported",
    status: 426,
  },
  {
    text: "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
      "HTTP2-Settings: x\r\n\r\n",
    problem: "upgrade_not_supported",
    status: 426,
  },
];

Deno.test.each(REFUSED)(
  "relayRequests() refuses $problem unjudged",
  async ({ text, problem, status }) => {
    const scene = start();
    await scene.agent.send(text);
    const answer = await scene.agent.rest();
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [^\\r]+\\r\\n`));
    // An upgrade is the one of them that a program asks for on purpose, and is told about.
    const end = status === 426
      ? /\r\nUpgrade: HTTP\/1\.1\r\n[^]+"reason":"unsupported_protocol"[^]+$/
      : /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/;
    assert.match(answer, end);
    scene.agent.stream.close();
    const ended = await scene.end;
    assert.equal(ended.kind === "refused" && ended.problem, problem);
    assert.deepEqual(scene.refused, [problem]);
    assert.equal(scene.judged.length + scene.opened(), 0);
  },
);

Deno.test("relayRequests() refuses half a head", async () => {
  const scene = start();
  await scene.agent.send(GET.slice(0, -2));
  await scene.agent.stream.closeWrite();
  await scene.agent.rest();
  assert.deepEqual(scene.refused, ["head_truncated"]);
  assert.equal((await scene.end).kind, "refused");
});

Deno.test("relayRequests() relays both directions at once", async () => {
  const scene = start();
  await scene.agent.send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const upstream = await scene.upstream();
  await upstream.until(HEAD_END);
  await upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  assert.match(await scene.agent.until(HEAD_END), /\r\nConnection: close\r\n/);
  for (let i = 0; i < 3; i += 1) {
    await scene.agent.send("4\r\nping\r\n");
    await upstream.until("4\r\nping\r\n");
    await upstream.send("4\r\npong\r\n");
    await scene.agent.until("4\r\npong\r\n");
  }
  await scene.agent.send("0\r\n\r\n");
  await upstream.until("0\r\n\r\n");
  await upstream.send("0\r\n\r\n");
  assert.equal(await scene.agent.rest(), "0\r\n\r\n");
  scene.agent.stream.close();
  assert.deepEqual(await scene.end, { kind: "closed", requests: 1 });
});

Deno.test("relayRequests() ends the connection after an answer to half a request", async () => {
  const scene = start();
  await scene.agent.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n");
  const upstream = await scene.upstream();
  await upstream.until(HEAD_END);
  // The client goes on sending while nobody reads, until the pipe is full.
  const sending = scene.agent.send("x".repeat(2_000_000)).catch(() => {});
  await upstream.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
  assert.equal(
    await scene.agent.rest(),
    "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
  );
  await sending;
  scene.agent.stream.close();
  assert.deepEqual(await scene.end, { kind: "closed", requests: 1 });
  assert.doesNotMatch(await upstream.rest(), /HTTP/);
});

Deno.test("relayRequests() lets a client wait for 100 Continue", async () => {
  const scene = start();
  const head = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
  await scene.agent.send(head);
  const upstream = await scene.upstream();
  assert.equal(await upstream.until(HEAD_END), head);
  await upstream.send("HTTP/1.1 100 Go on\r\nX-Odd: 1\r\n\r\n");
  assert.equal(await scene.agent.until(HEAD_END), "HTTP/1.1 100 Continue\r\n\r\n");
  await scene.agent.send("body");
  await upstream.until("body");
  await upstream.send(OK);
  assert.equal(await scene.agent.until("ok"), OK);
  scene.agent.stream.close();
  assert.equal((await scene.end).kind, "closed");
});

Deno.test("relayRequests() keeps other interim responses to itself", async () => {
  const scene = start();
  await scene.agent.send(GET);
  const upstream = await scene.upstream();
  await upstream.until(HEAD_END);
  await upstream.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  await upstream.send(OK);
  assert.equal(await scene.agent.until("ok"), OK);
  scene.agent.stream.close();
  await scene.end;
});

Deno.test.each([
  {
    name: "101",
    text: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    problem: "unexpected_switch",
  },
  {
    name: "both framings",
    text: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    problem: "length_and_transfer_encoding",
  },
  {
    name: "a folded header",
    text: "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    problem: "folded_header",
  },
  { name: "a bare LF", text: "HTTP/1.1 200 OK\n\n", problem: "bare_line_feed" },
  {
    name: "a long head",
    text: `HTTP/1.1 200 OK\r\nA: ${"b".repeat(20_000)}`,
    problem: "head_too_large",
  },
  { name: "no HTTP", text: "SSH-2.0-OpenSSH\r\n\r\n", problem: "invalid_status_line" },
  {
    name: "interim ones without end",
    text: "HTTP/1.1 103 Hints\r\n\r\n".repeat(20),
    problem: "too_many_interim_responses",
  },
])("relayRequests() answers 502 for $name from upstream", async ({ text, problem }) => {
  const scene = start();
  await scene.agent.send(GET);
  const upstream = await scene.upstream();
  await upstream.until(HEAD_END);
  await upstream.send(text);
  const answer = await scene.agent.rest();
  assert.match(answer, /^HTTP\/1\.1 502 Bad Gateway\r\n/);
  assert.match(
    answer,
    /{"error":"invalid_upstream_response","detail":"No valid answer came from h"}$/,
  );
  scene.agent.stream.close();
  const end = await scene.end;
  assert.equal(end.kind === "failed" && end.problem, "invalid_response");
  assert.equal(end.kind === "failed" && "responseProblem" in end && end.responseProblem, problem);
});

Deno.test("relayRequests() answers 502 when no upstream can be had", async () => {
  const cause = new Deno.errors.ConnectionRefused("refused");
  const scene = start({ openUpstream: () => Promise.reject(cause) });
  await scene.agent.send(GET);
  assert.match(
    await scene.agent.rest(),
    /^HTTP\/1\.1 502 [^]*{"error":"upstream_unreachable","detail":"Cannot connect to h"}$/,
  );
  scene.agent.stream.close();
  const end = await scene.end;
  assert.deepEqual(end, { kind: "failed", problem: "upstream_unreachable", cause, requests: 1 });
});

Deno.test.each([
  { name: "a length", head: "Content-Length: 5", body: "abc" },
  { name: "chunks", head: "Transfer-Encoding: chunked", body: "3\r\nabc\r\n" },
])(
  "relayRequests() does not end a response of $name in order that was cut",
  async ({ head, body }) => {
    const scene = start();
    await scene.agent.send(GET);
    const upstream = await scene.upstream();
    await upstream.until(HEAD_END);
    await upstream.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${body}`);
    upstream.stream.close();
    const answer = await scene.agent.rest();
    assert.ok(answer.endsWith(body));
    const end = await scene.end;
    assert.equal(end.kind === "failed" && end.problem, "response_truncated");
  },
);

Deno.test("relayRequests() sends in chunks what ends with its connection, and goes on", async () => {
  const scene = start();
  await scene.agent.send(GET);
  const upstream = await scene.upstream();
  await upstream.until(HEAD_END);
  await upstream.send("HTTP/1.0 200 OK\r\n\r\nabc");
  await upstream.stream.closeWrite();
  assert.equal(
    await scene.agent.until("0\r\n\r\n"),
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  );
  await scene.agent.send(GET);
  await (await scene.upstream(1)).until(HEAD_END);
  scene.abort.abort();
  assert.deepEqual(await scene.end, { kind: "aborted", requests: 2 });
});

Deno.test("relayRequests() does not end such a response in order when upstream is reset", async () => {
  const scene = start();
  await scene.agent.send(GET);
  const upstream = await scene.upstream();
  await upstream.until(HEAD_END);
  await upstream.send("HTTP/1.1 200 OK\r\n\r\nabc");
  await scene.agent.until("abc\r\n");
  upstream.stream.reset();
  assert.equal(await scene.agent.rest(), "");
  assert.equal((await scene.end).kind, "failed");
});

Deno.test("relayRequests() serves clients of HTTP/1.0 without chunks, once", async () => {
  const scene = start();
  await scene.agent.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + GET);
  const upstream = await scene.upstream();
  assert.equal(await upstream.until(HEAD_END), GET);
  await upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  const answer = await scene.agent.rest();
  assert.equal(answer, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
  scene.agent.stream.close();
  assert.deepEqual(await scene.end, { kind: "closed", requests: 1 });
  assert.equal(scene.judged.length, 1);
});

Deno.test.each([
  {
    name: "half a length",
    text: "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc",
    problem: "request_truncated",
    status: "",
  },
  {
    name: "half of chunks",
    text: "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    problem: "request_truncated",
    status: "",
  },
  {
    name: "an extension",
    text:
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a\r\nabc\r\n0\r\n\r\n",
    problem: "invalid_request_body",
    status: "HTTP/1.1 400 Bad Request",
  },
  {
    name: "a smuggling trailer",
    text:
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
    problem: "invalid_request_body",
    status: "HTTP/1.1 400 Bad Request",
  },
])("relayRequests() never sends $name as a whole request", async ({ text, problem, status }) => {
  const scene = start();
  await scene.agent.send(text);
  await scene.agent.stream.closeWrite();
  const answer = await scene.agent.rest();
  assert.equal(answer.split("\r\n")[0], status);
  const end = await scene.end;
  assert.equal(end.kind === "failed" && end.problem, problem);
  const sent = await (await scene.upstream()).rest();
  assert.ok(!sent.includes("\r\n0\r\n") && !/^0\r\n/.test(sent.split(HEAD_END)[1] ?? ""));
});

Deno.test("relayRequests() opens a new upstream when the kept one ended", async () => {
  const scene = start();
  await scene.agent.send(GET);
  const first = await scene.upstream();
  await first.until(HEAD_END);
  await first.send(OK);
  await scene.agent.until("ok");
  first.stream.close();
  // A body, so that nothing could be sent twice: the end was noticed before.
  await scene.agent.send(post("body"));
  const second = await scene.upstream(1);
  await second.until("body");
  await second.send(OK);
  await scene.agent.until("ok");
  scene.agent.stream.close();
  assert.deepEqual(await scene.end, { kind: "closed", requests: 2 });
});

Deno.test("relayRequests() does not take unasked bytes for a response", async () => {
  const scene = start();
  await scene.agent.send(GET);
  const first = await scene.upstream();
  await first.until(HEAD_END);
  await first.send(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
  await scene.agent.until("ok");
  await scene.agent.send(GET);
  const second = await scene.upstream(1);
  await second.until(HEAD_END);
  await second.send(OK);
  assert.equal(await scene.agent.until("ok"), OK);
  scene.agent.stream.close();
  await scene.end;
});

Deno.test.each([
  { name: "GET", text: GET, retries: true },
  { name: "DELETE", text: GET.replace("GET", "DELETE"), retries: true },
  { name: "POST", text: GET.replace("GET", "POST"), retries: false },
  { name: "PUT with a body", text: post("body").replace("POST", "PUT"), retries: false },
])(
  "relayRequests() sends $name again on a kept upstream that closed: $retries",
  async ({ text, retries }) => {
    const scene = start();
    await scene.agent.send(GET);
    const first = await scene.upstream();
    await first.until(HEAD_END);
    await first.send(OK);
    await scene.agent.until("ok");
    await scene.agent.send(text);
    await first.until(HEAD_END);
    first.stream.close();
    if (retries) {
      const second = await scene.upstream(1);
      await second.until(HEAD_END);
      // A second failure is not tried again.
      second.stream.close();
    }
    assert.match(await scene.agent.rest(), /^HTTP\/1\.1 502 /);
    scene.agent.stream.close();
    const end = await scene.end;
    assert.equal(end.kind === "failed" && end.problem, "upstream_silent");
    assert.equal(scene.opened(), retries ? 2 : 1);
  },
);

Deno.test("relayRequests() does not send again what a fresh upstream did not answer", async () => {
  const scene = start();
  await scene.agent.send(GET);
  const upstream = await scene.upstream();
  await upstream.until(HEAD_END);
  upstream.stream.close();
  assert.match(await scene.agent.rest(), /^HTTP\/1\.1 502 /);
  scene.agent.stream.close();
  await scene.end;
  assert.equal(scene.opened(), 1);
});

Deno.test.each([
  { name: "a byte", text: "H" },
  { name: "an interim response", text: "HTTP/1.1 103 Early Hints\r\n\r\n" },
])("relayRequests() does not send again after $name of a response", async ({ text }) => {
  const scene = start();
  await scene.agent.send(GET);
  const upstream = await scene.upstream();
  await upstream.until(HEAD_END);
  await upstream.send(OK);
  await scene.agent.until("ok");
  await scene.agent.send(GET);
  await upstream.until(HEAD_END);
  await upstream.send(text);
  upstream.stream.close();
  assert.match(await scene.agent.rest(), /^HTTP\/1\.1 502 /);
  scene.agent.stream.close();
  await scene.end;
  assert.equal(scene.opened(), 1);
});

Deno.test.each([
  { name: "an idle connection", send: "", limits: { idleMs: 10 }, kind: "closed" },
  { name: "half a head", send: "GET", limits: { headMs: 10 }, kind: "failed" },
  {
    name: "half a body",
    send: post("body").slice(0, -1),
    limits: { bodyIdleMs: 10 },
    kind: "failed",
  },
])("relayRequests() does not wait for ever for $name", async ({ send, limits, kind }) => {
  const scene = start({ limits });
  await scene.agent.send(send);
  assert.equal(await scene.agent.rest(), "");
  assert.equal((await scene.end).kind, kind);
});

Deno.test("relayRequests() does not wait for ever for a response", async () => {
  const scene = start({ limits: { responseMs: 10 } });
  await scene.agent.send(post("body"));
  assert.match(await scene.agent.rest(), /^HTTP\/1\.1 504 Gateway Timeout\r\n/);
  scene.agent.stream.close();
  const end = await scene.end;
  assert.equal(end.kind === "failed" && end.problem, "upstream_timeout");
});

Deno.test("relayRequests() does not wait for ever for the rest of a response", async () => {
  const scene = start({ limits: { bodyIdleMs: 10 } });
  await scene.agent.send(GET);
  const upstream = await scene.upstream();
  await upstream.until(HEAD_END);
  await upstream.send(OK.slice(0, -1));
  assert.equal(await scene.agent.rest(), OK.slice(0, -1));
  const end = await scene.end;
  assert.equal(end.kind === "failed" && end.problem, "body_timeout");
});

Deno.test.each(["head", "judge", "open", "response", "body"])(
  "relayRequests() closes both sides when aborted while it waits for the %s",
  async (stage) => {
    const verdict = Promise.withResolvers<Judgement>();
    const [mine, theirs] = memoryPair();
    const opening = Promise.withResolvers<MemoryStream>();
    let opens = 0;
    const scene = start({
      judge: (head) => stage === "judge" ? verdict.promise : allow(head),
      openUpstream: () => {
        opens += 1;
        return stage === "open" ? opening.promise : Promise.resolve(mine);
      },
    });
    const upstream = new Peer(theirs);
    if (stage !== "head") {
      await scene.agent.send(stage === "body" ? post("body").slice(0, -1) : GET);
    }
    if (stage === "response" || stage === "body") await upstream.until(HEAD_END);
    // Lets what was sent be read as far as the stage.
    else for (let i = 0; i < 20; i += 1) await Promise.resolve();
    scene.abort.abort();
    verdict.resolve({ verdict: "allow", target: "/" });
    opening.resolve(mine);
    assert.equal((await scene.end).kind, "aborted");
    assert.equal(await scene.agent.rest(), "");
    if (stage === "open" || stage === "response") assert.equal(mine.isClosed, true);
    if (stage === "open") assert.equal(await upstream.rest(), "");
    assert.equal(opens, stage === "head" || stage === "judge" ? 0 : 1);
  },
);

Deno.test("relayRequests() closes both sides when aborted before", async () => {
  const scene = start({ signal: AbortSignal.abort() });
  await scene.agent.send(GET).catch(() => {});
  assert.deepEqual(await scene.end, { kind: "aborted", requests: 0 });
  assert.equal(scene.opened() + scene.judged.length, 0);
});

Deno.test("relayRequests() closes both sides when the judge fails", async () => {
  const scene = start({ judge: () => Promise.reject(new RangeError("broken")) });
  await scene.agent.send(GET);
  await assert.rejects(scene.end, RangeError);
  assert.equal(scene.client.isClosed, true);
  assert.equal(scene.opened(), 0);
});

Deno.test("relayRequests() rejects a target that is not canonical, and sends nothing", async () => {
  const scene = start({ judge: () => ({ verdict: "allow", target: "/a b" }) });
  await scene.agent.send(GET);
  await assert.rejects(scene.end, { code: "invalid_argument" });
  assert.equal(scene.opened(), 0);
});

Deno.test("relayRequests() ends when the client is gone inside a response", async () => {
  const scene = start();
  await scene.agent.send(GET);
  const upstream = await scene.upstream();
  await upstream.until(HEAD_END);
  scene.agent.stream.reset();
  await upstream.send(OK);
  const end = await scene.end;
  assert.equal(end.kind === "failed" && end.problem, "client_gone");
  await assert.rejects(upstream.send("x"));
});

function runOne(text: string): Run {
  return (options) => {
    const form = parseRequestHead(UTF8.encode(text));
    assert.ok(form.ok);
    return relayOneRequest({ ...options, head: form.head, forwarded: { target: "/judged" } });
  };
}

Deno.test("relayOneRequest() sends one request and nothing after it", async () => {
  const scene = start({}, runOne(post("body").slice(0, -4)));
  await scene.agent.send(`body${GET}`);
  const upstream = await scene.upstream();
  const want =
    "POST /judged HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
  assert.equal(await upstream.until("body"), want);
  await upstream.send(OK);
  const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
  assert.equal(await scene.agent.rest(), answer);
  scene.agent.stream.close();
  assert.deepEqual(await scene.end, { kind: "closed", requests: 1 });
  assert.equal(await upstream.rest(), "");
  assert.equal(scene.judged.length, 0);
});

Deno.test("relayOneRequest() refuses an upgrade", async () => {
  const scene = start({}, runOne("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n"));
  assert.match(await scene.agent.rest(), /^HTTP\/1\.1 426 /);
  scene.agent.stream.close();
  assert.equal((await scene.end).kind, "refused");
  assert.equal(scene.opened(), 0);
});
