import assert from "node:assert/strict";
import { endpointOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { AuditEvent } from "../events/audit_event.ts";
import { jailTest } from "../launch/jail_fixture.ts";
import {
  DOOR_NEEDS,
  DOOR_PORT,
  LARGE_BYTES,
  ORIGIN,
  originAddress,
  withDoor,
} from "./door_fixture.ts";
import { memoryPair, type MemoryStream } from "./http1/memory_stream.ts";
import { acceptedFrom, parseAnswer, readText, send, withPipeline } from "./pipeline_fixture.ts";
import type { AcceptedConnection } from "./ports.ts";
import type { ListenerPort } from "./proxy.ts";

const RULES = [ruleOf({ endpoints: [endpointOf({ protocol: "l4", allow: [] })] })];

/** Gives what it is told to, in order, then waits until it is closed. */
class FakeListener implements ListenerPort {
  readonly #outcomes: (AcceptedConnection | Error)[];
  readonly #closed = Promise.withResolvers<AcceptedConnection>();

  constructor(...outcomes: readonly (AcceptedConnection | Error)[]) {
    this.#outcomes = [...outcomes];
    // A test may close it without anybody waiting.
    this.#closed.promise.catch(() => {});
  }

  accept(): Promise<AcceptedConnection> {
    const outcome = this.#outcomes.shift();
    if (outcome === undefined) return this.#closed.promise;
    return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
  }

  close(): void {
    this.#closed.reject(new Deno.errors.BadResource("closed"));
  }
}

function connectionPair(): { client: MemoryStream; accepted: AcceptedConnection } {
  const [client, accepted] = memoryPair();
  return { client, accepted: acceptedFrom(accepted) };
}

Deno.test("EgressProxy goes on when the kernel has no descriptor left", () =>
  withPipeline({ limits: { acceptPauseMs: 1 } }, async ({ proxy }) => {
    const { client, accepted } = connectionPair();
    const failure = new Error("Too many open files (os error 24)");
    const serving = proxy.serve(new FakeListener(failure, failure, accepted));
    await send(client, "CONNECT a.example:1 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal(parseAnswer(await readText(client)).status, 403);
    client.close();
    await proxy.close();
    await serving;
  }));

Deno.test("EgressProxy.serve() ends with its listener", () =>
  withPipeline({}, async ({ proxy }) => {
    const listener = new FakeListener();
    const serving = proxy.serve(listener);
    listener.close();
    await serving;
  }));

Deno.test("EgressProxy does not wait out a pause to close", () =>
  withPipeline({ limits: { acceptPauseMs: 1_000_000 } }, async ({ proxy }) => {
    const serving = proxy.serve(new FakeListener(new Error("no")));
    await Promise.resolve();
    await proxy.close();
    await serving;
  }));

Deno.test("EgressProxy refuses connections beyond its bound, and says so once", () =>
  withPipeline({ rules: RULES, limits: { connectionsMax: 2 } }, async (pipeline) => {
    const open = [
      await pipeline.connect("api.example.com:443"),
      await pipeline.connect("api.example.com:443"),
    ];
    assert.equal(pipeline.proxy.connectionCount, 2);
    for (let time = 0; time < 2; time += 1) {
      const answer = await pipeline.ask("");
      assert.equal(answer.status, 503);
      assert.equal(JSON.parse(answer.body).error, "too_many_connections");
    }
    const findings = pipeline.events.filter(({ kind }) => kind === "finding");
    assert.equal(findings.length, 1);
    for (const { client, server } of open) {
      client.close();
      await readText(server);
      server.close();
    }
    await Promise.resolve();
    await pipeline.connect("api.example.com:443");
  }));

Deno.test.each([
  { name: "a malformed head", text: "CONNECT\r\n\r\n", status: 400 },
  { name: "bare line feeds", text: "GET / HTTP/1.1\nHost: a\n\n", status: 400 },
  {
    name: "a head without an end",
    text: `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}`,
    status: 431,
  },
  { name: "HTTP/2", text: "PRI * HTTP/2.0\r\n\r\n", status: 505 },
])("EgressProxy answers $name with a status alone", async ({ text, status }) => {
  await withPipeline({ rules: RULES }, async (pipeline) => {
    const answer = await pipeline.ask(text);
    assert.deepEqual([answer.status, answer.body], [status, ""]);
    assert.deepEqual(findingsOf(pipeline.events), ["malformed-request"]);
  });
});

Deno.test("EgressProxy closes a program that says nothing", () =>
  withPipeline({ limits: { headMs: 5 } }, async (pipeline) => {
    const client = pipeline.open();
    assert.equal(await readText(client), "");
    client.close();
  }));

Deno.test("EgressProxy.close() ends what is open, and takes nothing new", () =>
  withPipeline({ rules: RULES }, async (pipeline) => {
    const waiting = pipeline.open();
    const { client, server } = await pipeline.connect("api.example.com:443");
    await pipeline.proxy.close();
    for (const stream of [waiting, client, server, pipeline.open()]) {
      assert.equal(await readText(stream), "");
      stream.close();
    }
  }));

Deno.test("EgressProxy closes the one connection on which something unforeseen happens", () => {
  const errors: unknown[] = [];
  const failure = new TypeError("A mistake");
  const onDial = () => {
    throw failure;
  };
  return withPipeline(
    { rules: RULES, onDial, onError: (error) => errors.push(error) },
    async (pipeline) => {
      const client = pipeline.open();
      await send(client, "CONNECT api.example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.equal(await readText(client), "");
      client.close();
      await pipeline.proxy.close();
      assert.deepEqual(errors, [failure]);
      const [finding] = pipeline.events;
      assert.equal(finding?.kind === "finding" && finding.detail, "TypeError");
    },
  );
});

const CURL = `/usr/bin/curl -sS -m 10 --cacert ca.pem -x http://127.0.0.1:${DOOR_PORT}`;

function summarize(events: readonly AuditEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.kind !== "connection" && event.kind !== "request") return [];
    const { outcome } = event;
    const what = event.kind === "request" ? `${event.method} ${event.path}` : event.handling;
    return [`${what} ${outcome.kind === "denied" ? outcome.reason : outcome.kind}`];
  });
}

jailTest(
  "The proxy judges what a real program in a real jail asks for",
  () =>
    withDoor(async ({ events, httpPort, httpsPort, caPem, generations, policy }, context) => {
      Deno.writeTextFileSync(`${context.workspace}/ca.pem`, caPem);
      const curl = async (args: string) => (await context.run(`${CURL} ${args}`)).out;
      const https = `https://${ORIGIN}:${httpsPort}`;
      const http = `http://${ORIGIN}:${httpPort}`;

      assert.equal(await curl(`${https}/zen?q=1`), "GET /zen ");
      assert.equal(await curl(`${http}/zen`), "GET /zen ");
      assert.equal(await curl(`-p ${http}/tunnel`), "GET /tunnel ");
      assert.equal(JSON.parse(await curl(`-d x ${https}/zen`)).rule, "POST /zen");
      assert.equal(JSON.parse(await curl(`-d x ${http}/zen`)).rule, "POST /zen");
      assert.match(await curl("https://other.example.com/"), /403/);
      assert.equal(JSON.parse(await curl("http://other.example.com/")).reason, "host_not_allowed");
      assert.match(
        await curl(`--connect-to ::${ORIGIN}:${httpsPort} https://evil.example.com/`),
        /curl/,
      );
      assert.match((await context.run(`${CURL.replace(/-x \S+/, "")} ${http}/`)).out, /curl/);
      assert.deepEqual(summarize(events), [
        "tls_inspected allowed",
        "GET /zen allowed",
        "plain_inspected allowed",
        "GET /zen allowed",
        "plain_inspected allowed",
        "GET /tunnel allowed",
        "tls_inspected allowed",
        "POST /zen request_not_allowed",
        "plain_inspected allowed",
        "POST /zen request_not_allowed",
        "null host_not_allowed",
        "null host_not_allowed",
        "null server_name_mismatch",
      ]);
      const [first] = events;
      assert.ok(first?.kind === "connection");
      assert.equal(first.actor?.binary, Deno.realPathSync("/usr/bin/curl"));
      assert.equal(first.destination.address, originAddress());

      generations.load({ ...policy, rules: [] }, { version: 2, hash: "sha256:1" });
      assert.equal(JSON.parse(await curl(`${http}/zen`)).reason, "no_network_rules");
    }),
  DOOR_NEEDS,
);

jailTest(
  "The proxy refuses another program that asks for the same",
  () =>
    withDoor(async ({ events, httpPort }, { run }) => {
      const script = `cp /usr/bin/curl other && ${
        CURL.replace("/usr/bin/curl", "./other").replace("--cacert ca.pem", "")
      } http://${ORIGIN}:${httpPort}/`;
      assert.equal(JSON.parse((await run(script)).out).reason, "binary_not_allowed");
      assert.deepEqual(summarize(events), ["null binary_not_allowed"]);
    }),
  DOOR_NEEDS,
);

jailTest(
  "The proxy carries many connections at once",
  () =>
    withDoor(async ({ proxy, events, httpsPort, caPem }, context) => {
      Deno.writeTextFileSync(`${context.workspace}/ca.pem`, caPem);
      const urls = `"https://${ORIGIN}:${httpsPort}/[1-40]"`;
      const { out } = await context.run(`${CURL} --parallel --parallel-immediate ${urls}`);
      const paths = Array.from({ length: 40 }, (_, index) => `GET /${index + 1} `);
      assert.equal(out.split("GET").length - 1, 40);
      for (const path of paths) assert.ok(out.includes(path), path);
      await proxy.close();
      assert.equal(events.filter(({ kind }) => kind === "request").length, 40);
    }),
  DOOR_NEEDS,
);

jailTest(
  "The proxy carries much, and goes on when programs go away",
  () =>
    withDoor(async ({ proxy, events, httpPort, httpsPort, caPem }, context) => {
      Deno.writeTextFileSync(`${context.workspace}/ca.pem`, caPem);
      const urls = [`https://${ORIGIN}:${httpsPort}/large`, `http://${ORIGIN}:${httpPort}/large`];
      for (const url of urls) {
        const { out } = await context.run(`${CURL} ${url} | wc -c`);
        assert.equal(Number(out), LARGE_BYTES);
        const slow = `${CURL} -m 0.2 --limit-rate 100k -o /dev/null -p ${url} 2>/dev/null`;
        await context.run(`for i in 1 2 3 4 5; do ${slow} & done; wait; :`);
      }
      await proxy.close();
      assert.deepEqual(events.filter(({ kind }) => kind === "finding"), []);
      assert.ok(events.filter(({ kind }) => kind === "request").length >= urls.length);
    }),
  DOOR_NEEDS,
);

function findingsOf(events: readonly AuditEvent[]): readonly string[] {
  return events.map((event) => event.kind === "finding" ? event.uid : event.kind);
}
