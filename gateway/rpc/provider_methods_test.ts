import assert from "node:assert/strict";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type Interceptor,
  type ServiceImpl,
} from "@connectrpc/connect";
import { FORCE_ANNOTATION, PROOF_ANNOTATION } from "../../proto/annotations.ts";
import { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { FakeComputeDriver } from "../../tests/conformance/fake_compute_driver.ts";
import { authorize } from "../auth/authorize.ts";
import type { Principal } from "../auth/principal.ts";
import {
  CONTRADICTING,
  openProviderFixture,
  policyOf,
  type ProviderFixture,
} from "../providers/fixture.ts";
import { parseProfile } from "../providers/profile/parse_profile.ts";
import { profileToWire } from "../providers/profile/profile_wire.ts";
import { SandboxService } from "../sandbox/sandboxes.ts";
import { documentToWire } from "../policy/policy_document.ts";
import { NOT_ASKED } from "../policy/policy_proofs.ts";
import { PRINCIPAL } from "./call_context.ts";
import { policyMethods } from "./policy_methods.ts";
import { profileMethods } from "./profile_methods.ts";
import { providerMethods } from "./provider_methods.ts";
import { sandboxMethods } from "./sandbox_methods.ts";
import { toConnectError } from "./to_connect_error.ts";

interface Rpc extends ProviderFixture {
  readonly client: Client<typeof OpenShell>;
  readonly records: string[];
  /** Names of inference routes, all of the provider `mine`. */
  readonly routes: string[];
  principal: Principal;
}

const USER: Principal = { kind: "user", subject: "me" } as Principal;

const NO_LOGS = { read: () => Promise.resolve({ lines: [], total: 0 }), async *follow() {} };

/** Calls as this principal, with errors as the server gives them. */
function transportOf(methods: Partial<ServiceImpl<typeof OpenShell>>, who: () => Principal) {
  const interceptor: Interceptor = (next) => async (request) => {
    request.contextValues.set(PRINCIPAL, who());
    try {
      return await next(request);
    } catch (error) {
      throw toConnectError(error, () => {});
    }
  };
  return createRouterTransport(({ service }) => void service(OpenShell, methods), {
    router: { interceptors: [interceptor] },
  });
}

function rpcTest(name: string, body: (rpc: Rpc) => Promise<void>): void {
  Deno.test(`providerMethods() ${name}`, async () => {
    const fixture = openProviderFixture();
    const { store, policies, settings, providers, delivery, profiles, guard } = fixture;
    const driver = new FakeComputeDriver();
    const records: string[] = [];
    const routes: string[] = [];
    const record = (
      sandbox: { readonly name: string },
      { message }: { readonly message: string },
    ) => {
      records.push(`${sandbox.name}: ${message}`);
      return Promise.resolve();
    };
    const sandboxes = new SandboxService({
      store,
      driver,
      policies,
      settings,
      providers,
      issueToken: (id) => Promise.resolve(`token of ${id}`),
      now: () => 1,
      uuid: () => crypto.randomUUID(),
      random: () => 0,
      pause: () => Promise.resolve(),
      record,
      onProblem: () => {},
    });
    const ports = {
      providers,
      profiles,
      guard,
      delivery,
      sandboxes,
      record,
      recordProvider: (state: string, message: string) =>
        record({ name: "gateway" }, { message: `${state} ${message}` }),
      whoCalls: () => "me",
      notify: (id: string) => policies.notify(id),
      routesOf: (_workspace: string, name: string) =>
        Promise.resolve(name === "mine" ? routes : []),
    };
    const transport = transportOf(
      {
        ...sandboxMethods(sandboxes, NO_LOGS),
        ...policyMethods({
          ...{ sandboxes, policies, settings },
          holdSetting: (change, work) => guard.holdSetting(change, work),
        }),
        ...providerMethods(ports),
        ...profileMethods(ports),
      },
      () => rpc.principal,
    );
    const client = createClient(OpenShell, transport);
    const rpc: Rpc = { ...fixture, client, records, routes, principal: USER };
    try {
      await body(rpc);
    } finally {
      await sandboxes.close();
      await driver.close();
      await fixture.close();
    }
  });
}

function failed(code: Code, text = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(Code[error.code], Code[code], error.message);
    assert.match(error.rawMessage, text);
    return true;
  };
}

const PROVIDER = {
  metadata: { name: "mine" },
  type: "generic",
  credentials: { TOKEN: "the-value" },
  config: { URL: "u" },
};

rpcTest("never tells a value", async ({ client, records }) => {
  const made = (await client.createProvider({ provider: PROVIDER })).provider;
  assert.deepEqual(made?.credentials, { TOKEN: "REDACTED" });
  assert.deepEqual(made?.credentialHandles, {});
  assert.deepEqual(made?.config, { URL: "u" });
  const answers = [
    await client.getProvider({ name: "mine" }),
    await client.listProviders({}),
    await client.updateProvider({
      provider: { metadata: { name: "mine" }, credentials: { TOKEN: "the-value-2" } },
      credentialExpiresAtMs: { TOKEN: 5n },
    }),
  ];
  for (const answer of answers) {
    const text = JSON.stringify(
      answer,
      (_key, value) => typeof value === "bigint" ? Number(value) : value,
    );
    assert.ok(text.includes("REDACTED") && !text.includes("the-value"));
  }
  assert.deepEqual(records, [
    "gateway: created provider mine of type generic with TOKEN, by me",
    "gateway: updated provider mine: TOKEN set or removed, by me",
  ]);
});

rpcTest("refuses what a request may not hold", async ({ client }) => {
  await assert.rejects(client.createProvider({}), failed(Code.InvalidArgument, /no provider/));
  const withHandle = {
    ...PROVIDER,
    credentialHandles: { TOKEN: { driver: "memory", handle: "of another" } },
  };
  const forged = client.createProvider({ provider: withHandle });
  await assert.rejects(forged, failed(Code.InvalidArgument, /gateway's own/));
  const elsewhere = client.createProvider({ provider: PROVIDER, workspace: "elsewhere" });
  await assert.rejects(elsewhere, failed(Code.NotFound));
  await assert.rejects(client.getProvider({ name: "nobody" }), failed(Code.NotFound));
  assert.equal((await client.deleteProvider({ name: "nobody" })).deleted, false);
});

rpcTest("gives a sandbox providers, and takes them away", async ({ client, records, told }) => {
  await client.createProvider({ provider: PROVIDER });
  const { sandbox } = await client.createSandbox({ name: "box", spec: { providers: ["mine"] } });
  assert.deepEqual(sandbox?.spec?.providers, ["mine"]);
  await assert.rejects(client.deleteProvider({ name: "mine" }), failed(Code.FailedPrecondition));
  const names = async () =>
    (await client.listSandboxProviders({ sandboxName: "box" })).providers
      .map(({ metadata }) => metadata?.name);
  assert.deepEqual(await names(), ["mine"]);
  const one = { sandboxName: "box", providerName: "mine" };
  assert.equal((await client.attachSandboxProvider(one)).attached, false);
  const stale = { ...one, expectedResourceVersion: 99n };
  await assert.rejects(client.detachSandboxProvider(stale), failed(Code.Aborted));
  assert.equal((await client.detachSandboxProvider(one)).detached, true);
  assert.equal((await client.detachSandboxProvider(one)).detached, false);
  assert.deepEqual(await names(), []);
  assert.equal((await client.attachSandboxProvider(one)).attached, true);
  const unknown = { ...one, providerName: "nobody" };
  await assert.rejects(client.attachSandboxProvider(unknown), failed(Code.NotFound));
  assert.deepEqual(records.filter((line) => line.startsWith("box")), [
    "box: provider mine detached by me",
    "box: provider mine attached by me",
  ]);
  assert.deepEqual(told, []);
});

rpcTest("keeps a provider that inference routes go by", async ({ client, routes, records }) => {
  await client.createProvider({ provider: PROVIDER });
  routes.push("claude", "gpt");
  const refused = client.deleteProvider({ name: "mine" });
  await assert.rejects(refused, failed(Code.FailedPrecondition, /"claude" and 1 more goes by it/));
  routes.length = 0;
  assert.equal((await client.deleteProvider({ name: "mine" })).deleted, true);
  assert.equal(records.length, 2);
});

rpcTest("makes no sandbox with a provider that is not there", async ({ client }) => {
  const spec = { providers: ["nobody"] };
  await assert.rejects(client.createSandbox({ name: "box", spec }), failed(Code.NotFound));
  assert.deepEqual((await client.listSandboxes({})).sandboxes, []);
});

rpcTest("gives values to the sandbox's own supervisor alone", async (rpc) => {
  const { client } = rpc;
  await client.createProvider({ provider: PROVIDER });
  const policy = documentToWire(
    policyOf("api.example.com", ", credential_binding: { provider: mine }"),
  );
  const { sandbox } = await client.createSandbox({
    name: "box",
    spec: { providers: ["mine"], policy },
  });
  const sandboxId = sandbox!.metadata!.id;
  const ask = (supportsStaticCredentialBindings: boolean) =>
    client.getSandboxProviderEnvironment({ sandboxId, supportsStaticCredentialBindings });
  await assert.rejects(ask(true), failed(Code.PermissionDenied));
  rpc.principal = { kind: "sandbox", sandboxId: "another" } as Principal;
  await assert.rejects(ask(true), failed(Code.PermissionDenied));
  rpc.principal = { kind: "sandbox", sandboxId } as Principal;
  const answer = await ask(true);
  assert.deepEqual(answer.environment, { TOKEN: "the-value" });
  assert.deepEqual(answer.staticCredentialBindings["TOKEN"]?.endpoints[0]?.host, "api.example.com");
  assert.deepEqual((await ask(false)).environment, {}, "who knows of no places gets no value");
});

rpcTest("imports, changes and removes profiles", async ({ client, records }) => {
  const text = "id: mine\ncredentials: [{ name: k, env_vars: [K] }]\n";
  const { profile } = parseProfile(text);
  const message = profileToWire(profile!, { source: "", scope: "", resourceVersion: 0 });
  const items = [{ profile: message, source: "mine.yaml" }];
  assert.equal((await client.lintProviderProfiles({ profiles: items })).valid, true);
  assert.equal((await client.importProviderProfiles({ profiles: items })).imported, true);
  const again = await client.importProviderProfiles({ profiles: items });
  assert.deepEqual([again.imported, again.diagnostics[0]?.severity], [false, "error"]);
  await client.createProvider({ provider: { ...PROVIDER, type: "mine" } });
  const refused = client.deleteProviderProfile({ id: "mine" });
  await assert.rejects(refused, failed(Code.FailedPrecondition, /of this type/));
  const change = { id: "mine", profile: items[0]!, expectedResourceVersion: 1n };
  assert.equal((await client.updateProviderProfiles(change)).profile?.resourceVersion, 2n);
  await assert.rejects(client.updateProviderProfiles(change), failed(Code.Aborted));
  await client.deleteProvider({ name: "mine" });
  assert.equal((await client.deleteProviderProfile({ id: "mine" })).deleted, true);
  await assert.rejects(client.getProviderProfile({ id: "mine" }), failed(Code.NotFound));
  const { profiles } = await client.listProviderProfiles({ limit: 5 });
  assert.equal(profiles.length, 5);
  const states = records.map((line) => /gateway: (\w+) profile/.exec(line)?.[1]).filter(Boolean);
  assert.deepEqual(states, ["imported", "updated", "removed"]);
});

const SETTING = "providers_v2_enabled";
const ON = { value: { case: "stringValue", value: "yes" } } as const;

rpcTest(
  "turns no layers on, and takes no profile and policy, where they do not fit",
  async (rpc) => {
    const { client, settings, profiles } = rpc;
    const profileOn = (host: string) =>
      parseProfile(`id: mine
credentials: [{ name: k, env_vars: [K] }]
endpoints: [{ host: ${host}, port: 443, protocol: rest, access: full }]
binaries: [/usr/bin/curl]
`).profile!;
    const itemOn = (host: string) => ({
      profile: profileToWire(profileOn(host), { source: "", scope: "", resourceVersion: 0 }),
      source: "mine.yaml",
    });
    const elsewhere = itemOn("elsewhere.example.com");
    await client.importProviderProfiles({ profiles: [itemOn("api.github.com")] });
    await client.createProvider({ provider: { ...PROVIDER, type: "mine" } });
    const policy = documentToWire(CONTRADICTING);
    await client.createSandbox({ name: "box", spec: { providers: ["mine"], policy } });
    const refused = failed(Code.FailedPrecondition, /in sandbox "box"/);
    for (const scope of [{ name: "box" }, { global: true }]) {
      const turn = client.updateConfig({ ...scope, settingKey: SETTING, settingValue: ON });
      await assert.rejects(turn, refused);
    }
    assert.deepEqual((await settings.read("global")).values, {});

    const change = { id: "mine", profile: elsewhere, expectedResourceVersion: 1n };
    assert.equal((await client.updateProviderProfiles(change)).updated, true);
    await client.updateConfig({ global: true, settingKey: SETTING, settingValue: ON });
    const back = { ...change, profile: itemOn("api.github.com"), expectedResourceVersion: 2n };
    await assert.rejects(client.updateProviderProfiles(back), refused);
    const { resourceVersion, profile } = await profiles.get("default", "mine");
    assert.deepEqual([resourceVersion, profile.endpoints[0]?.host], [2, "elsewhere.example.com"]);

    const other = documentToWire(
      CONTRADICTING.replace("api.github.com", "elsewhere.example.com"),
    );
    await assert.rejects(client.updateConfig({ name: "box", policy: other }), refused);
    assert.equal((await client.getSandboxPolicyStatus({ name: "box" })).revision?.version, 1);
  },
);

rpcTest("says of a policy what force has overruled, with what providers add", async (rpc) => {
  const { client, prover } = rpc;
  await client.createProvider({ provider: { ...PROVIDER, type: "github" } });
  await client.createSandbox({ name: "box", spec: { providers: ["mine"] } });
  await client.updateConfig({ global: true, settingKey: SETTING, settingValue: ON });
  prover.judge = (text) => ({
    ...NOT_ASKED,
    verdict: text.includes("_provider_mine") ? "refuted" : "proved",
  });
  const policy = documentToWire(policyOf("api.example.com"));
  const set = (annotations: Record<string, string>) =>
    client.updateConfig({ name: "box", policy, annotations });
  await assert.rejects(set({}), failed(Code.FailedPrecondition, /it is not proved/));
  const { annotations } = await set({ [FORCE_ANNOTATION]: "true" });
  const { verdict, forced } = JSON.parse(annotations[PROOF_ANNOTATION] ?? "{}");
  assert.deepEqual([verdict, forced], ["refuted", true]);
});

rpcTest("checks providers that are attached at the same time together", async (rpc) => {
  const { client, records } = rpc;
  const names = ["a", "b", "c"];
  for (const name of names) {
    // The first two give the same key.
    const credentials = { [name === "c" ? "OTHER" : "TOKEN"]: "v" };
    await client.createProvider({ provider: { ...PROVIDER, metadata: { name }, credentials } });
  }
  await client.createSandbox({ name: "box" });
  const attached = await Promise.allSettled(
    names.map((providerName) => client.attachSandboxProvider({ sandboxName: "box", providerName })),
  );
  const refusals = attached.filter(({ status }) => status === "rejected");
  assert.equal(refusals.length, 1);
  failed(Code.FailedPrecondition, /both give TOKEN/)(
    (refusals[0] as PromiseRejectedResult).reason,
  );
  const { providers } = await client.listSandboxProviders({ sandboxName: "box" });
  assert.equal(providers.length, 2);
  const recorded = records.filter((line) => line.startsWith("box"));
  assert.equal(recorded.filter((line) => /provider [abc], by me: refused/.test(line)).length, 1);
  assert.equal(recorded.filter((line) => /provider [abc] attached by me/.test(line)).length, 2);
});

Deno.test("methods about providers are for users, and values for sandboxes", () => {
  const sandbox = { kind: "sandbox", sandboxId: "s" } as Principal;
  const methods = OpenShell.methods.filter(({ name }) => name.includes("Provider"));
  assert.ok(methods.length === 19);
  for (const method of methods) {
    const isForSandboxes = method.name === "GetSandboxProviderEnvironment";
    const verdicts = [USER, sandbox].map((principal) => authorize(method, principal).verdict);
    assert.deepEqual(verdicts, isForSandboxes ? ["deny", "allow"] : ["allow", "deny"], method.name);
  }
});
