import assert from "node:assert/strict";
import { describeLost, HeldFiles } from "./held_files.ts";
import type { Mount, MountPlan } from "./mount_plan.ts";

type Change = (project: string) => void;

function planOf(project: string, paths: readonly string[]): MountPlan {
  const mounts = paths.map((path): Mount => ({
    kind: "pin",
    target: `/project/${path}`,
    bind: "/project",
    source: project,
    path,
    writable: path === "src",
    placeholder: false,
  }));
  return { mounts, access: [], skipped: [], placeholders: [] };
}

const PATHS = [".git/config", ".git/hooks", ".envrc", "src"];
const MISSING = PATHS.map((path) => {
  return { control: "mounts", found: `/project/${path} is missing` } as const;
});

async function inProject(run: (project: string) => void): Promise<void> {
  const project = await Deno.makeTempDir();
  try {
    for (const folder of [".git/hooks", ".envrc", "src"]) {
      await Deno.mkdir(`${project}/${folder}`, { recursive: true });
    }
    await Deno.writeTextFile(`${project}/.git/config`, "[core]\n");
    await Deno.writeTextFile(`${project}/.git/hooks/a.sample`, "#!/bin/sh\n");
    run(project);
  } finally {
    await Deno.remove(project, { recursive: true });
  }
}

/** As git does: a new file in the place of the old one. */
function replace(path: string, text: string): void {
  Deno.writeTextFileSync(`${path}.lock`, text);
  Deno.renameSync(`${path}.lock`, path);
}

const NOTHING: Change = () => {};

Deno.test.each<{ name: string; change: Change; want: readonly string[] }>([
  { name: "nothing", change: NOTHING, want: ["same", "same", "same"] },
  {
    name: "a file by the same",
    change: (project) => replace(`${project}/.git/config`, "[core]\n"),
    want: ["same", "same", "same"],
  },
  {
    name: "a file by another",
    change: (project) => replace(`${project}/.git/config`, "[core]\nfsmonitor = ./evil\n"),
    want: ["changed", "same", "same"],
  },
  {
    name: "a mode",
    change: (project) => Deno.chmodSync(`${project}/.git/hooks/a.sample`, 0o755),
    want: ["same", "changed", "same"],
  },
  {
    name: "a folder by a link",
    change: (project) => {
      Deno.removeSync(`${project}/.git/hooks`, { recursive: true });
      Deno.symlinkSync("../src", `${project}/.git/hooks`);
    },
    want: ["same", "changed", "same"],
  },
  {
    name: "something in a folder",
    change: (project) => Deno.writeTextFileSync(`${project}/.git/hooks/pre-commit`, "x"),
    want: ["same", "changed", "same"],
  },
  {
    name: "what is gone",
    change: (project) => Deno.removeSync(`${project}/.envrc`),
    want: ["same", "same", "gone"],
  },
])("HeldFiles tells what was replaced: $name", async ({ change, want }) => {
  await inProject((project) => {
    const held = new HeldFiles(planOf(project, PATHS));
    change(project);
    const lost = held.findLost(MISSING);
    assert.deepEqual(lost.map(({ state }) => state), want);
    assert.deepEqual(
      lost.map(({ path }) => path),
      PATHS.slice(0, 3).map((at) => `${project}/${at}`),
    );
  });
});

Deno.test("HeldFiles takes for changed what it cannot compare", async () => {
  await inProject((project) => {
    for (let index = 0; index < 300; index++) {
      Deno.writeTextFileSync(`${project}/.git/hooks/${index}`, "");
    }
    const held = new HeldFiles(planOf(project, PATHS));
    assert.deepEqual(held.findLost(MISSING).map(({ state }) => state), ["same", "changed", "same"]);
  });
});

Deno.test("HeldFiles counts only what is missing as lost", async () => {
  await inProject((project) => {
    const held = new HeldFiles(planOf(project, PATHS));
    assert.deepEqual(held.findLost([]), []);
    assert.deepEqual(
      held.findLost([{ control: "mounts", found: "/project/.envrc is writable" }]),
      [],
    );
  });
});

Deno.test("describeLost() says what to read before going on, and why", () => {
  const text = describeLost([
    { path: "/p/.git/config", state: "changed", reason: "git takes programs to run from it" },
    { path: "/p/.envrc", state: "gone", reason: "direnv runs it" },
    { path: "/p/.vscode", state: "same", reason: "editors read it" },
  ]);
  assert.equal(
    text,
    '"/p/.git/config" was replaced or removed on this machine while the sandbox ran, and its ' +
      "protection with it; it is not what it was, and the agent may have written it: read it " +
      "before you go on, since git takes programs to run from it. " +
      '"/p/.envrc" was replaced or removed on this machine while the sandbox ran, and its ' +
      "protection with it; it is gone. " +
      '"/p/.vscode" was replaced or removed on this machine while the sandbox ran, and its ' +
      "protection with it; it holds what it did",
  );
});
