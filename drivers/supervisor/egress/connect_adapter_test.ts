import assert from "node:assert/strict";
import { endpointOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { Endpoint } from "../../../policy-wasm/policy.ts";
import type { CallerIdentity } from "./identity/caller_identifier.ts";
import { parseConnectTarget } from "./connect_adapter.ts";
import {
  type Pipeline,
  type PipelineOptions,
  PUBLIC,
  readText,
  send,
  withPipeline,
} from "./pipeline_fixture.ts";

const L4 = { protocol: "l4", allow: [] } as const;

function rulesFor(change: Partial<Endpoint> = {}, path = "/**") {
  return [ruleOf({
    endpoints: [endpointOf({ ...L4, ...change })],
    binaries: [{ path, descendants: false }],
  })];
}

function unknownCaller(code: "caller_ambiguous" | "binary_changed"): CallerIdentity {
  return { kind: "unknown", code, detail: "It is not known" };
}

interface Refusal extends PipelineOptions {
  readonly name: string;
  readonly target?: string;
  readonly want: string;
  readonly error?: string;
  readonly status?: number;
  readonly asksDns?: boolean;
  readonly dials?: boolean;
}

const addresses = (...list: string[]) => ({ ok: true, addresses: list }) as const;

const REFUSALS: readonly Refusal[] = [
  { name: "a host that is no host", target: "127.1:443", rules: rulesFor(), want: "invalid_host" },
  { name: "everything without rules", rules: [], want: "no_network_rules" },
  { name: "another host", target: "x.org:443", rules: rulesFor(), want: "host_not_allowed" },
  {
    name: "another port",
    target: "api.example.com:80",
    rules: rulesFor(),
    want: "port_not_allowed",
  },
  { name: "another program", rules: rulesFor({}, "/usr/bin/wget"), want: "binary_not_allowed" },
  {
    name: "an unknown program",
    rules: rulesFor(),
    identity: unknownCaller("binary_changed"),
    want: "caller_unknown",
  },
  {
    name: "two programs",
    rules: rulesFor(),
    identity: unknownCaller("caller_ambiguous"),
    want: "caller_ambiguous",
  },
  { name: "everything before a policy is loaded", rules: null, want: "engine_error" },
  {
    name: "a host without an address",
    rules: rulesFor(),
    resolution: { ok: false, detail: "The host cannot be resolved" },
    want: "dns_failed",
    error: "dns_failed",
    status: 502,
    asksDns: true,
  },
  {
    name: "loopback",
    rules: rulesFor(),
    resolution: addresses("127.0.0.1"),
    want: "destination_always_blocked",
    error: "ssrf_denied",
    asksDns: true,
  },
  {
    name: "an internal address behind a pattern",
    target: "db.example.com:443",
    rules: rulesFor({ host: "*.example.com" }),
    resolution: addresses(PUBLIC, "10.0.0.1"),
    want: "destination_internal",
    error: "ssrf_denied",
    asksDns: true,
  },
  {
    name: "an address outside allowed_ips",
    rules: rulesFor({ allowedIps: ["10.0.0.0/8"] }),
    want: "destination_not_in_allowed_ips",
    error: "ssrf_denied",
    asksDns: true,
  },
  {
    name: "the port of a control plane",
    target: "api.example.com:6443",
    rules: rulesFor({ ports: [6443] }),
    want: "destination_control_plane_port",
    error: "ssrf_denied",
    asksDns: true,
  },
  {
    name: "inspection without certificates",
    rules: rulesFor({ protocol: "rest" }),
    hasTls: false,
    want: "tls_termination_unavailable",
    error: "tls_termination_unavailable",
    status: 503,
    asksDns: true,
  },
  {
    name: "a host that cannot be dialled",
    rules: rulesFor(),
    onDial: () => false,
    want: "upstream_unreachable",
    error: "upstream_unreachable",
    status: 502,
    asksDns: true,
    dials: true,
  },
  {
    name: "what a policy forbids that comes meanwhile",
    rules: rulesFor(),
    onDial: (pipeline) => {
      pipeline.load(policyOf());
      return true;
    },
    want: "policy_changed",
    asksDns: true,
    dials: true,
  },
  {
    name: "what a policy forbids that ends its dialling",
    rules: rulesFor(),
    onDial: (pipeline) => {
      pipeline.load(policyOf());
      return false;
    },
    want: "policy_changed",
    asksDns: true,
    dials: true,
  },
];

Deno.test.each([...REFUSALS])("handleConnect() refuses $name", async (refusal) => {
  const { target = "api.example.com:443", want, error = "policy_denied", status = 403 } = refusal;
  await withPipeline(refusal, async (pipeline) => {
    const answer = await pipeline.ask(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    const body = JSON.parse(answer.body);
    assert.equal(answer.status, status);
    assert.deepEqual([body.error, body.reason, body.layer], [error, want, "l4"]);
    assert.ok(body.detail.startsWith(`CONNECT ${target}: `), body.detail);
    assert.ok(body.next_steps.length > 0);
    assert.equal(body.binary, want.startsWith("caller_") ? undefined : "/usr/bin/curl");
    const [event] = pipeline.events;
    assert.equal(pipeline.events.length, 1);
    assert.ok(event?.kind === "connection" && event.outcome.kind === "denied");
    assert.equal(event.outcome.reason, want);
    assert.equal(pipeline.resolved.length > 0, refusal.asksDns ?? false);
    assert.equal(pipeline.dialled.length > 0, refusal.dials ?? false);
  });
});

Deno.test("handleConnect() says which rule is missing", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { body } = await pipeline.ask("CONNECT x.org:443 HTTP/1.1\r\nHost: x.org\r\n\r\n");
    const binary = "/usr/bin/curl";
    const place = { host: "x.org", port: 443, binary };
    assert.deepEqual(JSON.parse(body).rule_missing, { type: "endpoint", layer: "l4", ...place });
  }));

Deno.test.each([
  { name: "no port", head: "CONNECT api.example.com HTTP/1.1\r\nHost: a\r\n\r\n" },
  { name: "port 0", head: "CONNECT api.example.com:0 HTTP/1.1\r\nHost: a\r\n\r\n" },
  { name: "a scheme", head: "CONNECT http://a.example:1 HTTP/1.1\r\nHost: a.example:1\r\n\r\n" },
  { name: "a body", head: "CONNECT a.example:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n" },
])("handleConnect() does not understand $name", async ({ head }) => {
  await withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { status, body } = await pipeline.ask(head);
    assert.equal(status, 400);
    assert.equal(JSON.parse(body).error, "invalid_request");
    const [finding, ...others] = pipeline.events;
    assert.equal(finding?.kind === "finding" && finding.uid, "malformed-request");
    assert.deepEqual([others, pipeline.dialled], [[], []]);
  });
});

Deno.test.each([
  { target: "a.example:443", want: { host: "a.example", port: 443 } },
  { target: "[2001:db8::1]:1", want: { host: "[2001:db8::1]", port: 1 } },
  { target: "a.example:65536", want: null },
  { target: "user@a.example:1", want: null },
  { target: "a.example:1:2", want: null },
  { target: ":1", want: null },
  { target: "a.example:", want: null },
])("parseConnectTarget() reads $target", ({ target, want }) => {
  assert.deepEqual(parseConnectTarget(target), want);
});

Deno.test("handleConnect() relays unread what no rule reads, each end on its own", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client, server } = await pipeline.connect("API.example.com:443");
    assert.deepEqual(pipeline.dialled, [{ addresses: [PUBLIC], port: 443 }]);
    await send(client, "hello");
    await client.closeWrite();
    assert.equal(await readText(server), "hello");
    await send(server, "and back");
    await server.closeWrite();
    assert.equal(await readText(client), "and back");
    assert.deepEqual(pipeline.events, [{
      kind: "connection",
      actor: { binary: "/usr/bin/curl", pid: 4711, ancestors: ["/usr/bin/bash"] },
      destination: { host: "api.example.com", port: 443, address: PUBLIC },
      outcome: { kind: "allowed", rule: "rule" },
      generation: currentHash(pipeline.generations.current),
      handling: "opaque",
    }]);
  }));

function currentHash(current: unknown): string {
  return (current as { evaluator: { generation: string } }).evaluator.generation;
}

Deno.test.each([
  { name: "", head: "CONNECT api.example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n" },
  { name: ", also of HTTP/1.0", head: "CONNECT api.example.com:443 HTTP/1.0\r\n\r\n" },
])("handleConnect() passes on what came with the head$name", async ({ head }) => {
  await withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const client = pipeline.open();
    const dialled = pipeline.nextServer();
    await send(client, `${head}early`);
    await client.closeWrite();
    assert.equal(await readText(await dialled), "early");
    client.close();
  });
});

Deno.test.each([
  { name: "goes on under a policy that allows it too", rules: rulesFor({ ports: [443, 444] }) },
  { name: "ends with the policy that allowed it", rules: rulesFor({ ports: [444] }), ends: true },
  {
    name: "ends where its bytes are to be read now",
    rules: rulesFor({ protocol: "rest" }),
    ends: true,
  },
  {
    name: "ends where its address is not allowed now",
    rules: rulesFor({ allowedIps: ["10.0.0.0/8"] }),
    ends: true,
  },
])("An open tunnel $name", async ({ rules, ends = false }) => {
  await withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client, server } = await pipeline.connect("api.example.com:443");
    await send(client, "1");
    pipeline.load(policyOf(...rules));
    if (ends) return assert.equal(await readText(client), "");
    await send(server, "2");
    await server.closeWrite();
    assert.equal(await readText(client), "2");
    client.close();
  });
});

Deno.test("handleConnect() refuses by a policy that comes at any moment after the answer of DNS", async () => {
  for (let turns = 0; turns < 20; turns += 1) {
    const onResolve = (pipeline: Pipeline) => {
      let left = turns;
      const turn = () => {
        if (left === 0) pipeline.load(policyOf());
        else queueMicrotask(turn);
        left -= 1;
      };
      turn();
    };
    await withPipeline({ rules: rulesFor(), onResolve }, async (pipeline) => {
      const client = pipeline.open();
      await send(client, "CONNECT api.example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n");
      // Either it is refused, or it stands for a moment and is ended.
      await readText(client);
      client.close();
      await pipeline.proxy.close();
      for (const server of pipeline.servers) assert.equal(await readText(server), "");
      assert.equal(pipeline.events.length, 1);
    });
  }
});

Deno.test("An open tunnel ends with a quarantine", () =>
  withPipeline({ rules: rulesFor() }, async (pipeline) => {
    const { client } = await pipeline.connect("api.example.com:443");
    pipeline.generations.quarantine("The policy did not load");
    assert.equal(await readText(client), "");
    const { body } = await pipeline.ask("CONNECT a.example:1 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(JSON.parse(body).detail, /The policy did not load$/);
  }));
