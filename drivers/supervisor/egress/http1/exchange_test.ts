import assert from "node:assert/strict";
import { writeAll } from "../byte_stream.ts";
import { namesAuthority } from "./authority.ts";
import { BufferedStream } from "./buffered_stream.ts";
import { readAll } from "./memory_stream.ts";
import { type Judgement, type RelayEnd, relayRequests } from "./relay_requests.ts";
import type { RequestHead } from "./request_head.ts";
import { jsonResponse } from "./respond.ts";

const TEXT = new TextDecoder();

/** The relay behind a real listener, judged by path: `/denied` is not allowed. */
class Harness implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #abort = new AbortController();
  readonly #upstreamPort: number;
  readonly #relays: Promise<RelayEnd>[] = [];
  readonly #accepting: Promise<void>;

  constructor(upstreamPort: number) {
    this.#upstreamPort = upstreamPort;
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      this.#relays.push(relayRequests({
        client: new BufferedStream(client),
        openUpstream: () => Deno.connect({ hostname: "127.0.0.1", port: this.#upstreamPort }),
        authority: { host: "127.0.0.1", port: this.#upstreamPort },
        scheme: "http",
        signal: this.#abort.signal,
        judge: (head) => this.#judge(head),
        limits: { drainMs: 1_000 },
      }));
    }
  }

  #judge(head: RequestHead): Judgement {
    if (!namesAuthority(head, "http", { host: "127.0.0.1", port: this.port })) {
      return { verdict: "deny", ...jsonResponse(403, { error: "request_authority_mismatch" }) };
    }
    if (head.target.startsWith("/denied")) {
      return { verdict: "deny", ...jsonResponse(403, { error: "policy_denied" }) };
    }
    return { verdict: "allow", target: head.target };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.#abort.abort();
    await Promise.all(this.#relays);
  }
}

/** Answers by path, as a server that knows nothing of us. */
async function serve(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/echo":
      return new Response(await request.bytes(), { headers: { "X-Method": request.method } });
    case "/stream":
      return new Response(
        ReadableStream.from(["a", "b", "c"].map((text) => new TextEncoder().encode(text))),
      );
    case "/large":
      return new Response(new Uint8Array(5_000_000).fill(97));
    case "/empty":
      return new Response(null, { status: 204 });
    case "/refuse":
      return new Response("too much", { status: 413 });
    default:
      return Response.json({ host: request.headers.get("host"), via: request.headers.get("x-a") });
  }
}

async function withServer(
  run: (harness: Harness, upstreamPort: number) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, serve);
  try {
    await using harness = new Harness(server.addr.port);
    await run(harness, server.addr.port);
  } finally {
    await server.shutdown();
  }
}

async function curl(args: readonly string[], input?: Uint8Array<ArrayBuffer>): Promise<string> {
  const child = new Deno.Command("curl", {
    args: ["-sS", "--max-time", "10", "--noproxy", "*", ...args],
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(input).then(() => writer.close()).catch(() => {});
  }
  const { stdout, stderr } = await child.output();
  return TEXT.decode(stdout) + TEXT.decode(stderr);
}

Deno.test("Exchanger serves curl: one connection for several requests", async () => {
  await withServer(async ({ url }, upstreamPort) => {
    const text = await curl(["-H", "X-A: b", "-w", "%{num_connects} ", `${url}/`, `${url}/`]);
    const answer = `{"host":"127.0.0.1:${upstreamPort}","via":"b"}`;
    assert.equal(text, `${answer}1 ${answer}0 `);
  });
});

Deno.test.each([
  { name: "a stream", args: ["PATH/stream"], want: "abc" },
  { name: "no content", args: ["-w", "%{http_code}", "PATH/empty"], want: "204" },
  {
    name: "a head",
    args: ["-I", "-o", "/dev/null", "-w", "%{http_code}", "PATH/large"],
    want: "200",
  },
  {
    name: "a large response",
    args: ["-o", "/dev/null", "-w", "%{size_download}", "PATH/large"],
    want: "5000000",
  },
  { name: "HTTP/1.0", args: ["-0", "PATH/stream"], want: "abc" },
  { name: "a form", args: ["-d", "a=b", "PATH/echo"], want: "a=b" },
  {
    name: "chunks",
    args: ["-H", "Transfer-Encoding: chunked", "-d", "a=b", "PATH/echo"],
    want: "a=b",
  },
  {
    name: "an expectation",
    args: ["-H", "Expect: 100-continue", "--expect100-timeout", "9", "-d", "a=b", "PATH/echo"],
    want: "a=b",
  },
  { name: "a denial", args: ["PATH/denied"], want: '{"error":"policy_denied"}' },
  {
    name: "another host",
    args: ["-H", "Host: other", "PATH/"],
    want: '{"error":"request_authority_mismatch"}',
  },
  {
    name: "an upgrade",
    args: ["--http2", "-o", "/dev/null", "-w", "%{http_code}", "PATH/"],
    want: "426",
  },
])("Exchanger serves curl: $name", async ({ args, want }) => {
  await withServer(async ({ url }) => {
    assert.equal(await curl(args.map((arg) => arg.replace("PATH", url))), want);
  });
});

Deno.test.each([
  { name: "in one piece", args: ["-H", "Expect:"] },
  { name: "after an expectation", args: [] },
  { name: "in chunks", args: ["-H", "Expect:", "-H", "Transfer-Encoding: chunked"] },
])("Exchanger serves curl: a large upload $name", async ({ args }) => {
  await withServer(async ({ url }) => {
    const upload = ["--data-binary", "@-", "-o", "/dev/null", "-w", "%{size_download}"];
    const text = await curl(
      [...args, ...upload, `${url}/echo`],
      new Uint8Array(3_000_000).fill(98),
    );
    assert.equal(text, "3000000");
  });
});

Deno.test("Exchanger lets curl read the denial of a large upload", async () => {
  await withServer(async ({ url }) => {
    const args = ["-H", "Expect:", "--data-binary", "@-", `${url}/denied`];
    const text = await curl(args, new Uint8Array(3_000_000));
    assert.match(text, /{"error":"policy_denied"}/);
    assert.doesNotMatch(text, /reset/);
  });
});

Deno.test("Exchanger lets curl read an early answer to a large upload", async () => {
  await withServer(async ({ url }) => {
    const args = ["-H", "Expect:", "-w", " %{http_code}", "--data-binary", "@-", `${url}/refuse`];
    const text = await curl(args, new Uint8Array(3_000_000));
    assert.match(text, /too much 413/);
  });
});

Deno.test("Exchanger goes on when a real upstream closes its idle connection", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for (let i = 0; i < 2; i += 1) {
      const upstream = await listener.accept();
      await new BufferedStream(upstream).readHead(1_000);
      const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
      await writeAll(upstream, new TextEncoder().encode(answer));
      upstream.close();
    }
  })();
  await using harness = new Harness(listener.addr.port);
  assert.equal(await curl([`${harness.url}/a`, `${harness.url}/b`]), "okok");
  await serving;
});

Deno.test("Exchanger shows curl that a response was cut", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const upstream = await listener.accept();
    await new BufferedStream(upstream).readHead(1_000);
    const answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    await writeAll(upstream, new TextEncoder().encode(answer));
    upstream.close();
  })();
  await using harness = new Harness(listener.addr.port);
  assert.match(await curl([`${harness.url}/`]), /abc.*curl: \((18|56)\)/s);
  await serving;
});

Deno.test("Exchanger answers every pipelined request in order on a real socket", async () => {
  await withServer(async ({ port }) => {
    using client = await Deno.connect({ hostname: "127.0.0.1", port });
    const request = (path: string, extra = "") =>
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${extra}\r\n`;
    const text = request("/empty") + request("/stream") + request("/denied") + request("/large");
    await writeAll(client, new TextEncoder().encode(text));
    await client.closeWrite();
    const lines = TEXT.decode(await readAll(client)).match(/HTTP\/1\.1 \d+|{.*}/g);
    assert.deepEqual(lines, [
      "HTTP/1.1 204",
      "HTTP/1.1 200",
      "HTTP/1.1 403",
      '{"error":"policy_denied"}',
    ]);
  });
});
