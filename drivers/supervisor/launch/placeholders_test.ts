import assert from "node:assert/strict";
import type { MountPlan } from "./mount_plan.ts";
import { holdPlaceholders, removePlaceholders } from "./placeholders.ts";
import { COMMONDIR_TEXT } from "../../../proto/protected_paths.ts";

function planOf(source: string, path: string): MountPlan {
  const at = { bind: "/project", source, path, target: `/project/${path}` };
  const mount = { kind: "pin", ...at, writable: false, placeholder: true } as const;
  return { mounts: [mount], access: [], skipped: [], placeholders: [`${source}/${path}`] };
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a placeholder stays while a sandbox holds it, and goes with the last", () => {
  const folder = Deno.makeTempDirSync();
  try {
    for (const name of ["hooks", "commondir"]) {
      const path = `${folder}/${name}`;
      if (name === "hooks") Deno.mkdirSync(path);
      else Deno.writeTextFileSync(path, COMMONDIR_TEXT);
      const held = holdPlaceholders(planOf(folder, name));
      removePlaceholders([path]);
      assert.ok(exists(path), `${name} is held`);
      held[Symbol.dispose]();
      removePlaceholders([path]);
      assert.ok(!exists(path), `${name} is removed`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("what has taken the place of a placeholder is neither waited for nor removed", async (t) => {
  const cases: readonly { readonly name: string; readonly make: (path: string) => void }[] = [
    {
      name: "a pipe",
      make: (path) => {
        const { success } = new Deno.Command("mkfifo", { args: [path] }).outputSync();
        assert.ok(success);
      },
    },
    { name: "a link to a folder", make: (path) => Deno.symlinkSync(Deno.makeTempDirSync(), path) },
    { name: "another text", make: (path) => Deno.writeTextFileSync(path, "elsewhere\n") },
    {
      name: "a folder with something in it",
      make: (path) => Deno.mkdirSync(`${path}/x`, { recursive: true }),
    },
  ];
  for (const { name, make } of cases) {
    await t.step(name, () => {
      const folder = Deno.makeTempDirSync();
      const path = `${folder}/commondir`;
      make(path);
      const held = holdPlaceholders(planOf(folder, "commondir"));
      held[Symbol.dispose]();
      removePlaceholders([path]);
      assert.ok(exists(path));
      if (name === "a link to a folder") Deno.removeSync(Deno.realPathSync(path));
      Deno.removeSync(folder, { recursive: true });
    });
  }
});
