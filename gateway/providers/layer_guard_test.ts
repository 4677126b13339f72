import assert from "node:assert/strict";
import { NOT_ASKED, type ProofOutcome } from "../policy/policy_proofs.ts";
import type { SettingValue } from "../policy/settings.ts";
import {
  changeOf,
  CONTRADICTING,
  openProviderFixture,
  policyOf,
  type ProviderFixture,
} from "./fixture.ts";
import { parseProfile } from "./profile/parse_profile.ts";
import { readProfiles } from "./profile_catalogue.ts";
import { LayerGuard } from "./layer_guard.ts";
import type { Profile } from "./profile/profile.ts";
import { profileToWire } from "./profile/profile_wire.ts";

const NAME = "gh";
const POLICY = policyOf("api.example.com");
/** Relays to the host of the profile what nobody reads; without the setting that is a word to keep. */
const UNREAD = CONTRADICTING.replace(", allow_uninspected_credentials: true", "");
const SETTING = "providers_v2_enabled";
const REFUSED = { code: "failed_precondition" } as const;
const REFUTED: ProofOutcome = {
  ...NOT_ASKED,
  verdict: "refuted",
  refusal: "within_ceiling is refuted: GET passes",
};
const UNKNOWN: ProofOutcome = { ...NOT_ASKED, verdict: "unknown", refusal: null };

interface Guarded extends ProviderFixture {
  /** Sets the switch as a client does; `null` takes it out. */
  readonly turn: (sandboxId: string | null, value: SettingValue | null) => Promise<unknown>;
  /** Gives a sandbox these providers, as a client does; only the check is real. */
  readonly attach: (sandboxId: string, names: readonly string[]) => Promise<void>;
  readonly setPolicy: (id: string, text: string, isForced?: boolean) => Promise<void>;
  /** Puts a profile in place of the one that has its id. */
  readonly update: (text: string) => Promise<unknown>;
}

function guardTest(name: string, body: (fixture: Guarded) => Promise<void>): void {
  Deno.test(`LayerGuard ${name}`, async () => {
    const fixture = openProviderFixture();
    const { guard, settings, providers, profiles } = fixture;
    const nothing = () => Promise.resolve();
    try {
      const type = "github";
      await providers.create(changeOf(NAME, { type, credentials: { GITHUB_TOKEN: "t" } }));
      await body({
        ...fixture,
        turn(sandboxId, value) {
          const scope = sandboxId === null ? "global" : { sandboxId };
          const key = SETTING;
          const work = async () =>
            value === null
              ? await settings.delete(scope, key)
              : await settings.set(scope, key, value);
          return guard.holdSetting({ scope, key, value }, work);
        },
        attach: (sandboxId, names) =>
          providers.hold({ workspace: "default", names, sandboxId }, nothing),
        setPolicy: (sandboxId, policy, isForced = false) =>
          providers.holdPolicy({ sandboxId, policy, isForced }, nothing),
        update(text) {
          const item = itemOf(read(text));
          const { id } = item.message;
          const upcoming = { workspace: "default", ...readProfiles([item]) };
          return guard.holdProfiles(upcoming, async () => {
            const { resourceVersion } = await profiles.get("default", id);
            return await profiles.update("default", {
              id,
              item,
              expectedResourceVersion: resourceVersion,
            });
          });
        },
      });
    } finally {
      await fixture.close();
    }
  });
}

/** A profile of one's own, for one host. */
function profileOf(host: string, more = "protocol: rest, access: read-only"): string {
  return `id: acme
display_name: Acme
category: data
credentials:
  - { name: key, env_vars: [ACME_KEY] }
endpoints:
  - { host: ${host}, port: 443, ${more} }
binaries: [/usr/bin/curl]
`;
}

function read(text: string): Profile {
  const { profile, diagnostics } = parseProfile(text);
  assert.ok(profile !== null, JSON.stringify(diagnostics));
  return profile;
}

function itemOf(profile: Profile) {
  const message = profileToWire(profile, { source: "", scope: "", resourceVersion: 0 });
  return { message, source: "acme.yaml" };
}

async function addAcme({ profiles, providers }: ProviderFixture): Promise<void> {
  const item = itemOf(read(profileOf("one.example.com")));
  assert.deepEqual((await profiles.import("default", [item])).problems, []);
  await providers.create(changeOf("acme", { type: "acme", credentials: { ACME_KEY: "k" } }));
}

guardTest("does not turn layers on for one sandbox that cannot take them", async (fixture) => {
  const { turn, settings, addSandbox } = fixture;
  const id = await addSandbox("box", [NAME], CONTRADICTING);
  await assert.rejects(turn(id, true), {
    ...REFUSED,
    message: /providers_v2_enabled: in sandbox "box"/,
  });
  assert.deepEqual((await settings.read({ sandboxId: id })).values, {});
  await turn(id, false);
  await turn(id, null);
});

guardTest("does not turn them on for all, and names who is in the way", async (fixture) => {
  const { turn, settings, addSandbox } = fixture;
  for (const name of ["a", "b", "c", "d", "e"]) await addSandbox(name, [NAME], CONTRADICTING);
  await addSandbox("fine", [NAME], POLICY);
  await addSandbox("without", [], CONTRADICTING);
  await assert.rejects(turn(null, true), {
    ...REFUSED,
    message: /in sandboxes "a", "b", "c" and 2 more; of the first: /,
  });
  assert.deepEqual((await settings.read("global")).values, {});
});

guardTest("asks where the end of a global setting lets one of a sandbox hold", async (fixture) => {
  const { turn, settings, policies, prover, addSandbox } = fixture;
  const id = await addSandbox("box", [NAME], POLICY);
  await turn(id, true);
  await turn(null, false);
  const bad = new TextEncoder().encode(CONTRADICTING);
  const proven = await policies.prove(id, bad);
  await fixture.store.apply((await policies.prepare(id, proven)).writes);
  await assert.rejects(turn(null, null), REFUSED);
  assert.equal((await settings.read("global")).values[SETTING], false);
  assert.ok(prover.asked.length > 0);
});

guardTest("lets other settings pass", async ({ guard, addSandbox }) => {
  const sandboxId = await addSandbox("box", [NAME], CONTRADICTING);
  const change = { scope: { sandboxId }, key: "ocsf_json_enabled", value: true } as const;
  assert.equal(await guard.holdSetting(change, () => Promise.resolve(7)), 7);
});

guardTest("refuses providers and policies that contradict each other", async (fixture) => {
  const { turn, attach, setPolicy, addSandbox } = fixture;
  await turn(null, true);
  const id = await addSandbox("box", [], CONTRADICTING);
  await assert.rejects(attach(id, [NAME]), {
    ...REFUSED,
    message: /use these providers: in sandbox/,
  });
  const other = await addSandbox("other", [NAME], POLICY);
  await assert.rejects(setPolicy(other, CONTRADICTING), REFUSED);
  await assert.rejects(setPolicy(other, CONTRADICTING, true), REFUSED, "force is about proofs");
});

guardTest("judges a sandbox by its own policy while a global one is in force", async (fixture) => {
  const { turn, attach, policies, addSandbox } = fixture;
  const id = await addSandbox("box", [], CONTRADICTING);
  await turn(null, true);
  await policies.setGlobal(new TextEncoder().encode("version: 1\n"), null);
  await assert.rejects(attach(id, [NAME]), REFUSED);
});

guardTest("lets a provider go whatever it was in the way of", async (fixture) => {
  const { attach, settings, prover, addSandbox } = fixture;
  const id = await addSandbox("box", [NAME, "acme"], CONTRADICTING);
  await addAcme(fixture);
  await settings.set("global", SETTING, true);
  prover.judge = () => REFUTED;
  await attach(id, [NAME]);
});

guardTest(
  "does not take a profile that contradicts a policy, nor anything else",
  async (fixture) => {
    const { turn, update, profiles, addSandbox } = fixture;
    await addAcme(fixture);
    await addSandbox("box", ["acme"], CONTRADICTING);
    await update(profileOf("api.github.com"));
    await turn(null, true).then(() => assert.fail("it is in the way"), () => {});
    await update(profileOf("two.example.com"));
    await turn(null, true);
    const text = profileOf("api.github.com");
    await assert.rejects(update(text), {
      ...REFUSED,
      message: /take profile "acme": in sandbox "box"/,
    });
    assert.equal(
      (await profiles.get("default", "acme")).profile.endpoints[0]?.host,
      "two.example.com",
    );
    await update(profileOf("three.example.com"));
  },
);

guardTest("proves what would be loaded, once for the same text", async (fixture) => {
  const { turn, attach, setPolicy, update, prover, addSandbox } = fixture;
  await addAcme(fixture);
  const id = await addSandbox("box", ["acme"], POLICY);
  await addSandbox("twin", ["acme"], POLICY);
  await addSandbox("without", [], POLICY);
  const asked = async (work: Promise<unknown>) => {
    prover.asked.length = 0;
    await work;
    return prover.asked.map((text) => Object.keys(JSON.parse(text).network_policies));
  };
  const both = ["service", "_provider_acme"];
  assert.deepEqual(await asked(turn(null, true)), [both]);
  assert.deepEqual(await asked(turn(null, "yes").catch(() => {})), []);
  assert.deepEqual(await asked(update(profileOf("two.example.com"))), [both]);
  assert.deepEqual(await asked(update(profileOf("two.example.com"))), [], "nothing has changed");
  assert.deepEqual(await asked(attach(id, ["acme", NAME])), [[...both, "_provider_gh"]]);
  assert.deepEqual(await asked(attach(id, [])), []);
  assert.deepEqual(await asked(setPolicy(id, policyOf("b.example.com"))), [both]);
  assert.deepEqual(await asked(setPolicy(id, POLICY)), [], "it is in force");
});

Deno.test.each([
  { name: "refuted", outcome: REFUTED, want: /in sandbox "box", .*within_ceiling is refuted/ },
  { name: "not known", outcome: UNKNOWN, want: /in sandbox "box", .*it is not proved/ },
])("LayerGuard refuses what is $name", async ({ outcome, want }) => {
  const fixture = openProviderFixture();
  const { guard, providers, settings, prover, addSandbox } = fixture;
  const nothing = () => Promise.resolve(assert.fail("it was refused"));
  try {
    await providers.create(changeOf(NAME, { type: "github", credentials: {} }));
    await addAcme(fixture);
    const sandboxId = await addSandbox("box", ["acme"], POLICY);
    prover.judge = () => outcome;
    const refusal = { ...REFUSED, message: want };
    const key = SETTING;
    await assert.rejects(
      guard.holdSetting({ scope: "global", key, value: true }, nothing),
      refusal,
    );
    await settings.set({ sandboxId }, key, true);
    const upcoming = { workspace: "default", profiles: [read(profileOf("two.example.com"))] };
    await assert.rejects(guard.holdProfiles(upcoming, nothing), refusal);
    const held = { workspace: "default", names: ["acme", NAME], sandboxId };
    await assert.rejects(providers.hold(held, nothing), refusal);
    const policy = policyOf("b.example.com");
    const isForced = false;
    await assert.rejects(providers.holdPolicy({ sandboxId, policy, isForced }, nothing), refusal);
    const forced = { sandboxId, policy, isForced: true };
    const overruled = await providers.holdPolicy(forced, (proof) => Promise.resolve(proof));
    assert.equal(overruled, outcome);
  } finally {
    await fixture.close();
  }
});

guardTest("begins no proof when the others have taken too long", async (fixture) => {
  const { guard: { preflight }, settings, addSandbox } = fixture;
  await addAcme(fixture);
  for (const name of ["a", "b", "c"]) {
    await addSandbox(name, ["acme"], policyOf(`${name}.example.com`));
  }
  let proofs = 0;
  const guard = new LayerGuard({
    preflight,
    prove() {
      proofs++;
      return Promise.resolve(NOT_ASKED);
    },
    now: () => proofs * 5_000,
  });
  const change = { scope: "global", key: SETTING, value: true } as const;
  await assert.rejects(guard.holdSetting(change, () => Promise.resolve()), {
    code: "resource_exhausted",
    message: /3 policies are too many/,
  });
  assert.equal(proofs, 2);
  assert.deepEqual((await settings.read("global")).values, {});
});

guardTest("proves also what has come while it proved", async (fixture) => {
  const { turn, prover, addSandbox } = fixture;
  await addAcme(fixture);
  await addSandbox("box", ["acme"], POLICY);
  const more = ["late", "later"];
  const before = prover.judge;
  prover.judge = (text) => {
    const name = text.includes("_provider_acme") ? more.shift() : undefined;
    if (name !== undefined) late.push(addSandbox(name, ["acme"], policyOf(`${name}.example.com`)));
    return before(text);
  };
  const late: Promise<string>[] = [];
  await turn(null, true);
  await Promise.all(late);
  const texts = prover.asked.filter((text) => text.includes("_provider_acme"));
  assert.equal(texts.length, 3);
});

guardTest("refuses what nobody would read, also without layers", async (fixture) => {
  const { attach, setPolicy, update, providers, addSandbox } = fixture;
  const want = { ...REFUSED, message: /rule "service" relays api\.github\.com, port 443, unread/ };
  const id = await addSandbox("box", [], UNREAD);
  await assert.rejects(attach(id, [NAME]), want);
  const workspace = "default";
  const policy = new TextEncoder().encode(UNREAD);
  const made = { workspace, names: [NAME], sandboxId: null, policy };
  await assert.rejects(providers.hold(made, () => Promise.resolve()), want);
  const other = await addSandbox("other", [NAME], POLICY);
  await assert.rejects(setPolicy(other, UNREAD), want);
  await setPolicy(other, CONTRADICTING);

  await addAcme(fixture);
  const third = await addSandbox("third", ["acme"], UNREAD);
  await assert.rejects(update(profileOf("api.github.com")), want);
  await attach(third, []);
  await providers.create(changeOf("empty", { type: "github", credentials: {} }));
  await addSandbox("fourth", ["empty"], UNREAD);
  const given = changeOf("empty", { type: "", credentials: { GITHUB_TOKEN: "t" } });
  await assert.rejects(providers.update(given), want);
});
