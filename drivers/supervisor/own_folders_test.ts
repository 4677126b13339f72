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
  {
    name: "an empty folder for configuration",
    env: { HOME: "/none/home", XDG_CONFIG_HOME: "" },
    want: "/none/home/.config/openshell",
  },
  {
    name: "a relative folder for configuration",
    env: { HOME: "/none/home", XDG_CONFIG_HOME: "xdg" },
    want: "/none/home/.config/openshell",
  },
  { name: "neither", env: {}, want: null },
])("ownFolders() with $name", ({ env, want }) => {
  const found = ownFolders(FOLDER, (name) => (env as Record<string, string>)[name], null);
  assert.equal(found[0], "/none/state/openshell");
  assert.equal(found.includes(want ?? ""), want !== null);
});

Deno.test("ownFolders() follows links", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/real/embedded`, { recursive: true });
    await Deno.symlink(`${folder}/real`, `${folder}/link`);
    const [state] = ownFolders({ path: `${folder}/link/embedded/id` }, () => undefined, null);
    assert.equal(state, Deno.realPathSync(`${folder}/real`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("ownFolders() follows links above what does not exist yet", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/real`);
    await Deno.symlink(`${folder}/real`, `${folder}/home`);
    const found = ownFolders(
      FOLDER,
      (name) => name === "HOME" ? `${folder}/home` : undefined,
      null,
    );
    assert.ok(found.includes(`${Deno.realPathSync(`${folder}/real`)}/.config/openshell`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("ownFolders() has the folder of the sockets of an ordinary user alone", () => {
  const find = (person: number | null) => ownFolders(FOLDER, () => undefined, person);
  assert.ok(find(12_345).includes("/run/user/12345"));
  assert.ok(!find(null).some((path) => path.startsWith("/run")));
});
