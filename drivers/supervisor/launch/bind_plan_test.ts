import assert from "node:assert/strict";
import { type BindRequest, planPins } from "./bind_plan.ts";
import { PROTECTED_IN_FOLDERS, PROTECTED_IN_HOMES } from "../../../proto/protected_paths.ts";

const BIND: BindRequest = { source: "/p", target: "/project", writable: true, unprotect: [] };

/** Paths below the source. One that ends with `/` is a folder, `a -> b` is a link. */
function plan(files: readonly string[], change: Partial<BindRequest> = {}): readonly string[] {
  const bind = { ...BIND, ...change };
  const links = new Map<string, string>(files.flatMap((file) => {
    const [path = "", to] = file.split(" -> ");
    return to === undefined ? [] : [[`${bind.source}/${path}`, to] as const];
  }));
  const paths = files.map((file) => `${bind.source}/${file.split(" -> ")[0]}`);
  const isFolder = (path: string) => paths.some((other) => other.startsWith(`${path}/`));
  const pins = planPins(bind, (path) => ({
    link: links.get(path) ?? null,
    kind: isFolder(path) ? "directory" : paths.includes(path) ? "file" : "missing",
    names: () => {
      const below = paths.filter((other) => other.startsWith(`${path}/`))
        .map((other) => other.slice(path.length + 1).split("/")[0] ?? "");
      return [...new Set(below)].filter((name) => isFolder(`${path}/${name}`) || name === ".git");
    },
  }));
  return pins.map(({ path, writable, placeholder }) =>
    `${path} ${writable ? "rw" : "ro"}${placeholder ? " new" : ""}`
  );
}

const USUAL = plan([]);

Deno.test("planPins() of an empty folder holds what could be made there", () => {
  const names = [...PROTECTED_IN_FOLDERS.map(({ path }) => path), ".git", "commondir", "refs"];
  assert.deepEqual(USUAL, names.sort().map((name) => `${name} ro new`));
});

const GIT = [
  ".git rw",
  ".git/commondir ro new",
  ".git/config ro",
  ".git/config.worktree ro new",
  ".git/hooks ro new",
  ".git/info ro new",
];

Deno.test.each([
  { name: "a repository", files: [".git/HEAD", ".git/config"], want: GIT },
  {
    name: "a repository with all",
    files: [".git/HEAD", ".git/config", ".git/info/exclude", ".git/modules/", ".git/worktrees/"],
    want: [
      ...GIT.slice(0, -1),
      ".git/info rw",
      ".git/info/attributes ro new",
      ".git/modules ro",
      ".git/worktrees ro",
    ],
  },
  { name: "a linked worktree", files: [".git"], want: [".git ro"] },
  { name: "a placeholder of another sandbox", files: [".git/"], want: [".git ro"] },
  {
    name: "a repository within",
    files: ["a/b/.git/HEAD", "a/b/.git/config"],
    want: [
      ".git ro new",
      "a rw",
      "a/b rw",
      ...GIT.map((line) => `a/b/${line}`),
      "a/b/commondir ro new",
      "a/b/refs ro new",
    ],
  },
  { name: "a submodule", files: ["a/.git"], want: [".git ro new", "a rw", "a/.git ro"] },
  {
    name: "a bare repository within",
    files: ["a/b.git/HEAD", "a/b.git/config", "a/b.git/objects/x", "a/b.git/refs/x"],
    want: [
      ".git ro new",
      "a rw",
      "a/b.git rw",
      ...GIT.slice(1).map((line) => line.replace(".git", "a/b.git")),
    ],
  },
  { name: "what is no bare repository", files: ["a/HEAD", "a/objects/x"], want: [".git ro new"] },
  { name: "a repository too deep", files: ["1/2/3/4/5/.git/HEAD"], want: [".git ro new"] },
])("planPins() with $name", ({ files, want }) => {
  const usual = new Set(USUAL.filter((line) => line !== ".git ro new"));
  assert.deepEqual(plan(files).filter((line) => !usual.has(line)), want);
});

Deno.test.each([
  { name: "refs", files: ["src/a"], want: "refs ro new" },
  { name: "objects beside refs", files: ["refs/a"], want: "objects ro new" },
  { name: "HEAD beside both", files: ["refs/a", "objects/a"], want: "HEAD ro new" },
  { name: "HEAD that is no file", files: ["refs/a", "objects/a", "HEAD/a"], want: "HEAD ro" },
])("planPins() keeps git from taking the folder for a repository by $name", ({ files, want }) => {
  const signs = plan(files).filter((line) => /^(refs|objects|HEAD) /.test(line));
  assert.deepEqual(signs, [want]);
  assert.ok(plan(files).includes("commondir ro new"));
});

Deno.test("planPins() of a home holds what shells run, there or not", () => {
  const missing = PROTECTED_IN_HOMES.filter(({ path }) => !path.includes("/"));
  for (const pins of [plan([], { source: "/home/me" }), plan([".bash_history"])]) {
    for (const { path } of missing) assert.ok(pins.includes(`${path} ro new`), path);
    assert.ok(pins.includes(".config ro new"));
  }
  const pins = plan([".profile", ".config/git/config"], { source: "/root" });
  assert.ok(pins.includes(".profile ro"));
  assert.deepEqual(pins.filter((line) => line.startsWith(".config")), [
    ".config rw",
    ".config/autostart ro new",
    ".config/fish ro new",
    ".config/git ro",
    ".config/systemd ro new",
  ]);
});

Deno.test("planPins() of another folder holds only what a shell would run if it is there", () => {
  assert.ok(!USUAL.some((line) => line.startsWith(".zprofile")));
  assert.ok(plan([".zprofile"]).includes(".zprofile ro"));
});

Deno.test.each([
  { name: "one", unprotect: [".vscode"], gone: [".vscode"] },
  { name: "git as a whole", unprotect: [".git"], gone: [".git", ".git/config", ".git/hooks"] },
  { name: "hooks", unprotect: [".git/hooks"], gone: [".git/hooks"] },
])("planPins() with the exception of $name", ({ unprotect, gone }) => {
  const before = plan([".git/HEAD"]).map((line) => line.split(" ")[0] ?? "");
  const after = plan([".git/HEAD"], { unprotect }).map((line) => line.split(" ")[0] ?? "");
  for (const path of gone) assert.ok(before.includes(path) && !after.includes(path), path);
  assert.ok(after.includes(".envrc"));
});

Deno.test.each([
  { name: "an exception that is not protected", files: [], unprotect: ["src"] },
  {
    name: "a bare repository",
    files: ["HEAD", "config", "objects/x", "refs/x"],
    unprotect: ["commondir"],
  },
  { name: "an exception above", files: [], unprotect: ["../.git"] },
  { name: "an exception in no repository", files: [], unprotect: ["a/.git/hooks"] },
  { name: "a link out", files: [".vscode -> /etc"], unprotect: [] },
  { name: "a link within", files: [".envrc -> src/envrc"], unprotect: [] },
  { name: "a link to nothing", files: [".mcp.json -> nothing"], unprotect: [] },
  { name: "a linked repository", files: [".git -> /elsewhere"], unprotect: [] },
  { name: "a link in a repository", files: [".git/HEAD", ".git/hooks -> ../hooks"], unprotect: [] },
  { name: "a link in a home", files: [".bashrc -> dotfiles/bashrc"], unprotect: [] },
])("planPins() refuses $name", ({ files, unprotect }) => {
  assert.throws(() => plan(files, { unprotect }), { name: "MountPlanError" });
});

Deno.test("planPins() takes a link that is an exception", () => {
  assert.ok(!plan([".envrc -> src"], { unprotect: [".envrc"] }).join().includes(".envrc"));
});
