import assert from "node:assert/strict";
import { changeOf, openProviderFixture, type ProviderFixture } from "./fixture.ts";
import type { ProviderChange } from "./provider_service.ts";

function providerTest(name: string, body: (fixture: ProviderFixture) => Promise<void>): void {
  Deno.test(`ProviderService ${name}`, async () => {
    const fixture = openProviderFixture();
    try {
      await body(fixture);
    } finally {
      await fixture.close();
    }
  });
}

providerTest("keeps values with the driver, and handles alone in its record", async (fixture) => {
  const { providers, kept, store } = fixture;
  const made = await providers.create(changeOf("a", { type: "gh", config: { URL: "u" } }));
  assert.equal(made.type, "github");
  assert.deepEqual(Object.keys(made.handles), ["TOKEN"]);
  assert.deepEqual([...kept.values()], ["value of a"]);
  const stored = await store.find("provider", "default", "a");
  assert.ok(!new TextDecoder().decode(stored!.payload).includes("value of a"));
  const read = await providers.resolveForInference("default", "a");
  assert.deepEqual([read.type, read.config], ["github", { URL: "u" }]);
  assert.deepEqual([...read.credentials], [["TOKEN", "value of a"]]);
  await assert.rejects(providers.create(changeOf("a")), { code: "already_exists" });
  assert.equal(kept.size, 1, "nothing stays of the second");
});

providerTest("has no value for calls to models that has ended", async ({ providers }) => {
  const credentials = { OLD: "o", NEW: "n", EVER: "e" };
  const expiresAtMs = { OLD: 1n, NEW: 9_000_000_000_000n };
  await providers.create(changeOf("a", { credentials, expiresAtMs }));
  const read = await providers.resolveForInference("default", "a");
  assert.deepEqual([...read.credentials.keys()].sort(), ["EVER", "NEW"]);
});

Deno.test.each<{ name: string; change: Partial<ProviderChange>; want: RegExp }>([
  { name: "no name", change: { name: "" }, want: /it is empty/ },
  { name: "a name with a slash", change: { name: "a/b" }, want: /letters, digits/ },
  { name: "a long name", change: { name: "a".repeat(64) }, want: /63 letters/ },
  { name: "an unknown type", change: { type: "gopher" }, want: /no such type/ },
  { name: "no type", change: { type: "" }, want: /no such type/ },
  { name: "a key that is none", change: { credentials: { "A-B": "x" } }, want: /no name of a var/ },
  { name: "a reserved key", change: { credentials: { LD_PRELOAD: "x" } }, want: /reserved/ },
  { name: "a proxy", change: { credentials: { https_proxy: "x" } }, want: /reserved/ },
  { name: "a handle", change: { credentials: { v1_TOKEN: "x" } }, want: /handle/ },
  { name: "a line break", change: { credentials: { T: "secret\n" } }, want: /line break/ },
  { name: "a NUL", change: { credentials: { T: "secret\0" } }, want: /NUL/ },
  { name: "a long value", change: { credentials: { T: "s".repeat(12_289) } }, want: /12288 bytes/ },
  { name: "a bad config key", change: { config: { "": "x" } }, want: /config key/ },
  { name: "a bad config value", change: { config: { A: "x\n" } }, want: /line break/ },
  { name: "an end of no key", change: { expiresAtMs: { X: 1n } }, want: /no such key/ },
  { name: "an end before time", change: { expiresAtMs: { TOKEN: -1n } }, want: /no time/ },
  {
    name: "many credentials",
    change: {
      credentials: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`K${i}`, "x"])),
    },
    want: /more than 64/,
  },
])("ProviderService refuses $name", async ({ change, want }) => {
  const { providers, kept, close } = openProviderFixture();
  try {
    const failure = await providers.create(changeOf("a", change)).catch((error: Error) => error);
    assert.ok(failure instanceof Error);
    assert.match(failure.message, want);
    assert.ok(!failure.message.includes("secret"), "no value is told");
    assert.equal(kept.size, 0);
  } finally {
    await close();
  }
});

providerTest("update keeps what is not named, and takes away what is empty", async (fixture) => {
  const { providers, kept } = fixture;
  const credentials = { A: "1", B: "2", C: "3" };
  await providers.create(changeOf("p", {
    credentials,
    config: { X: "x", Y: "y" },
    expiresAtMs: { A: 10n, B: 20n, C: 30n },
  }));
  const after = await providers.update(changeOf("p", {
    type: "",
    credentials: { A: "4", B: "" },
    config: { X: "" },
    expiresAtMs: { C: 0n },
  }));
  assert.deepEqual(Object.keys(after.handles).toSorted(), ["A", "C"]);
  assert.deepEqual(after.config, { Y: "y" });
  assert.deepEqual(after.expiresAtMs, {}, "the end of a former value is not that of a new one");
  assert.deepEqual([...kept.values()].toSorted(), ["3", "4"]);
  const same = await providers.update(changeOf("p", { credentials: {}, config: { Z: "z" } }));
  assert.deepEqual(same.config, { Y: "y", Z: "z" });
  assert.equal(kept.size, 2);
});

providerTest(
  "update refuses another type, an old version, and who is not there",
  async (fixture) => {
    const { providers, kept } = fixture;
    await providers.create(changeOf("p"));
    const other = { code: "invalid_argument", message: /a type does not change/ };
    await assert.rejects(providers.update(changeOf("p", { type: "github" })), other);
    const old = changeOf("p", { expectedResourceVersion: 7 });
    await assert.rejects(providers.update(old), { code: "failed_precondition" });
    await assert.rejects(providers.update(changeOf("q")), { code: "not_found" });
    assert.deepEqual([...kept.values()], ["value of p"]);
  },
);

providerTest("leaves nothing where the driver fails in the middle", async (fixture) => {
  const { providers, kept } = fixture;
  fixture.failNext = true;
  await assert.rejects(providers.create(changeOf("p")), { code: "unavailable" });
  assert.equal(kept.size, 0);
  await assert.rejects(providers.get("default", "p"), { code: "not_found" });
});

providerTest(
  "sweeps what a crash has left, and nothing else",
  async ({ providers, kept, sweep }) => {
    await providers.create(changeOf("p"));
    kept.set("of nobody", "left over");
    assert.equal(await sweep(), 1);
    assert.deepEqual([...kept.values()], ["value of p"]);
  },
);

providerTest("delete is refused while a sandbox has it", async (fixture) => {
  const { providers, kept, addSandbox } = fixture;
  await providers.create(changeOf("p"));
  await addSandbox("box", ["p"]);
  const refused = { code: "failed_precondition", message: /sandbox "box" has it/ };
  await assert.rejects(providers.delete("default", "p"), refused);
  await providers.create(changeOf("free"));
  assert.equal(await providers.delete("default", "free"), true);
  assert.equal(await providers.delete("default", "free"), false);
  assert.deepEqual([...kept.values()], ["value of p"]);
});

providerTest("hold refuses what does not go together", async (fixture) => {
  const { providers } = fixture;
  await providers.create(changeOf("a", { credentials: { TOKEN: "1" } }));
  await providers.create(changeOf("b", { credentials: { TOKEN: "2" } }));
  await providers.create(changeOf("c", { credentials: { OTHER: "3" } }));
  const policy = new TextEncoder().encode("version: 1\n");
  const hold = (names: readonly string[]) =>
    providers.hold(
      { workspace: "default", names, sandboxId: null, policy },
      () => Promise.resolve("done"),
    );
  assert.equal(await hold(["a", "c"]), "done");
  await assert.rejects(hold(["a", "b"]), /both give TOKEN/);
  await assert.rejects(hold(["a", "a"]), /twice/);
  await assert.rejects(hold(["nobody"]), { code: "not_found" });
  await assert.rejects(hold(Array.from({ length: 33 }, (_, i) => `p${i}`)), /more than 32/);
});

providerTest("update is refused where a sandbox would get one key twice", async (fixture) => {
  const { providers, addSandbox } = fixture;
  await providers.create(changeOf("a", { credentials: { A: "1" } }));
  await providers.create(changeOf("b", { credentials: { B: "2" } }));
  await addSandbox("box", ["a", "b"]);
  const change = changeOf("b", { credentials: { A: "3" } });
  await assert.rejects(providers.update(change), /both give A/);
  assert.equal(fixture.kept.size, 2, "the new value is not kept");
});

providerTest("tells the sandboxes that have it, and whoever listens", async (fixture) => {
  const { providers, addSandbox, told } = fixture;
  const heard: string[] = [];
  const stop = providers.subscribe((workspace, name) => heard.push(`${workspace}/${name}`));
  await providers.create(changeOf("p"));
  await addSandbox("box", ["p"]);
  await addSandbox("other", []);
  await providers.update(changeOf("p", { credentials: { TOKEN: "new" } }));
  stop();
  await providers.update(changeOf("p", { credentials: { TOKEN: "newer" } }));
  assert.deepEqual(told, ["box", "box"]);
  assert.deepEqual(heard, ["default/p", "default/p"]);
});
