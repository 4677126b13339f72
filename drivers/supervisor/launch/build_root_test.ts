import assert from "node:assert/strict";
import type { BindRequest } from "./bind_plan.ts";
import { type Jail, startJail } from "./jail.ts";
import type { JailSpec } from "./jail_spec.ts";
import { AGENT, jailTest, makeSpec, MISSING, run, withFolders } from "./jail_fixture.ts";
import { lookAtPath } from "./look_at_path.ts";
import { removePlaceholders } from "./placeholders.ts";

const OWNER = 4242;
const HAS_GIT = lookAtPath("/usr/bin/git").kind === "file";

interface Context {
  readonly jail: Jail;
  /** On the host; `/project` in the sandbox. */
  readonly project: string;
  readonly run: (script: string) => Promise<{ out: string; code: number }>;
}

interface Options {
  /** Made before the jail starts; a path that ends with a slash is a folder. */
  readonly files?: readonly string[];
  readonly bind?: Partial<BindRequest>;
  readonly prepare?: (project: string) => void;
}

const REPOSITORY = [".git/HEAD", ".git/config", ".git/hooks/", ".git/info/", ".git/objects/"];

async function withBind(
  { files = REPOSITORY, bind = {}, prepare }: Options,
  body: (context: Context) => Promise<void>,
): Promise<void> {
  await withFolders(async (folders) => {
    const project = `${folders.tools}-project`;
    Deno.mkdirSync(project);
    for (const file of files) {
      const path = `${project}/${file}`;
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      if (!path.endsWith("/")) Deno.writeTextFileSync(path, "old\n");
    }
    prepare?.(project);
    for (const path of walk(project)) Deno.chownSync(path, OWNER, OWNER);
    const request = { source: project, target: "/project", writable: true, unprotect: [], ...bind };
    const jail = await startJail(makeSpec(folders, undefined, [request]));
    try {
      const inProject = (script: string) => run(jail, `cd /project || exit 99; ${script}`);
      await body({ jail, project, run: inProject });
    } finally {
      await jail.close();
    }
  });
}

function walk(path: string): readonly string[] {
  if (!Deno.lstatSync(path).isDirectory) return [path];
  return [path, ...[...Deno.readDirSync(path)].flatMap(({ name }) => walk(`${path}/${name}`))];
}

jailTest(
  "a writable bind belongs to the agent inside and to its owner outside",
  () =>
    withBind({ files: ["file", "folder/"] }, async ({ run, project, jail }) => {
      Deno.writeTextFileSync(`${project}/roots`, "root's\n", { mode: 0o644 });
      const { out, code } = await run(`set -e
      stat -c %u . file roots; echo new > made; mkdir own; mv file folder/file; chmod 700 own
      stat -c %u made; cat roots`);
      assert.equal(out, `${AGENT.uid}\n${AGENT.uid}\n65534\n${AGENT.uid}\nroot's\n`);
      assert.equal(code, 0);
      for (const name of ["made", "own", "folder/file"]) {
        const { uid, gid } = Deno.statSync(`${project}/${name}`);
        assert.deepEqual({ uid, gid }, { uid: OWNER, gid: OWNER });
      }
      assert.notEqual((await run("echo x > roots")).code, 0);
      assert.deepEqual(jail.findBreaches(), []);
    }),
);

jailTest(
  "a read-only bind cannot be written",
  () =>
    withBind({ files: ["file"], bind: { writable: false } }, async ({ run }) => {
      assert.equal((await run("cat file")).out, "old\n");
      assert.match((await run("echo x > file")).out, /Read-only|denied/);
      assert.notEqual((await run("touch new")).code, 0);
    }),
);

jailTest("a file can be bound alone", () =>
  withFolders(async (folders) => {
    const source = `${folders.tools}-file`;
    Deno.writeTextFileSync(source, "mine\n");
    const bind = { source, target: "/etc/passwd", writable: false, unprotect: [] };
    const jail = await startJail(makeSpec(folders, undefined, [bind]));
    try {
      assert.equal((await run(jail, "cat /etc/passwd")).out, "mine\n");
    } finally {
      await jail.close();
    }
  }));

jailTest(
  "a writable bind keeps what others run, row by row",
  () =>
    withBind({ files: [...REPOSITORY, "deep/sub/.git/HEAD", "deep/sub/.git/config"] }, async (
      { run, project, jail },
    ) => {
      const scripts = [
        "echo x > .git/hooks/pre-commit",
        "echo x >> .git/config",
        "echo x > .git/config.new && mv .git/config.new .git/config",
        "rm -f .git/config",
        "rmdir .git/hooks",
        "mv .git/hooks .git/other",
        "mv .git elsewhere",
        "rm -rf .git",
        "ln -sf /sandbox .git/hooks",
        "ln config .git/commondir",
        "echo /sandbox > .git/commondir",
        "rm .git/commondir",
        "touch .git/config.worktree",
        "touch .git/info/attributes",
        "mv .git/info .git/info2",
        "touch .vscode/tasks.json",
        "rmdir .vscode",
        "mv .vscode other",
        "echo x > .envrc",
        "rmdir .envrc && echo x > .envrc",
        "mv deep away",
        "mv deep/sub deep/away",
        "mv deep/sub/.git deep/sub/away",
        "echo x >> deep/sub/.git/config",
        "mkdir deep/sub/.git/hooks/x",
        "chmod 777 .git/config",
        "python3 -c \"import os; os.rename('.git', 'x')\"",
        'perl -e \'rename(".git", "x") or exit 1\'',
      ];
      for (const script of scripts) {
        const { out, code } = await run(script);
        assert.notEqual(code, 0, `${script}: ${out}`);
      }
      // The work itself goes on.
      const { code, out } = await run(
        `set -e; echo x > .git/index.lock; mv .git/index.lock .git/index
      echo ref > .git/HEAD; mkdir -p .git/objects; echo x > .git/objects/x; mkdir -p src deep/sub/src; echo x > src/file
      mv src/file deep/sub/src/file; echo x > Makefile; echo x > AGENTS.md`,
      );
      assert.equal(code, 0, out);
      assert.equal(Deno.readTextFileSync(`${project}/.git/config`), "old\n");
      assert.ok(lookAtPath(`${project}/.vscode`).kind === "directory");
      await jail.close();
      const left = [...Deno.readDirSync(project)].map(({ name }) => name).sort();
      assert.deepEqual(left, [".git", "AGENTS.md", "Makefile", "deep", "src"]);
      const git = [...Deno.readDirSync(`${project}/.git`)].map(({ name }) => name).sort();
      assert.deepEqual(git, ["HEAD", "config", "hooks", "index", "info", "objects"]);
    }),
);

jailTest(
  "a writable bind without a repository lets none be made there",
  () =>
    withBind({ files: ["file"] }, async ({ run, project, jail }) => {
      for (
        const script of ["mkdir .git/hooks", "rmdir .git", "mv .git x", "echo gitdir: x > .git"]
      ) {
        assert.notEqual((await run(script)).code, 0, script);
      }
      Deno.writeTextFileSync(`${project}/.envrc/kept`, "the person's");
      await jail.close();
      assert.deepEqual([...Deno.readDirSync(project)].map(({ name }) => name).sort(), [
        ".envrc",
        "file",
      ]);
    }),
);

jailTest(
  "a writable bind lets the exceptions be written",
  () =>
    withBind({ bind: { unprotect: [".git/hooks", ".vscode"] } }, async ({ run, project }) => {
      const { code, out } = await run("echo x > .git/hooks/post-commit && mkdir .vscode");
      assert.equal(code, 0, out);
      assert.notEqual((await run("echo x > .git/config")).code, 0);
      assert.notEqual((await run("mv .git x")).code, 0);
      assert.equal(Deno.readTextFileSync(`${project}/.git/hooks/post-commit`), "x\n");
    }),
);

jailTest(
  "a writable bind of a real repository works with git, inside and outside",
  () => {
    const git = (project: string, ...args: readonly string[]) => {
      const { success, stdout, stderr } = new Deno.Command("git", {
        args: ["-c", "safe.directory=*", "-C", project, ...args],
        env: { GIT_CONFIG_GLOBAL: "/dev/null" },
      }).outputSync();
      const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert.ok(success, text);
      return text;
    };
    const prepare = (project: string) => {
      git(project, "init", "-q", "-b", "main");
      git(project, "config", "user.email", "a@b");
      git(project, "config", "user.name", "n");
      git(project, "commit", "-q", "--allow-empty", "-m", "first");
    };
    return withBind({ files: [], prepare }, async ({ run, project }) => {
      const script = `export HOME=/tmp; set -e; git status --short; echo x > file; git add file
        git commit -q -m second; git checkout -q -b topic; git log --oneline | wc -l`;
      assert.deepEqual(await run(script), { out: "2\n", code: 0 });
      assert.match(
        git(project, "status"),
        /On branch topic\nnothing to commit, working tree clean/,
      );
      assert.notEqual((await run("HOME=/tmp git config core.pager evil")).code, 0);
      assert.notEqual((await run("HOME=/tmp git config core.fsmonitor evil")).code, 0);
    });
  },
  MISSING ?? (HAS_GIT ? null : "needs git"),
);

jailTest(
  "Jail.findBreaches() sees a protection that the host has replaced",
  () =>
    withBind({}, async ({ jail, project }) => {
      assert.deepEqual(jail.findBreaches(), []);
      Deno.writeTextFileSync(`${project}/.git/config.lock`, "new\n");
      Deno.renameSync(`${project}/.git/config.lock`, `${project}/.git/config`);
      assert.deepEqual(jail.findBreaches(), [
        { control: "mounts", found: "/project/.git/config is missing" },
      ]);
      await jail.close();
    }),
);

jailTest(
  "startJail() refuses a link that has come since the plan was made",
  () =>
    withFolders(async (folders) => {
      const source = `${folders.tools}-project`;
      Deno.mkdirSync(`${source}/.vscode`, { recursive: true });
      const bind = { source, target: "/project", writable: true, unprotect: [] };
      const spec = makeSpec(folders, undefined, [bind]);
      Deno.removeSync(`${source}/.vscode`);
      Deno.symlinkSync("/etc", `${source}/.vscode`);
      await assert.rejects(startJail(spec), { name: "IsolationError", control: "mounts" });
      assert.deepEqual([...Deno.readDirSync(source)].map(({ name }) => name), [".vscode"]);
    }),
);

jailTest(
  "startJail() refuses a file system whose owners cannot be mapped",
  () =>
    withFolders(async (folders) => {
      await assert.rejects(startJail(withRawBind(makeSpec(folders), "/proc/sys/kernel")), {
        name: "IsolationError",
        control: "ownership",
      });
    }),
);

jailTest(
  "a writable bind of a file system in memory maps owners as well",
  () =>
    withFolders(async (folders) => {
      const source = Deno.makeTempDirSync({ dir: "/dev/shm" });
      try {
        Deno.chownSync(source, OWNER, OWNER);
        const jail = await startJail(withRawBind(makeSpec(folders), source));
        try {
          assert.equal((await run(jail, "echo x > /project/file")).code, 0);
          assert.equal(Deno.statSync(`${source}/file`).uid, OWNER);
        } finally {
          await jail.close();
        }
      } finally {
        Deno.removeSync(source, { recursive: true });
      }
    }),
);

jailTest(
  "two sandboxes of one folder keep each other's protection",
  () =>
    withBind({ files: ["file"] }, async ({ jail, project }) => {
      await withFolders(async (folders) => {
        const bind = { source: project, target: "/project", writable: true, unprotect: [] };
        const other = await startJail(makeSpec(folders, undefined, [bind]));
        try {
          await jail.close();
          assert.deepEqual(other.findBreaches(), []);
          assert.notEqual((await run(other, "echo x > /project/.envrc/x")).code, 0);
        } finally {
          await other.close();
        }
      });
    }),
);

jailTest(
  "Jail.close() leaves no placeholder and no lock",
  () =>
    withBind({ files: ["file"] }, async ({ jail, project }) => {
      assert.ok([...Deno.readDirSync(project)].length > 10);
      await jail.close();
      assert.deepEqual([...Deno.readDirSync(project)].map(({ name }) => name), ["file"]);
      const open = [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) =>
        lookAtPath(`/proc/self/fd/${name}`).link?.startsWith(project)
      );
      assert.deepEqual(open, []);
    }),
);

Deno.test("removePlaceholders() removes what is as it was made", () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${folder}/a/b`, { recursive: true });
    Deno.mkdirSync(`${folder}/full/x`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/commondir`, ".\n");
    Deno.writeTextFileSync(`${folder}/mine`, "text");
    const names = ["a", "a/b", "full", "commondir", "mine", "gone"];
    removePlaceholders(names.map((name) => `${folder}/${name}`));
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(left, ["full", "mine"]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

/** A bind that no plan would have. */
function withRawBind(spec: JailSpec, source: string): JailSpec {
  const target = "/project";
  const options = { file: false, writable: true, devices: false, mapsOwner: true };
  const access = { path: target, level: "write", file: false, devices: false } as const;
  return {
    ...spec,
    plan: {
      ...spec.plan,
      mounts: [...spec.plan.mounts, { kind: "bind", target, source, ...options }],
      access: [...spec.plan.access, access],
    },
  };
}
