import assert from "node:assert/strict";
import { ownFolders } from "./own_folders.ts";

const FOLDER = { path: "/none/state/openshell/embedded/id" };

Deno.test.each([
  { name: "a home", env: { HOME: "/none/home" }, want: "/none/home/.config/openshell" },
  {
    name: "a folder for configuration",
    env: { HOME: "/none/home", XDG_CONFIG_HOME: "/none/xdg" },
    want: "/none/xdg/openshell",
  },
  { name: "neither", env: {}, want: null },
])("ownFolders() with $name", ({ env, want }) => {
  const found = ownFolders(FOLDER, (name) => (env as Record<string, string>)[name]);
  assert.equal(found[0], "/none/state/openshell");
  assert.equal(found.includes(want ?? ""), want !== null);
});

Deno.test("ownFolders() follows links", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/real/embedded`, { recursive: true });
    await Deno.symlink(`${folder}/real`, `${folder}/link`);
    const [state] = ownFolders({ path: `${folder}/link/embedded/id` }, () => undefined);
    assert.equal(state, Deno.realPathSync(`${folder}/real`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
