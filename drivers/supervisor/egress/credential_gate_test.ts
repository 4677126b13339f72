import assert from "node:assert/strict";
import { endpointOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { Endpoint } from "../../../policy-wasm/policy.ts";
import { CredentialSet } from "../credentials/credential_set.ts";
import { liveCredentials } from "../credentials/fixture.ts";
import { authorizeConnection, decide, isUnread } from "./authorize_connection.ts";
import { findUninspected } from "./credential_gate.ts";
import { type Generation, GenerationHolder } from "./generation.ts";
import { LiveConnection } from "./live_connection.ts";
import { CURL, PUBLIC, withPipeline } from "./pipeline_fixture.ts";

const UNREAD = { protocol: "l4", allow: [] } as const;
const REVISION = { version: 1, hash: "sha256:0" };

function rules(...changes: readonly Partial<Endpoint>[]) {
  return changes.map((change, at) => ruleOf({ key: `r${at}`, endpoints: [endpointOf(change)] }));
}

Deno.test.each([
  { name: "an endpoint that is read", change: {}, want: [] },
  { name: "one of another host", change: { ...UNREAD, host: "other.example.com" }, want: [] },
  { name: "one of another port", change: { ...UNREAD, ports: [8443] }, want: [] },
  { name: "what is meant", change: { ...UNREAD, allowUninspectedCredentials: true }, want: [] },
  { name: "an unread one", change: UNREAD, want: ["TOKEN", "ROTATING"] },
  { name: "tcp", change: { protocol: "tcp", allow: [] } as const, want: ["TOKEN", "ROTATING"] },
  { name: "skipped TLS", change: { tls: "skip" } as const, want: ["TOKEN", "ROTATING"] },
  { name: "a pattern", change: { ...UNREAD, host: "*.example.com" }, want: ["TOKEN", "ROTATING"] },
  {
    name: "addresses alone",
    change: { ...UNREAD, host: "", allowedIps: ["10.0.0.0/8"] },
    want: ["TOKEN", "ROTATING", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
  },
])("findUninspected() has for $name: $want", ({ change, want }) => {
  const found = findUninspected(rules(change), liveCredentials());
  assert.deepEqual(found.map(({ key }) => key), want);
  assert.deepEqual(findUninspected(rules(change), CredentialSet.NONE), []);
});

Deno.test("GenerationHolder.load() refuses a policy that would not read what credentials go to", () => {
  const holder = new GenerationHolder();
  assert.throws(() => holder.load(policyOf(...rules(UNREAD)), REVISION, liveCredentials()), {
    name: "GenerationError",
    message: /rule "r0" relays api\.example\.com, port 443, unread, and the credential TOKEN/,
  });
  assert.ok("quarantine" in holder.current);
});

Deno.test("GenerationHolder.load() that fails takes revoked credentials away all the same", () => {
  const holder = new GenerationHolder();
  holder.load(policyOf(...rules({})), REVISION, liveCredentials());
  const later = liveCredentials().without((key) => key === "TOKEN");
  assert.throws(() => holder.load(policyOf(...rules(UNREAD)), REVISION, later));
  const { current } = holder;
  assert.ok(!("quarantine" in current));
  assert.equal(current.credentials.providerOf("TOKEN"), null);
  assert.equal(current.credentials.providerOf("ROTATING"), "work");
});

Deno.test("GenerationHolder.load() that fails gives the old policy nothing that it would not read", () => {
  const holder = new GenerationHolder();
  const unread = policyOf(...rules(UNREAD));
  holder.load(unread, REVISION);
  assert.throws(() => holder.load(unread, REVISION, liveCredentials()));
  const { current } = holder;
  assert.ok(!("quarantine" in current));
  assert.deepEqual(current.credentials.keysAt("**", [443]), [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
  ]);
});

Deno.test.each([
  { name: "an unread connection", change: UNREAD, host: "api.example.com", want: true },
  { name: "one that is read", change: {}, host: "api.example.com", want: false },
  {
    name: "one that is meant",
    change: { ...UNREAD, allowUninspectedCredentials: true },
    host: "api.example.com",
    want: false,
  },
])("isUnread() is $want for $name", ({ change, host, want }) => {
  const loaded = new GenerationHolder().load(policyOf(...rules(change)), REVISION);
  const generation = { ...loaded, credentials: liveCredentials() };
  const target = { host, port: 443 };
  const connection = decide(generation, { binary: "/bin/x", ancestors: [] }, target);
  assert.equal(connection.decision.verdict, "allow");
  assert.equal(isUnread(generation, connection, target), want);
  assert.equal(isUnread(generation, connection, { ...target, port: 444 }), false);
});

Deno.test("authorizeConnection() and a review refuse what load() would not have let in force", async () => {
  const loaded = new GenerationHolder().load(policyOf(...rules(UNREAD)), REVISION);
  const current = { ...loaded, credentials: liveCredentials() };
  const intent = { host: "api.example.com", port: 443, identity: CURL };
  const resolve = () => Promise.resolve({ ok: true, addresses: [PUBLIC] } as const);
  const under = (generation: Generation) =>
    authorizeConnection(intent, {
      generations: { current: generation } as unknown as GenerationHolder,
      resolve,
    });
  const refused = await under(current);
  assert.equal(refused.verdict === "deny" && refused.code, "uninspected_credentials");
  const allowed = await under(loaded);
  assert.ok(allowed.verdict === "allow");
  const live = new LiveConnection(allowed);
  assert.deepEqual([live.review(loaded), live.review(current)], [true, false]);
});

Deno.test("a tunnel that is open unread ends where its host gets a credential", () => {
  const unread = rules({ ...UNREAD, allowUninspectedCredentials: true });
  return withPipeline({ rules: unread }, async (pipeline) => {
    const { client } = await pipeline.connect("api.example.com:443");
    pipeline.load(policyOf(...unread), liveCredentials());
    await Promise.resolve();
    assert.equal(client.isClosed, false);
    pipeline.load(policyOf(...rules({})), liveCredentials());
    assert.equal(await client.read(new Uint8Array(1)), null);
    client.close();
  });
});
