import assert from "node:assert/strict";
import { METADATA_CONNECTIONS_MAX } from "../../../proto/metadata_server.ts";
import { CredentialSet } from "../credentials/credential_set.ts";
import { memoryPair, type MemoryStream } from "../egress/http1/memory_stream.ts";
import { acceptedFrom, readText, send } from "../egress/pipeline_fixture.ts";
import type { AcceptedConnection } from "../egress/ports.ts";
import type { ListenerPort } from "../egress/proxy.ts";
import type { AuditEvent } from "../events/audit_event.ts";
import { JailCallError } from "../launch/isolation_error.ts";
import { googleCredentials } from "./fixture.ts";
import { MetadataServer } from "./metadata_server.ts";

const ASK = "GET /computeMetadata/v1/instance/service-accounts/default/token HTTP/1.1\r\n" +
  "Host: 127.0.0.1:8174\r\nMetadata-Flavor: Google\r\n\r\n";

/** A listener in memory: connections wait until somebody accepts. */
class FakeListener implements ListenerPort {
  readonly #waiting: AcceptedConnection[] = [];
  #wake: (() => void) | null = null;
  isClosed = false;

  /** Connects, and returns the program's end. */
  connect(): MemoryStream {
    const [client, accepted] = memoryPair();
    this.#waiting.push(acceptedFrom(accepted));
    this.#wake?.();
    return client;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  async accept(): Promise<AcceptedConnection> {
    for (;;) {
      if (this.isClosed) throw new Deno.errors.BadResource("closed");
      const next = this.#waiting.shift();
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  close(): void {
    this.isClosed = true;
    this.#wake?.();
  }
}

interface Scene {
  readonly server: MetadataServer;
  readonly listener: FakeListener;
  readonly listened: number[];
  readonly events: AuditEvent[];
  readonly log: string[];
  credentials: CredentialSet;
  isTaken: boolean;
  ask(text?: string): Promise<string>;
}

async function withServer(
  body: (scene: Scene) => Promise<void>,
  requestMs = 60_000,
): Promise<void> {
  const listener = new FakeListener();
  const scene: Scene = {
    listener,
    listened: [],
    events: [],
    log: [],
    credentials: googleCredentials(),
    isTaken: false,
    server: new MetadataServer({
      requestMs,
      listen(port) {
        scene.listened.push(port);
        return scene.isTaken
          ? Promise.reject(new JailCallError("listen", "the address is in use"))
          : Promise.resolve(listener);
      },
      credentials: () => scene.credentials,
      events: { record: (event) => scene.events.push(event) },
      log: (line) => scene.log.push(line),
    }),
    async ask(text = ASK) {
      const client = listener.connect();
      await send(client, text);
      const answer = await readText(client);
      client.close();
      return answer;
    },
  };
  try {
    await body(scene);
  } finally {
    await scene.server.close();
  }
}

Deno.test("MetadataServer listens where a provider leads to it, once", () =>
  withServer(async ({ server, listened, events, ask }) => {
    await Promise.all([server.follow(), server.follow()]);
    await server.follow();
    assert.deepEqual(listened, [8174]);
    assert.deepEqual(events.map(({ kind }) => kind), ["config"]);
    assert.match(await ask(), /^HTTP\/1\.1 200 OK\r\n[^]*"openshell:resolve:env:GCP_ADC/);
  }));

Deno.test("MetadataServer listens nowhere in other sandboxes", () =>
  withServer(async (scene) => {
    scene.credentials = CredentialSet.NONE;
    await scene.server.follow();
    assert.deepEqual([scene.listened, scene.events], [[], []]);
  }));

Deno.test("MetadataServer answers by the credentials in force", () =>
  withServer(async (scene) => {
    const { server, ask } = scene;
    await server.follow();
    scene.credentials = googleCredentials({ tokens: { GCP_SA_ACCESS_TOKEN: "" } });
    assert.match(await ask(), /env:GCP_SA_ACCESS_TOKEN/);
    scene.credentials = googleCredentials({ tokens: {} });
    assert.match(await ask(), /^HTTP\/1\.1 503 [^]*token_unavailable/);
    scene.credentials = CredentialSet.NONE;
    await server.follow();
    assert.match(await ask(), /^HTTP\/1\.1 404 [^]*no_google_provider/);
  }));

Deno.test("MetadataServer tells once of a port that is taken, and tries again", () =>
  withServer(async (scene) => {
    const { server, events, log, ask } = scene;
    scene.isTaken = true;
    await server.follow();
    await server.follow();
    const findings = events.map((event) => event.kind === "finding" ? event.uid : event.kind);
    assert.deepEqual(findings, ["metadata-server-unavailable"]);
    assert.deepEqual(log, ["metadata server: Cannot listen in the jail: the address is in use"]);
    scene.isTaken = false;
    await server.follow();
    assert.match(await ask(), /200 OK/);
  }));

Deno.test.each([
  { name: "a head that is too large", text: `GET /${"x".repeat(4096)}`, status: 431 },
  { name: "a line that ends in LF", text: "GET / HTTP/1.1\nHost: a\n\n", status: 400 },
  { name: "no host", text: "GET / HTTP/1.1\r\nMetadata-Flavor: Google\r\n\r\n", status: 400 },
  { name: "HTTP/2", text: "PRI * HTTP/2.0\r\n\r\n", status: 505 },
  { name: "no flavour", text: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", status: 403 },
])("MetadataServer refuses $name", ({ text, status }) =>
  withServer(async ({ server, ask }) => {
    await server.follow();
    assert.match(await ask(text), new RegExp(`^HTTP/1\\.1 ${status} [^]*"error":`));
  }));

Deno.test("MetadataServer takes one request of a connection", () =>
  withServer(async ({ server, ask }) => {
    await server.follow();
    const answer = await ask(ASK + ASK);
    assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1);
    assert.match(answer, /Connection: close/);
  }));

Deno.test("MetadataServer ends what takes too long", () =>
  withServer(async ({ server, listener }) => {
    await server.follow();
    const slow = listener.connect();
    await send(slow, "GET / HTTP/1.1\r\n");
    assert.equal(await readText(slow), "");
    slow.close();
  }, 20));

Deno.test("MetadataServer answers a bounded number at a time; the others wait", () =>
  withServer(async ({ server, listener }) => {
    await server.follow();
    const idle = Array.from({ length: METADATA_CONNECTIONS_MAX }, () => listener.connect());
    const next = listener.connect();
    await send(next, ASK);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(listener.waitingCount, 1);
    idle[0]!.close();
    assert.match(await readText(next), /200 OK/);
    for (const client of [...idle.slice(1), next]) client.close();
  }));

Deno.test("MetadataServer.close() ends connections and the listener, and opens none again", () =>
  withServer(async ({ server, listener, listened }) => {
    await server.follow();
    const waiting = listener.connect();
    await send(waiting, "GET / HTTP/1.1\r\n");
    await server.close();
    assert.equal(await readText(waiting), "");
    waiting.close();
    await server.follow();
    assert.deepEqual([listener.isClosed, listened], [true, [8174]]);
  }));
