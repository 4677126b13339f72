import assert from "node:assert/strict";
import type { ObjectStore } from "../store/contract.ts";
import { openSqliteStore } from "../store/sqlite_store.ts";
import { parseProfile } from "./profile/parse_profile.ts";
import { profileToWire } from "./profile/profile_wire.ts";
import { PLATFORM, ProfileCatalogue, type ProfileItem } from "./profile_catalogue.ts";

function catalogueTest(
  name: string,
  body: (catalogue: ProfileCatalogue, store: ObjectStore) => Promise<void>,
): void {
  Deno.test(`ProfileCatalogue ${name}`, async () => {
    const store = openSqliteStore({ path: ":memory:", now: () => 1 });
    try {
      await body(new ProfileCatalogue(store), store);
    } finally {
      await store.close();
    }
  });
}

function itemOf(id: string, change: { readonly category?: number } = {}): ProfileItem {
  const profile = parseProfile(`id: ${id}\ncredentials: [{ name: k, env_vars: [K] }]\n`).profile!;
  const message = profileToWire(profile, { source: "", scope: "", resourceVersion: 0 });
  return { message: Object.assign(message, change), source: `${id}.yaml` };
}

catalogueTest("imports all profiles or none", async (catalogue) => {
  const broken = itemOf("b", { category: 99 });
  broken.message.credentials[0]!.envVars = ["PATH"];
  const { problems } = await catalogue.import("default", [itemOf("a"), broken]);
  assert.deepEqual(problems.map(({ source, field }) => [source, field]), [
    ["b.yaml", "credentials[0].env_vars[0]"],
  ]);
  assert.equal(await catalogue.find("default", "a"), null);
  assert.deepEqual((await catalogue.import("default", [itemOf("a"), itemOf("b")])).problems, []);
  const found = await catalogue.get("default", "a");
  assert.deepEqual([found.source, found.scope, found.resourceVersion], ["user", "workspace", 1]);
});

catalogueTest("gives an id once", async (catalogue) => {
  await catalogue.import("default", [itemOf("mine")]);
  await catalogue.import(PLATFORM, [itemOf("ours")]);
  const refusals = [
    ["default", "github", /of the program/],
    ["default", "gh", /reserved/],
    ["default", "generic", /reserved/],
    ["default", "mine", /there already/],
    ["default", "ours", /there already/],
    [PLATFORM, "mine", /there already/],
  ] as const;
  for (const [workspace, id, want] of refusals) {
    const { problems } = await catalogue.import(workspace, [itemOf(id)]);
    assert.match(problems[0]?.message ?? "", want, `${id} in ${workspace}`);
  }
  const twice = await catalogue.import("default", [itemOf("x"), itemOf("x")]);
  assert.match(twice.problems[0]?.message ?? "", /twice/);
  assert.deepEqual((await catalogue.import("other", [itemOf("mine")])).problems, []);
});

catalogueTest("shows those for all to every workspace, and not the reverse", async (catalogue) => {
  await catalogue.import(PLATFORM, [itemOf("ours")]);
  await catalogue.import("default", [itemOf("mine")]);
  assert.equal((await catalogue.get("default", "ours")).scope, "platform");
  assert.equal(await catalogue.find(PLATFORM, "mine"), null);
  const ids = async (workspace: string) =>
    (await catalogue.list(workspace)).map(({ profile }) => profile.id);
  assert.ok((await ids("default")).includes("mine"));
  assert.ok(!(await ids("other")).includes("mine"));
  assert.equal(await catalogue.isType("other", "mine"), false);
  assert.equal(await catalogue.isType("default", "mine"), true);
});

catalogueTest("replaces what was read, and nothing of the program", async (catalogue) => {
  await catalogue.import("default", [itemOf("mine")]);
  const update = (id: string, item: ProfileItem, expectedResourceVersion: number) =>
    catalogue.update("default", { id, item, expectedResourceVersion });
  await assert.rejects(update("mine", itemOf("mine"), 7), { code: "failed_precondition" });
  await assert.rejects(update("mine", itemOf("other"), 1), { code: "invalid_argument" });
  await assert.rejects(update("nobody", itemOf("nobody"), 1), { code: "not_found" });
  await assert.rejects(update("github", itemOf("github"), 0), /comes with the program/);
  await update("mine", itemOf("mine", { category: 3 }), 1);
  const { profile, resourceVersion } = await catalogue.get("default", "mine");
  assert.deepEqual([profile.category, resourceVersion], ["agent", 2]);
});

catalogueTest("deletes those of people alone", async (catalogue) => {
  await catalogue.import("default", [itemOf("mine")]);
  assert.equal(await catalogue.delete("default", "mine"), true);
  assert.equal(await catalogue.delete("default", "mine"), false);
  await assert.rejects(catalogue.delete("default", "github"), /comes with the program/);
  await assert.rejects(catalogue.import("default", []), { code: "invalid_argument" });
});
