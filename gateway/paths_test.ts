import assert from "node:assert/strict";
import { makeStateFolders, StateFolderError, StateOwnerError, statePaths } from "./paths.ts";

Deno.test.each([
  { name: "takes XDG_STATE_HOME", env: { XDG_STATE_HOME: "/s", HOME: "/h" }, want: "/s/openshell" },
  { name: "falls back to HOME", env: { HOME: "/h" }, want: "/h/.local/state/openshell" },
  {
    name: "ignores a relative XDG_STATE_HOME",
    env: { XDG_STATE_HOME: "s", HOME: "/h" },
    want: "/h/.local/state/openshell",
  },
  { name: "refuses without both", env: {}, want: null },
  { name: "refuses a relative HOME", env: { HOME: "h" }, want: null },
])("statePaths() $name", ({ env, want }) => {
  const read = (name: string) => (env as Record<string, string>)[name];
  if (want === null) {
    assert.throws(() => statePaths(read), StateFolderError);
    return;
  }
  const paths = statePaths(read);
  assert.equal(paths.root, want);
  assert.equal(paths.database, `${want}/gateway/openshell.db`);
  assert.equal(paths.embedded, `${want}/embedded`);
});

Deno.test("makeStateFolders() makes folders that only their owner may enter", async () => {
  const home = await Deno.makeTempDir();
  try {
    const paths = statePaths(() => home);
    await makeStateFolders(paths);
    await makeStateFolders(paths);
    for (const folder of [paths.root, paths.gateway, paths.tls, paths.embedded]) {
      assert.equal((await Deno.stat(folder)).mode! & 0o777, 0o700, folder);
    }
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("makeStateFolders() lets nobody else into a folder that was there", async () => {
  const home = await Deno.makeTempDir();
  try {
    const paths = statePaths(() => home);
    await Deno.mkdir(paths.gateway, { recursive: true });
    await Deno.chmod(paths.root, 0o777);
    await makeStateFolders(paths);
    for (const folder of [paths.root, paths.gateway]) {
      assert.equal((await Deno.stat(folder)).mode! & 0o777, 0o700, folder);
    }
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test({
  name: "makeStateFolders() takes no folder of another user",
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  async fn() {
    const home = await Deno.makeTempDir();
    try {
      const paths = statePaths(() => home);
      for (const folder of [paths.root, paths.gateway]) {
        await Deno.mkdir(folder, { recursive: true });
        await Deno.chown(folder, 65_534, 65_534);
        await assert.rejects(makeStateFolders(paths), StateOwnerError);
        await Deno.chown(folder, 0, 0);
      }
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
});
