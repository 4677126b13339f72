/**
 * The router behind a real proxy on loopback, with TLS on the program's side and backends that record
 * what reaches them, for tests.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import {
  GetInferenceBundleResponseSchema,
  type ResolvedRoute,
  ResolvedRouteSchema,
} from "../../../proto/gen/openshell/inference/v1/inference_pb.ts";
import { policyOf } from "../../../policy-wasm/fixtures.ts";
import { INFERENCE_HOST } from "../../../proto/inference_limits.ts";
import type { AuditEvent } from "../events/audit_event.ts";
import { dial } from "../egress/dial.ts";
import { GenerationHolder } from "../egress/generation.ts";
import { RELAY_LIMITS } from "../egress/http1/relay_limits.ts";
import { CURL } from "../egress/pipeline_fixture.ts";
import { EgressProxy } from "../egress/proxy.ts";
import type { DialPort, TlsPort } from "../egress/ports.ts";
import { connectTls } from "../egress/tls/connect_tls.ts";
import { SandboxAuthority } from "../egress/tls/sandbox_authority.ts";
import { TlsTerminator } from "../egress/tls/tls_terminator.ts";
import { type InferenceLimits, InferenceRouter } from "./inference_router.ts";
import { InferenceRoutes } from "./inference_routes.ts";
import { RoutesHolder } from "./routes_holder.ts";
import { TokenLedger } from "./token_ledger.ts";

/** Key of the operator, which must not be seen anywhere but at a backend. */
export const OPERATOR_KEY = "sk-operator-canary-4711";

export const OPENAI_PROTOCOLS = [
  ...["openai_chat_completions", "openai_completions", "openai_responses"],
  ...["openai_embeddings", "model_discovery"],
];

export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A server of HTTP/1.1 that records. */
export class FakeBackend {
  readonly seen: SeenRequest[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(
    respond: (request: SeenRequest) => Response | Promise<Response>,
    tls?: { readonly cert: string; readonly key: string },
  ) {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve({ ...options, ...tls }, async (request) => {
      const { pathname, search } = new URL(request.url);
      const seen = {
        method: request.method,
        target: pathname + search,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
      };
      this.seen.push(seen);
      return await respond(seen);
    });
  }

  get port(): number {
    return this.#server.addr.port;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  async close(): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A server that says exactly these bytes to whatever it is asked, and then does what it is told. */
export class RawBackend {
  readonly seen: string[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #answer: (connection: Deno.TcpConn) => Promise<void>;

  constructor(answer: (connection: Deno.TcpConn) => Promise<void>) {
    this.#answer = answer;
    this.#serving = this.#serve();
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}/v1`;
  }

  async close(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) connection[Symbol.dispose]();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const served: Promise<void>[] = [];
    try {
      for await (const connection of this.#listener) {
        this.#open.add(connection);
        served.push(this.#serveOne(connection));
      }
    } finally {
      await Promise.all(served);
    }
  }

  async #serveOne(connection: Deno.TcpConn): Promise<void> {
    try {
      const buffer = new Uint8Array(64 * 1024);
      const length = await connection.read(buffer);
      this.seen.push(new TextDecoder().decode(buffer.subarray(0, length ?? 0)));
      await this.#answer(connection);
    } catch {
      // The other side has ended it, which a test may want.
    } finally {
      this.#open.delete(connection);
      connection[Symbol.dispose]();
    }
  }
}

/** Members of a route that a test sets. */
export type RouteFields = Partial<Omit<ResolvedRoute, "$typeName" | "$unknown">>;

export function routeOf(fields: RouteFields = {}): ResolvedRoute {
  return create(ResolvedRouteSchema, {
    name: "inference.local",
    baseUrl: "http://127.0.0.1:1/v1",
    protocols: OPENAI_PROTOCOLS,
    apiKey: OPERATOR_KEY,
    modelId: "operator-model",
    providerType: "openai",
    ...fields,
  });
}

export interface RouterOptions {
  /** That of the test. */
  readonly fetch: typeof globalThis.fetch;
  readonly routes?: readonly ResolvedRoute[];
  readonly tokenBudget?: bigint;
  readonly limits?: Partial<InferenceLimits>;
  readonly hosts?: Readonly<Record<string, string>>;
  readonly backendCa?: string;
}

type InferenceEvent = Extract<AuditEvent, { kind: "inference" }>;

export class RouterScene implements AsyncDisposable {
  readonly holder = new RoutesHolder();
  readonly ledger = new TokenLedger();
  readonly events: AuditEvent[] = [];
  readonly dialled: string[] = [];
  readonly caPem: string;
  readonly proxyPort: number;
  readonly client: Deno.HttpClient;
  readonly #options: RouterOptions;
  readonly #proxy: EgressProxy;
  readonly #terminator: TlsTerminator;
  readonly #serving: Promise<void>;

  private constructor(authority: SandboxAuthority, options: RouterOptions) {
    this.#options = options;
    this.caPem = authority.caPem;
    this.#terminator = new TlsTerminator({ authority });
    const { hosts = {}, backendCa, limits } = options;
    const caCerts = backendCa === undefined ? [] : [backendCa];
    const identifier = { identify: () => Promise.resolve(CURL) };
    const events = { record: (event: AuditEvent) => void this.events.push(event) };
    const generations = new GenerationHolder();
    generations.load(policyOf(), { version: 1, hash: "sha256:0" });
    const dialRecorded: DialPort = async (target) => {
      this.dialled.push(`${target.addresses.join(",")}:${target.port}`);
      return await dial(target);
    };
    const tls: TlsPort = {
      terminate: (client, host, signal) => this.#terminator.terminate(client, host, signal),
      connect: (connection, host, signal) =>
        connectTls(connection as Deno.TcpConn, host, signal, { caCerts }),
    };
    const resolve = (host: string) =>
      Promise.resolve(
        /^[0-9.]+$/.test(hosts[host] ?? host)
          ? { ok: true as const, addresses: [hosts[host] ?? host] }
          : { ok: false as const, detail: "no such host" },
      );
    const relay = { ...RELAY_LIMITS, drainMs: 50 };
    this.#proxy = new EgressProxy({
      ...{ identifier, events, generations, resolve, dial, tls },
      limits: { relay },
      inference: new InferenceRouter({
        ...{ holder: this.holder, ledger: this.ledger, identifier, events, tls },
        backend: { resolve, dial: dialRecorded, tls },
        limits: { relay, firstRoutesMs: 200, ...limits },
      }),
    });
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.proxyPort = listener.addr.port;
    this.#serving = this.#proxy.serve(listener);
    const url = `http://127.0.0.1:${this.proxyPort}`;
    this.client = Deno.createHttpClient({ proxy: { url }, caCerts: [this.caPem], http2: false });
    if (options.routes !== undefined) this.load(options.routes, options.tokenBudget);
  }

  static async open(options: RouterOptions): Promise<RouterScene> {
    return new RouterScene(await SandboxAuthority.create(), options);
  }

  load(routes: readonly ResolvedRoute[], tokenBudget = 0n): void {
    const message = create(GetInferenceBundleResponseSchema, {
      routes: [...routes],
      revision: String(routes.length),
      tokenBudget,
    });
    this.holder.load(new InferenceRoutes(message));
  }

  /** Makes one call, as a program that uses the proxy. */
  async fetch(path: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
    return await this.#options.fetch(`https://${INFERENCE_HOST}${path}`, {
      ...body === undefined ? {} : { method: "POST", body: JSON.stringify(body) },
      ...init,
      client: this.client,
    });
  }

  /** Opens a tunnel with TLS in it, for what no client would send. */
  async tunnel(): Promise<Deno.TlsConn> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.proxyPort });
    const target = `${INFERENCE_HOST}:443`;
    const request = `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    await connection.read(new Uint8Array(256));
    return await Deno.startTls(connection, { hostname: INFERENCE_HOST, caCerts: [this.caPem] });
  }

  /** Sends text through a tunnel of its own and returns all that is answered. */
  async ask(text: string): Promise<string> {
    using tunnel = await this.tunnel();
    await tunnel.write(new TextEncoder().encode(text));
    let answer = "";
    const buffer = new Uint8Array(64 * 1024);
    for (;;) {
      const length = await tunnel.read(buffer).catch(() => null);
      if (length === null) return answer;
      answer += new TextDecoder().decode(buffer.subarray(0, length));
    }
  }

  /** Waits for the event of the call that is over last. */
  async calls(count: number): Promise<readonly InferenceEvent[]> {
    for (;;) {
      const found = this.events.filter((event) => event.kind === "inference");
      if (found.length >= count) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.#proxy.close();
    await this.#serving;
    this.#terminator.close();
  }
}

/** Body of a chat that answers with text, and says what it cost. */
export function chatReply(text: string, [prompt, completion] = [7, 3]): unknown {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
    usage: {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: (prompt ?? 0) + (completion ?? 0),
    },
  };
}

/** An event stream of these values. */
export function eventStream(...values: readonly unknown[]): Response {
  const text = values.map((value) => `data: ${JSON.stringify(value)}\n\n`).join("");
  return new Response(`${text}data: [DONE]\n\n`, {
    headers: { "content-type": "text/event-stream" },
  });
}
