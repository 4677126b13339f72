import assert from "node:assert/strict";
import { endpointOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import { authorizeConnection } from "./authorize_connection.ts";
import { GenerationHolder } from "./generation.ts";
import { CURL, PUBLIC } from "./pipeline_fixture.ts";

const REVISION = { version: 1, hash: "sha256:0" };
const ALLOWING = policyOf(ruleOf());
const INTENT = { host: "API.example.com", port: 443, identity: CURL };

function holderOf(policy = ALLOWING): GenerationHolder {
  const generations = new GenerationHolder();
  generations.load(policy, REVISION);
  return generations;
}

Deno.test("authorizeConnection() allows a listed host at all its addresses", async () => {
  const addresses = [PUBLIC, "2606:4700::1111"];
  const resolve = () => Promise.resolve({ ok: true, addresses } as const);
  const generations = holderOf();
  const got = await authorizeConnection(INTENT, { generations, resolve });
  assert.ok(got.verdict === "allow");
  assert.deepEqual(got.target, { host: "api.example.com", port: 443 });
  assert.deepEqual(got.addresses, addresses);
  assert.equal(got.generation, generations.current);
});

Deno.test("authorizeConnection() judges anew when a policy comes while a host is resolved", async () => {
  const generations = holderOf();
  let asked = 0;
  const resolve = () => {
    asked += 1;
    generations.load(policyOf(), REVISION);
    return Promise.resolve({ ok: true, addresses: [PUBLIC] } as const);
  };
  const got = await authorizeConnection(INTENT, { generations, resolve });
  assert.equal(got.verdict === "deny" && got.code, "no_network_rules");
  assert.equal(asked, 1);
});

Deno.test("authorizeConnection() gives up when policies never stop coming", async () => {
  const generations = holderOf();
  const resolve = () => {
    generations.load(ALLOWING, REVISION);
    return Promise.resolve({ ok: true, addresses: [PUBLIC] } as const);
  };
  const got = await authorizeConnection(INTENT, { generations, resolve });
  assert.equal(got.verdict === "deny" && got.code, "policy_changed");
});

Deno.test.each([
  { name: "a literal that is listed", host: "10.1.2.3", listed: "10.1.2.3", verdict: "allow" },
  { name: "a listed name at home", host: "db.internal", listed: "db.internal", verdict: "allow" },
  { name: "a pattern at home", host: "db.example.com", listed: "*.example.com", verdict: "deny" },
  { name: "no name at home", host: "db.internal", listed: "", verdict: "allow" },
])(
  "authorizeConnection() goes by how the endpoint names it: $name",
  async ({ host, listed, verdict }) => {
    const allowedIps = listed === "" ? ["10.0.0.0/8"] : [];
    const endpoint = endpointOf({ host: listed, allowedIps });
    const generations = holderOf(policyOf(ruleOf({ endpoints: [endpoint] })));
    const resolve = () => Promise.resolve({ ok: true, addresses: ["10.1.2.3"] } as const);
    const got = await authorizeConnection({ ...INTENT, host }, { generations, resolve });
    assert.equal(got.verdict, verdict);
  },
);
