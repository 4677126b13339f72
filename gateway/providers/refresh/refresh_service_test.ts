import assert from "node:assert/strict";
import { changeOf, openProviderFixture, policyOf, type ProviderFixture } from "../fixture.ts";
import { parseProfile } from "../profile/parse_profile.ts";
import { profileToWire } from "../profile/profile_wire.ts";
import { hasErrors } from "../profile_catalogue.ts";
import { MintError, RefreshFailedError } from "./refresh_errors.ts";
import { answerOf, PROFILE_TEXT, ROLE_TEXT } from "./refresh_fixture.ts";
import type { ConfigureRequest } from "./refresh_service.ts";

const SECRET = "the-secret-itself";
const NAME = { workspace: "default", provider: "mine", key: "MAIL_TOKEN" };

function requestOf(change: Partial<ConfigureRequest> = {}): ConfigureRequest {
  return {
    ...NAME,
    strategy: "oauth2_refresh_token",
    material: { client_id: "id", refresh_token: SECRET },
    secretNames: [],
    expiresAtMs: 0,
    ...change,
  };
}

/** Answers with a token and the next refresh token, and tells what it was sent. */
function tokens(fixture: ProviderFixture, expires_in = 3600): string[] {
  const sent: string[] = [];
  fixture.send = ({ body }) => {
    sent.push(new URLSearchParams(body).get("refresh_token") ?? "");
    const number = sent.length;
    return Promise.resolve(answerOf({
      access_token: `access-${number}`,
      refresh_token: `refresh-${number}`,
      expires_in,
    }));
  };
  return sent;
}

function refreshTest(name: string, body: (fixture: ProviderFixture) => Promise<void>): void {
  Deno.test(`RefreshService ${name}`, async () => {
    const fixture = openProviderFixture();
    try {
      const items = [PROFILE_TEXT, ROLE_TEXT].map((text) => {
        const { profile, diagnostics } = parseProfile(text);
        assert.ok(profile !== null, JSON.stringify(diagnostics));
        const origin = { source: "", scope: "", resourceVersion: 0 };
        return { message: profileToWire(profile, origin), source: "test" };
      });
      const { problems } = await fixture.profiles.import("default", items);
      assert.ok(!hasErrors(problems), JSON.stringify(problems));
      const mail = { type: "mail", credentials: {} };
      await fixture.providers.create(changeOf("mine", mail));
      await body(fixture);
    } finally {
      await fixture.close();
    }
  });
}

refreshTest("keeps secrets with the driver, and the rest in its record", async (fixture) => {
  const { refresh, kept, store } = fixture;
  const made = await refresh.configure(requestOf());
  assert.deepEqual([made.state, made.material, Object.keys(made.secrets)], [
    "configured",
    { client_id: "id" },
    ["refresh_token"],
  ]);
  assert.deepEqual([...kept.values()], [SECRET]);
  const [stored] = await store.list({ type: "provider_refresh" });
  assert.ok(!new TextDecoder().decode(stored!.payload).includes(SECRET));
  const [status] = await refresh.status({ ...NAME, key: "" });
  assert.deepEqual({ ...status, ...{ createdAtMs: 0, resourceVersion: 0 } }, {
    ...made,
    ...{ createdAtMs: 0, resourceVersion: 0 },
  });
  assert.deepEqual(await refresh.status({ ...NAME, key: "PLAIN" }), []);
});

refreshTest("makes values, keeps the next refresh token, forgets the former", async (fixture) => {
  const { refresh, kept, providers } = fixture;
  const sent = tokens(fixture);
  const { epoch } = await refresh.configure(requestOf());
  for (let number = 1; number <= 12; number++) {
    const made = await refresh.rotate(NAME);
    assert.deepEqual([made.state, made.lastError, made.epoch], ["refreshed", "", epoch]);
    assert.equal(made.expiresAtMs - made.lastRefreshAtMs, 3_600_000);
    assert.deepEqual([...kept.values()].sort(), [`access-${number}`, `refresh-${number}`]);
    const provider = await providers.get("default", "mine");
    assert.deepEqual(provider.expiresAtMs, { MAIL_TOKEN: made.expiresAtMs });
  }
  assert.deepEqual(sent.slice(0, 3), [SECRET, "refresh-1", "refresh-2"]);
});

refreshTest("one attempt at a time: a refresh token is used once", async (fixture) => {
  const sent = tokens(fixture);
  await fixture.refresh.configure(requestOf());
  const all = await Promise.all([1, 2, 3].map(() => fixture.refresh.rotate(NAME)));
  assert.deepEqual(all.map(({ state }) => state), ["refreshed", "refreshed", "refreshed"]);
  assert.deepEqual(sent, [SECRET, "refresh-1", "refresh-2"]);
});

refreshTest("refreshDue() leaves alone what somebody else has made", async (fixture) => {
  const sent = tokens(fixture);
  await fixture.refresh.configure(requestOf());
  const [asked] = await fixture.refresh.all();
  await fixture.refresh.rotate(NAME);
  assert.equal(await fixture.refresh.refreshDue(asked!), null);
  assert.equal(sent.length, 1);
  const [next] = await fixture.refresh.all();
  assert.equal((await fixture.refresh.refreshDue(next!))?.state, "refreshed");
});

refreshTest("a failure is in its status, and the former value stays", async (fixture) => {
  const { refresh, kept, providers } = fixture;
  tokens(fixture);
  await refresh.configure(requestOf());
  await refresh.rotate(NAME);
  const before = await providers.get("default", "mine");
  fixture.send = () => {
    const refused = { error: "invalid_grant", error_description: SECRET };
    return Promise.resolve(answerOf(refused, 400));
  };
  await assert.rejects(refresh.rotate(NAME), (error) => {
    assert.ok(error instanceof RefreshFailedError);
    assert.match(error.message, /"MAIL_TOKEN" of provider "mine": .* refused: invalid_grant$/);
    assert.ok(!`${error.message}${error.stack}`.includes(SECRET));
    return true;
  });
  const [status] = await refresh.status(NAME);
  assert.deepEqual([status?.state, status?.lastError, status?.expiresAtMs], [
    "error",
    "the token server refused: invalid_grant",
    before.expiresAtMs["MAIL_TOKEN"],
  ]);
  assert.ok(status!.nextRefreshAtMs - status!.lastRefreshAtMs >= 60_000);
  assert.deepEqual([...kept.values()].sort(), ["access-1", "refresh-1"]);
  assert.deepEqual((await providers.get("default", "mine")).handles, before.handles);
  tokens(fixture);
  const { state, lastError } = await refresh.rotate(NAME);
  assert.deepEqual([state, lastError], ["refreshed", ""]);
});

refreshTest("throws away what was made for a former authorization", async (fixture) => {
  const { refresh, kept } = fixture;
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  fixture.send = async () => {
    asked.resolve();
    await held.promise;
    return answerOf({ access_token: "late", refresh_token: "late-refresh" });
  };
  const first = await refresh.configure(requestOf());
  const late = refresh.rotate(NAME);
  await asked.promise;
  const material = { client_id: "id", refresh_token: "another" };
  const second = await refresh.configure(requestOf({ material }));
  assert.notEqual(second.epoch, first.epoch);
  held.resolve();
  await assert.rejects(late, /configured anew, or deleted, meanwhile/);
  assert.deepEqual([...kept.values()], ["another"]);
  const [status] = await refresh.status(NAME);
  assert.deepEqual([status?.state, status?.lastError], ["configured", ""]);
});

refreshTest("and for a provider that is gone", async (fixture) => {
  const { refresh, kept, providers } = fixture;
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  fixture.send = async () => {
    asked.resolve();
    await held.promise;
    return answerOf({ access_token: "late" });
  };
  await refresh.configure(requestOf());
  const late = refresh.rotate(NAME);
  await asked.promise;
  assert.equal(await providers.delete("default", "mine"), true);
  held.resolve();
  await assert.rejects(late, RefreshFailedError);
  assert.deepEqual([...kept.values()], []);
  assert.deepEqual(await refresh.all(), []);
});

refreshTest("where a value cannot be kept nothing of it stays", async (fixture) => {
  const { refresh, kept } = fixture;
  tokens(fixture);
  await refresh.configure(requestOf());
  await refresh.rotate(NAME);
  fixture.failNext = true;
  await assert.rejects(refresh.rotate(NAME), /the disk is full/);
  assert.deepEqual([...kept.values()].sort(), ["access-1", "refresh-1"]);
  fixture.failNext = true;
  await assert.rejects(refresh.configure(requestOf()), /the disk is full/);
  assert.equal((await refresh.status(NAME))[0]?.state, "error");
});

refreshTest(
  "delete forgets what values were made with, and keeps the last one",
  async (fixture) => {
    const { refresh, kept } = fixture;
    tokens(fixture);
    await refresh.configure(requestOf());
    await refresh.rotate(NAME);
    assert.equal(await refresh.delete(NAME), true);
    assert.equal(await refresh.delete(NAME), false);
    assert.deepEqual([...kept.values()], ["access-1"]);
    await assert.rejects(refresh.rotate(NAME), { code: "not_found" });
    await fixture.providers.update(
      changeOf("mine", { type: "", credentials: { MAIL_TOKEN: "x" } }),
    );
  },
);

refreshTest(
  "the sweep of a gateway that starts keeps what values are made with",
  async (fixture) => {
    tokens(fixture);
    await fixture.refresh.configure(requestOf());
    await fixture.refresh.rotate(NAME);
    fixture.kept.set("left", "by a crash");
    assert.equal(await fixture.sweep(), 1);
    assert.equal((await fixture.refresh.rotate(NAME)).state, "refreshed");
  },
);

refreshTest("nobody else sets what the gateway makes", async (fixture) => {
  const { refresh, providers } = fixture;
  await refresh.configure(requestOf());
  const update = (change: Parameters<typeof changeOf>[1]) =>
    providers.update(changeOf("mine", { type: "", credentials: {}, ...change }));
  for (const value of ["x", ""]) {
    const change = update({ credentials: { MAIL_TOKEN: value } });
    await assert.rejects(change, { code: "failed_precondition" });
  }
  await assert.rejects(update({ expiresAtMs: { MAIL_TOKEN: 1n } }), /makes its values itself/);
  await update({ credentials: { PLAIN: "x" } });
});

refreshTest(
  "an end that is known is the provider's, and the next value waits for it",
  async (fixture) => {
    const { refresh, providers } = fixture;
    const now = 1_700_000_000_000;
    const wanted = requestOf({ expiresAtMs: now + 3_600_000 });
    await assert.rejects(refresh.configure(wanted), /has no value of it yet/);
    await providers.update(changeOf("mine", { type: "", credentials: { MAIL_TOKEN: "given" } }));
    const made = await refresh.configure(wanted);
    assert.equal(made.nextRefreshAtMs, now + 3_300_000);
    const provider = await providers.get("default", "mine");
    assert.deepEqual(provider.expiresAtMs, { MAIL_TOKEN: now + 3_600_000 });
    assert.ok((await refresh.configure(requestOf())).nextRefreshAtMs < now + 1000, "due at once");
  },
);

Deno.test.each<{ name: string; change: Partial<ConfigureRequest>; want: RegExp }>([
  { name: "no such provider", change: { provider: "nobody" }, want: /Cannot find provider/ },
  { name: "no such variable", change: { key: "NOBODY" }, want: /no such variable/ },
  { name: "a variable without a section", change: { key: "PLAIN" }, want: /no refresh section/ },
  {
    name: "what nobody makes",
    change: { key: "OTHER_TOKEN", strategy: null, material: {} },
    want: /"static": the gateway makes no values by it/,
  },
  { name: "static", change: { strategy: "static" }, want: /makes no values by it/ },
  { name: "external", change: { strategy: "external" }, want: /makes no values by it/ },
  {
    name: "another strategy than the profile's",
    change: { strategy: "oauth2_client_credentials" },
    want: /the profile says oauth2-refresh-token/,
  },
  { name: "missing material", change: { material: {} }, want: /needs client_id, refresh_token/ },
  { name: "an end before time", change: { expiresAtMs: -1 }, want: /it is no time/ },
])("RefreshService configure() refuses $name", async ({ change, want }) => {
  const fixture = openProviderFixture();
  try {
    const { profile } = parseProfile(PROFILE_TEXT);
    const origin = { source: "", scope: "", resourceVersion: 0 };
    const items = [{ message: profileToWire(profile!, origin), source: "" }];
    await fixture.profiles.import("default", items);
    await fixture.providers.create(changeOf("mine", { type: "mail", credentials: {} }));
    await assert.rejects(fixture.refresh.configure(requestOf(change)), want);
    assert.equal(fixture.kept.size, 0);
    assert.deepEqual(await fixture.refresh.all(), []);
  } finally {
    await fixture.close();
  }
});

refreshTest("refuses a type without a profile", async ({ refresh, providers }) => {
  await providers.create(changeOf("plain", { credentials: {} }));
  const request = requestOf({ provider: "plain", key: "TOKEN" });
  await assert.rejects(refresh.configure(request), /type "generic" has no profile/);
});

const ROLE = {
  provider: "role",
  key: "ROLE_ID",
  strategy: "aws_sts_assume_role",
  material: { role_arn: "r", aws_access_key_id: "a", aws_secret_access_key: SECRET },
} as const;

refreshTest("makes three keys of a role, which belong together", async (fixture) => {
  const { refresh, providers, settings, kept } = fixture;
  await providers.create(changeOf("role", { type: "role", credentials: {} }));
  await assert.rejects(refresh.configure(requestOf(ROLE)), /providers_v2_enabled/);
  await settings.set("global", "providers_v2_enabled", true);
  const made = await refresh.configure(requestOf(ROLE));
  assert.deepEqual(made.outputs, {
    secret_access_key: "ROLE_SECRET",
    session_token: "ROLE_SESSION",
  });
  fixture.send = () =>
    Promise.resolve(answerOf({
      AssumeRoleResponse: {
        AssumeRoleResult: {
          Credentials: {
            AccessKeyId: "1",
            SecretAccessKey: "2",
            SessionToken: "3",
            Expiration: 1_700_000_900,
          },
        },
      },
    }));
  const { expiresAtMs } = await refresh.rotate({ ...NAME, ...ROLE });
  assert.deepEqual([...kept.values()].sort(), ["1", "2", "3", SECRET]);
  const record = await providers.get("default", "role");
  assert.deepEqual(record.expiresAtMs, {
    ROLE_ID: expiresAtMs,
    ROLE_SECRET: expiresAtMs,
    ROLE_SESSION: expiresAtMs,
  });
  const update = changeOf("role", { type: "", credentials: { ROLE_SESSION: "x" } });
  await assert.rejects(providers.update(update), /makes its values itself/);
});

refreshTest("refuses what another provider of a sandbox gives, or is going to", async (fixture) => {
  const { refresh, providers, addSandbox } = fixture;
  const credentials = { MAIL_TOKEN: "x" };
  await providers.create(changeOf("other", { credentials }));
  await addSandbox("box", ["mine", "other"]);
  await assert.rejects(refresh.configure(requestOf()), /both give MAIL_TOKEN/);
  await providers.update(changeOf("other", { type: "", credentials: { MAIL_TOKEN: "" } }));
  await refresh.configure(requestOf());
  const update = providers.update(changeOf("other", { type: "", credentials }));
  await assert.rejects(update, /both give MAIL_TOKEN/);
  await providers.create(changeOf("third", { credentials }));
  const held = providers.hold({
    workspace: "default",
    names: ["mine", "third"],
    sandboxId: null,
    policy: new TextEncoder().encode(policyOf("a.example.com")),
  }, () => Promise.resolve());
  await assert.rejects(held, /both give MAIL_TOKEN/);
});

refreshTest(
  "gives one handle over all values, and another to each authorization",
  async (fixture) => {
    const { refresh, delivery, addSandbox, told } = fixture;
    tokens(fixture);
    await refresh.configure(requestOf());
    await refresh.rotate(NAME);
    const id = await addSandbox("box", ["mine"]);
    const seen = async () => {
      const { environment, staticCredentialBindings, ...rest } = await delivery.environmentOf(id);
      const handle = staticCredentialBindings["MAIL_TOKEN"]?.workloadCredentialHandle ?? "";
      return { value: environment["MAIL_TOKEN"], handle, revision: rest.providerEnvRevision };
    };
    const first = await seen();
    assert.match(first.handle, /^s[0-9a-f]{64}$/);
    await refresh.rotate(NAME);
    const second = await seen();
    assert.deepEqual([second.value, second.handle], ["access-2", first.handle]);
    assert.ok(second.revision > first.revision);
    await refresh.configure(requestOf());
    assert.notEqual((await seen()).handle, first.handle);
    await refresh.delete(NAME);
    assert.equal((await seen()).handle, "");
    assert.deepEqual(told, ["box", "box", "box"]);
    const elsewhere = await delivery.environmentOf(await addSandbox("other", ["mine"]));
    assert.equal(elsewhere.staticCredentialBindings["MAIL_TOKEN"]?.workloadCredentialHandle, "");
  },
);

refreshTest("tells who waits when something else may be due", async ({ refresh, ...fixture }) => {
  let told = 0;
  const stop = refresh.subscribe(() => void told++);
  await refresh.configure(requestOf());
  assert.equal(told, 1);
  const unreachable = new MintError("unavailable", "there is no network");
  await assert.rejects(refresh.rotate(NAME), (error) => {
    assert.ok(error instanceof RefreshFailedError);
    assert.deepEqual([error.code, (error.cause as MintError).detail], [
      unreachable.code,
      unreachable.detail,
    ]);
    return true;
  });
  assert.equal(told, 2);
  stop();
  await refresh.configure(requestOf());
  assert.equal(told, 2);
  assert.equal(fixture.problems.length, 0);
});
