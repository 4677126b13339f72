/**
 * The whole proxy on streams in memory, for tests: what it asks of the outside is recorded.
 *
 * @module
 */

import assert from "node:assert/strict";
import { policyOf } from "../../../policy-wasm/fixtures.ts";
import type { Policy, Rule } from "../../../policy-wasm/policy.ts";
import { CredentialSet } from "../credentials/credential_set.ts";
import { EventLogError } from "../../system/event_log/event_log.ts";
import type { AuditEvent } from "../events/audit_event.ts";
import type { ByteStream } from "./byte_stream.ts";
import { DialError } from "./dial.ts";
import { GenerationHolder } from "./generation.ts";
import { RELAY_LIMITS } from "./http1/relay_limits.ts";
import { memoryPair, type MemoryStream, readAll } from "./http1/memory_stream.ts";
import type { CallerIdentity } from "./identity/caller_identifier.ts";
import type { AcceptedConnection, Dialled, DialTarget, Resolution, TlsPort } from "./ports.ts";
import { EgressProxy, type EgressProxyOptions, type ProxyLimits } from "./proxy.ts";
import { TlsTerminationError, UpstreamTlsError } from "./tls/tls_error.ts";

export const CURL: CallerIdentity = {
  kind: "known",
  actor: { binary: "/usr/bin/curl", pid: 4711, ancestors: ["/usr/bin/bash"] },
  caller: { binary: "/usr/bin/curl", ancestors: ["/usr/bin/bash"] },
};

/** An address that is not internal. */
export const PUBLIC = "93.184.216.34";

export interface PipelineOptions {
  /** `null` loads none. */
  readonly rules?: readonly Rule[] | null;
  /** Those that go with the rules. */
  readonly credentials?: CredentialSet;
  readonly identity?: CallerIdentity;
  /** Who holds a connection when it is asked for again. */
  readonly laterIdentity?: CallerIdentity;
  readonly resolution?: Resolution;
  readonly onResolve?: (pipeline: Pipeline) => void;
  /** Called while a connection is dialled; returning false refuses it. */
  readonly onDial?: (pipeline: Pipeline) => boolean;
  readonly hasTls?: boolean;
  /** TLS with servers fails; with programs. */
  readonly failsTls?: boolean;
  readonly failsTermination?: boolean;
  /** What there is no room to record. */
  readonly cannotRecord?: (event: AuditEvent) => boolean;
  readonly limits?: Partial<ProxyLimits>;
  readonly onError?: NonNullable<EgressProxyOptions["onError"]>;
}

export class Pipeline {
  readonly proxy: EgressProxy;
  readonly generations = new GenerationHolder();
  readonly events: AuditEvent[] = [];
  readonly resolved: string[] = [];
  readonly dialled: Omit<DialTarget, "signal">[] = [];
  /** The servers' ends of what was dialled. */
  readonly servers: MemoryStream[] = [];
  /** Hosts that TLS was spoken with, as a server and as a client. */
  readonly tlsHosts: { readonly terminated: string[]; readonly connected: string[] } = {
    terminated: [],
    connected: [],
  };
  readonly #options: PipelineOptions;
  readonly #dialWaiters: ((server: MemoryStream) => void)[] = [];

  constructor(options: PipelineOptions = {}) {
    this.#options = options;
    const { rules = [], hasTls = true, identity = CURL, limits, onError = fail } = options;
    const identities = [identity, options.laterIdentity ?? identity];
    if (rules !== null) this.load(policyOf(...rules), options.credentials);
    this.proxy = new EgressProxy({
      generations: this.generations,
      identifier: { identify: () => Promise.resolve(identities.shift() ?? identity) },
      events: { record: (event) => this.#record(event) },
      tls: hasTls ? this.#tls() : null,
      resolve: (host) => this.#resolve(host),
      dial: (target) => this.#dial(target),
      limits: { relay: { ...RELAY_LIMITS, drainMs: 20 }, ...limits },
      onError,
    });
  }

  load(policy: Policy, credentials = CredentialSet.NONE): void {
    this.generations.load(policy, { version: 1, hash: "sha256:0" }, credentials);
  }

  /** Connects a program. */
  open(): MemoryStream {
    const [client, accepted] = memoryPair();
    this.proxy.accept(acceptedFrom(accepted));
    return client;
  }

  /** The next server that is dialled. */
  nextServer(): Promise<MemoryStream> {
    return new Promise((resolve) => this.#dialWaiters.push(resolve));
  }

  /** Opens a tunnel that has to stand. */
  async connect(target: string): Promise<{ client: MemoryStream; server: MemoryStream }> {
    const client = this.open();
    const dialled = this.nextServer();
    await send(client, `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    const server = await dialled;
    assert.match(await readHead(client), /^HTTP\/1\.1 200 /);
    return { client, server };
  }

  /** Sends what a program says and returns all that it is told. */
  async ask(text: string): Promise<Answer> {
    const client = this.open();
    await send(client, text);
    const answer = parseAnswer(await readText(client));
    client.close();
    return answer;
  }

  async close(): Promise<void> {
    for (const server of this.servers) if (!server.isClosed) server.close();
    await this.proxy.close();
    assert.equal(this.proxy.connectionCount, 0);
    assert.equal(this.generations.openCount, 0);
  }

  #record(event: AuditEvent): void {
    if (this.#options.cannotRecord?.(event) === true) {
      throw new EventLogError("events.jsonl", "there is no room");
    }
    this.events.push(event);
  }

  #resolve(host: string): Promise<Resolution> {
    this.resolved.push(host);
    this.#options.onResolve?.(this);
    return Promise.resolve(this.#options.resolution ?? { ok: true, addresses: [PUBLIC] });
  }

  async #dial({ addresses, port }: DialTarget): Promise<Dialled> {
    this.dialled.push({ addresses, port });
    await Promise.resolve();
    if (this.#options.onDial?.(this) === false) throw new DialError("refused");
    const [connection, server] = memoryPair();
    this.servers.push(server);
    this.#dialWaiters.shift()?.(server);
    return { connection, address: addresses[0] ?? "" };
  }

  /** TLS without encryption: the hello is taken off, and nothing else changes. */
  #tls(): TlsPort {
    return {
      terminate: async (client, host) => {
        this.tlsHosts.terminated.push(host);
        if (this.#options.failsTermination === true) {
          client.close();
          throw new TlsTerminationError(host, "handshake", "the handshake failed");
        }
        const header = new Uint8Array(5);
        await client.read(header);
        await client.read(new Uint8Array(header[3]! * 256 + header[4]!));
        return client;
      },
      connect: (connection, host) => {
        this.tlsHosts.connected.push(host);
        if (this.#options.failsTls !== true) return Promise.resolve(connection);
        connection.close();
        return Promise.reject(new UpstreamTlsError(host, "expired", "its certificate has expired"));
      },
    };
  }
}

/** Runs a test, and closes the proxy after it. */
export async function withPipeline(
  options: PipelineOptions,
  body: (pipeline: Pipeline) => Promise<void>,
): Promise<void> {
  const pipeline = new Pipeline(options);
  try {
    await body(pipeline);
  } finally {
    await pipeline.close();
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

export function parseAnswer(text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  const headers = text.slice(0, end);
  return { status: Number(headers.split(" ")[1]), headers, body: text.slice(end + 4) };
}

export function acceptedFrom(stream: MemoryStream): AcceptedConnection {
  const remoteAddr = { hostname: "127.0.0.1", port: 40_000 };
  return Object.assign(stream, { remoteAddr, setNoDelay: () => {} });
}

export async function send(stream: ByteStream, text: string | Uint8Array): Promise<void> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  assert.equal(await stream.write(bytes), bytes.length);
}

/** Reads to the end. */
export async function readText(stream: ByteStream): Promise<string> {
  return new TextDecoder().decode(await readAll(stream));
}

/** Reads up to an empty line. */
export async function readHead(stream: ByteStream): Promise<string> {
  let text = "";
  const byte = new Uint8Array(1);
  while (!text.endsWith("\r\n\r\n")) {
    if (await stream.read(byte) === null) break;
    text += String.fromCharCode(byte[0]!);
  }
  return text;
}

/** Returns a hello of TLS 1.2 that names the host. */
export function clientHello(host: string | null): Uint8Array {
  const name = new TextEncoder().encode(host ?? "");
  const serverName = host === null ? [] : [
    ...[0, 0],
    ...length16(name.length + 5),
    ...length16(name.length + 3),
    0,
    ...length16(name.length),
    ...name,
  ];
  const extensions = [...serverName, 0, 23, 0, 0];
  const message = [3, 3, ...new Array(32).fill(7), 0, 0, 2, 0x13, 1, 1, 0];
  message.push(...length16(extensions.length), ...extensions);
  const handshake = [1, 0, ...length16(message.length), ...message];
  return Uint8Array.from([22, 3, 1, ...length16(handshake.length), ...handshake]);
}

function length16(length: number): readonly number[] {
  return [length >> 8, length & 0xff];
}

function fail(error: unknown): never {
  throw error;
}
