import assert from "node:assert/strict";
import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import { layerKey } from "./compose_layers.ts";
import {
  changeOf,
  CONTRADICTING,
  openProviderFixture,
  policyOf,
  type ProviderFixture,
} from "./fixture.ts";

const NAME = "My-GH";

function layerTest(name: string, body: (fixture: ProviderFixture) => Promise<void>): void {
  Deno.test(`LayeredPolicies ${name}`, async () => {
    const fixture = openProviderFixture();
    try {
      await fixture.providers.create(changeOf(NAME, {
        type: "github",
        credentials: { GITHUB_TOKEN: "t" },
      }));
      await body(fixture);
    } finally {
      await fixture.close();
    }
  });
}

const POLICY = policyOf("api.example.com");

function keysOf(document: Uint8Array): readonly string[] {
  const { policy } = parsePolicy(document, { withLayers: true });
  return policy?.rules.map(({ key }) => key) ?? [];
}

layerTest("adds nothing until the setting says so", async (fixture) => {
  const { layered, settings, policies, addSandbox } = fixture;
  const id = await addSandbox("box", [NAME], POLICY);
  const base = await policies.effective(id);
  assert.deepEqual(await layered.effective(id), base);
  await settings.set({ sandboxId: id }, "providers_v2_enabled", true);
  const composed = await layered.effective(id);
  assert.deepEqual(keysOf(composed.document), ["_provider_my_gh", "service"]);
  assert.notEqual(composed.hash, base.hash);
  assert.equal(composed.version, base.version);
  assert.deepEqual(keysOf((await policies.effective(id)).document), ["service"]);
});

layerTest("adds nothing to a global policy", async (fixture) => {
  const { layered, settings, policies, addSandbox } = fixture;
  const id = await addSandbox("box", [NAME], POLICY);
  await settings.set("global", "providers_v2_enabled", true);
  await policies.setGlobal(new TextEncoder().encode("version: 1\n"), null);
  assert.deepEqual(keysOf((await layered.effective(id)).document), []);
});

layerTest("leaves out layers that contradict the policy, and says so", async (fixture) => {
  const { layered, settings, addSandbox, problems } = fixture;
  await settings.set("global", "providers_v2_enabled", true);
  const id = await addSandbox("box", [NAME], CONTRADICTING);
  assert.deepEqual(keysOf((await layered.effective(id)).document), ["service"]);
  assert.equal(problems.length, 1);
});

Deno.test.each([
  { name: "github", want: "_provider_github" },
  { name: "My.Own--Name", want: "_provider_my_own_name" },
  { name: "...", want: "_provider_unnamed" },
])("layerKey() of $name", ({ name, want }) => {
  assert.equal(layerKey(name), want);
});

Deno.test("parsePolicy() takes no layer from a person", () => {
  const text = POLICY.replace("service:", "_provider_x:");
  assert.equal(parsePolicy(text).policy, null);
  assert.notEqual(parsePolicy(text, { withLayers: true }).policy, null);
});
