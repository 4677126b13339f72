import assert from "node:assert/strict";
import { endpointOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import { UPSTREAM_UNUSED_MS_MAX } from "../../../proto/egress_limits.ts";
import { type Allowed, authorizeConnection } from "./authorize_connection.ts";
import type { ByteStream } from "./byte_stream.ts";
import { GenerationHolder } from "./generation.ts";
import { memoryPair, type MemoryStream } from "./http1/memory_stream.ts";
import { LiveConnection } from "./live_connection.ts";
import { CURL, PUBLIC } from "./pipeline_fixture.ts";
import type { DialTarget } from "./ports.ts";
import { Upstream } from "./upstream.ts";

async function allow(): Promise<Allowed> {
  const generations = new GenerationHolder();
  generations.load(policyOf(ruleOf({ endpoints: [endpointOf()] })), { version: 1, hash: "" });
  const allowed = await authorizeConnection(
    { host: "api.example.com", port: 443, identity: CURL },
    { generations, resolve: () => Promise.resolve({ ok: true, addresses: [PUBLIC] }) },
  );
  assert.ok(allowed.verdict === "allow");
  return allowed;
}

class Fixture {
  readonly first: MemoryStream = memoryPair()[0];
  readonly second: MemoryStream = memoryPair()[0];
  readonly dialled: DialTarget[] = [];
  readonly secured: ByteStream[] = [];
  readonly controller = new AbortController();
  now = 0;
  failure: Error | null = null;

  async upstream(options: { readonly isPlain?: boolean } = {}): Promise<Upstream> {
    return new Upstream({
      live: new LiveConnection(await allow()),
      dialled: { connection: this.first, address: "192.0.2.1" },
      dial: (target) => {
        this.dialled.push(target);
        return Promise.resolve({ connection: this.second, address: PUBLIC });
      },
      tls: options.isPlain === true ? null : {
        connect: (connection, host) => {
          assert.equal(host, "api.example.com");
          this.secured.push(connection);
          if (this.failure !== null) return Promise.reject(this.failure);
          return Promise.resolve(connection);
        },
      },
      signal: this.controller.signal,
      now: () => this.now,
    });
  }
}

Deno.test("Upstream hands out what was dialled, then dials the judged addresses anew", async () => {
  const fixture = new Fixture();
  const upstream = await fixture.upstream();
  await upstream.prepare();
  await upstream.prepare();
  assert.equal(await upstream.open(), fixture.first);
  assert.deepEqual([fixture.dialled.length, upstream.address], [0, "192.0.2.1"]);
  assert.equal(await upstream.open(), fixture.second);
  assert.deepEqual([fixture.dialled[0]?.addresses, fixture.dialled[0]?.port], [[PUBLIC], 443]);
  assert.equal(upstream.address, PUBLIC);
  assert.deepEqual(fixture.secured, [fixture.first, fixture.second]);
  upstream.close();
  assert.deepEqual([fixture.first.isClosed, fixture.second.isClosed], [false, false]);
});

Deno.test("Upstream begins TLS when it is told to, once, and tells its failure later", async () => {
  const fixture = new Fixture();
  const upstream = await fixture.upstream();
  upstream.start();
  upstream.start();
  assert.deepEqual(fixture.secured, [fixture.first]);
  assert.equal(await upstream.open(), fixture.first);
  const failing = new Fixture();
  failing.failure = new TypeError("A mistake");
  const other = await failing.upstream();
  other.start();
  await Promise.resolve();
  await assert.rejects(other.prepare(), failing.failure);
});

Deno.test("Upstream speaks no TLS where nothing does", async () => {
  const fixture = new Fixture();
  const upstream = await fixture.upstream({ isPlain: true });
  assert.equal(await upstream.open(), fixture.first);
  assert.deepEqual(fixture.secured, []);
});

Deno.test("Upstream does not use a connection that was idle for long", async () => {
  const fixture = new Fixture();
  const upstream = await fixture.upstream();
  fixture.now = UPSTREAM_UNUSED_MS_MAX + 1;
  assert.equal(await upstream.open(), fixture.second);
  assert.ok(fixture.first.isClosed);
});

Deno.test.each([
  { name: "dialled", use: () => {} },
  { name: "begun", use: (upstream: Upstream) => upstream.start() },
  { name: "made ready", use: (upstream: Upstream) => upstream.prepare() },
])("Upstream.close() closes what was only $name", async ({ use }) => {
  const fixture = new Fixture();
  const upstream = await fixture.upstream();
  await use(upstream);
  upstream.close();
  // What is begun is closed when it is done.
  for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
  assert.ok(fixture.first.isClosed);
});

Deno.test("Upstream keeps nothing that is not wanted any more", async () => {
  const fixture = new Fixture();
  const upstream = await fixture.upstream();
  fixture.controller.abort();
  await upstream.prepare();
  assert.ok(fixture.first.isClosed);
});
