import assert from "node:assert/strict";
import { openSqliteStore } from "../store/sqlite_store.ts";
import { SettingError, SettingsStore } from "./settings.ts";

const SANDBOX = { sandboxId: "s" };

function settingsTest(name: string, body: (settings: SettingsStore) => Promise<void>): void {
  Deno.test(`SettingsStore ${name}`, async () => {
    const store = openSqliteStore({ path: ":memory:", now: () => 0 });
    try {
      await body(new SettingsStore(store));
    } finally {
      await store.close();
    }
  });
}

function refused(code: string, detail: RegExp) {
  return (error: unknown) =>
    error instanceof SettingError && error.code === code && detail.test(error.message);
}

settingsTest("lets what is global win", async (settings) => {
  assert.equal(await settings.set(SANDBOX, "proposal_approval_mode", "auto"), 1);
  assert.equal(await settings.set(SANDBOX, "ocsf_json_enabled", "yes"), 2);
  assert.equal(await settings.set("global", "proposal_approval_mode", "manual"), 1);
  assert.deepEqual(await settings.effective("s"), {
    proposal_approval_mode: { value: "manual", scope: "global" },
    ocsf_json_enabled: { value: true, scope: "sandbox" },
  });
  for (
    const change of [
      settings.set(SANDBOX, "proposal_approval_mode", "auto"),
      settings.delete(SANDBOX, "proposal_approval_mode"),
    ]
  ) {
    await assert.rejects(change, refused("failed_precondition", /for every sandbox/));
  }
  assert.equal(await settings.delete("global", "proposal_approval_mode"), 2);
  assert.equal(await settings.delete("global", "proposal_approval_mode"), null);
  assert.deepEqual((await settings.effective("s"))["proposal_approval_mode"], {
    value: "auto",
    scope: "sandbox",
  });
});

Deno.test.each([
  { key: "policy", value: "x", want: /does not exist/ },
  { key: "__proto__", value: "x", want: /does not exist/ },
  { key: "proposal_approval_mode", value: "never", want: /one of manual, auto/ },
  { key: "proposal_approval_mode", value: true, want: /one of manual, auto/ },
  { key: "ocsf_json_enabled", value: "maybe", want: /true or false/ },
])("SettingsStore refuses $key = $value", async ({ key, value, want }) => {
  const store = openSqliteStore({ path: ":memory:", now: () => 0 });
  const set = new SettingsStore(store).set("global", key, value);
  await assert.rejects(set, refused("invalid_argument", want));
  await store.close();
});

settingsTest("keeps every one of several changes at once", async (settings) => {
  const keys = ["providers_v2_enabled", "ocsf_json_enabled", "agent_policy_proposals_enabled"];
  await Promise.all(keys.map((key) => settings.set("global", key, false)));
  const { values, revision } = await settings.read("global");
  assert.deepEqual(Object.keys(values).toSorted(), keys.toSorted());
  assert.equal(revision, 3);
});

settingsTest("takes whole numbers for a budget, and tells of changes", async (settings) => {
  let told = 0;
  const stop = settings.subscribe(() => told += 1);
  await settings.set(SANDBOX, "inference_token_budget", "1000000");
  await settings.delete(SANDBOX, "inference_token_budget");
  assert.equal(told, 2);
  stop();
  for (const value of ["-1", "1.5", "1e6", "", " 1", true, "9".repeat(16)]) {
    const change = settings.set(SANDBOX, "inference_token_budget", value);
    await assert.rejects(change, refused("invalid_argument", /whole number/));
  }
  assert.equal(told, 2);
});
