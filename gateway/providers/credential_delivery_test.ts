import assert from "node:assert/strict";
import { changeOf, openProviderFixture, policyOf, type ProviderFixture } from "./fixture.ts";

function deliveryTest(name: string, body: (fixture: ProviderFixture) => Promise<void>): void {
  Deno.test(`CredentialDelivery ${name}`, async () => {
    const fixture = openProviderFixture();
    try {
      await body(fixture);
    } finally {
      await fixture.close();
    }
  });
}

deliveryTest("binds to the hosts of the profile", async ({ providers, delivery, addSandbox }) => {
  await providers.create(changeOf("gh", { type: "github", credentials: { GITHUB_TOKEN: "t" } }));
  const made = await delivery.environmentOf(await addSandbox("box", ["gh"]));
  assert.deepEqual(made.environment, { GITHUB_TOKEN: "t" });
  assert.deepEqual(made.staticCredentialBindings["GITHUB_TOKEN"], {
    endpoints: [
      { host: "api.github.com", port: 443, path: "" },
      { host: "api.github.com", port: 443, path: "/graphql" },
      { host: "github.com", port: 443, path: "" },
    ],
    credentialIdentity: "gh",
    workloadCredentialHandle: "",
  });
});

deliveryTest("does not let a policy bind what has hosts of its own", async (fixture) => {
  const { providers, delivery, addSandbox } = fixture;
  await providers.create(changeOf("gh", { type: "github", credentials: { GITHUB_TOKEN: "t" } }));
  const policy = policyOf("attacker.example.com", ", credential_binding: { provider: gh }");
  const made = await delivery.environmentOf(await addSandbox("box", ["gh"], policy));
  const hosts = made.staticCredentialBindings["GITHUB_TOKEN"]?.endpoints.map(({ host }) => host);
  assert.ok(!hosts?.includes("attacker.example.com"));
});

deliveryTest("binds what has no hosts where the policy says so", async (fixture) => {
  const { providers, delivery, addSandbox } = fixture;
  await providers.create(changeOf("mine", { expiresAtMs: { TOKEN: 99n } }));
  await providers.create(changeOf("stray", { credentials: { STRAY: "s" } }));
  const policy = policyOf("api.example.com", ", credential_binding: { provider: mine }");
  const made = await delivery.environmentOf(await addSandbox("box", ["mine", "stray"], policy));
  assert.deepEqual(made.environment, { TOKEN: "value of mine" });
  assert.deepEqual(made.credentialExpiresAtMs, { TOKEN: 99n });
  const { endpoints } = made.staticCredentialBindings["TOKEN"]!;
  assert.deepEqual(endpoints, [{ host: "api.example.com", port: 443, path: "" }]);
});

deliveryTest("gives project and region in clear", async ({ providers, delivery, addSandbox }) => {
  await providers.create(changeOf("gcp", {
    type: "gcp",
    credentials: {},
    config: { project_id: "p", region: "r", service_account_email: "" },
  }));
  const made = await delivery.environmentOf(await addSandbox("box", ["gcp"]));
  assert.equal(made.environment["GOOGLE_CLOUD_PROJECT"], "p");
  assert.ok(made.nonSecretEnvironmentKeys.includes("CLOUD_ML_REGION"));
  assert.deepEqual(made.staticCredentialBindings, {});
});

deliveryTest("has a revision that grows with each change, and only then", async (fixture) => {
  const { providers, delivery, addSandbox } = fixture;
  await providers.create(changeOf("gh", { type: "github", credentials: { GITHUB_TOKEN: "t" } }));
  const id = await addSandbox("box", ["gh"]);
  const first = await delivery.environmentOf(id);
  const same = await delivery.environmentOf(id);
  assert.equal(same.providerEnvRevision, first.providerEnvRevision);
  await providers.update(changeOf("gh", { type: "", credentials: { GITHUB_TOKEN: "u" } }));
  const next = await delivery.environmentOf(id);
  assert.ok(next.providerEnvRevision > first.providerEnvRevision);
  assert.equal(next.environment["GITHUB_TOKEN"], "u");
  await assert.rejects(delivery.environmentOf("nobody"), { code: "not_found" });
});

deliveryTest("reads again what was replaced meanwhile, and not without end", async (fixture) => {
  const { providers, delivery, addSandbox, kept } = fixture;
  await providers.create(changeOf("gh", { type: "github", credentials: { GITHUB_TOKEN: "t" } }));
  const id = await addSandbox("box", ["gh"]);
  const read = kept.get.bind(kept);
  let misses = 2;
  kept.get = (handle) => misses-- > 0 ? undefined : read(handle);
  assert.equal((await delivery.environmentOf(id)).environment["GITHUB_TOKEN"], "t");
  misses = Infinity;
  await assert.rejects(delivery.environmentOf(id), { code: "not_found" });
});
