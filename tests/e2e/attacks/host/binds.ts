/**
 * Attacks on the person by way of a bound folder: whatever runs there afterwards without being
 * asked for is run for real, by git on the host.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mustRun } from "../../support/commands.ts";
import type { World } from "../../support/world.ts";
import type { Attack } from "../support/attack.ts";
import { git, projectOf } from "./scene.ts";
import { plant } from "./scripts.ts";

const NO_CHANGE = /^(?![\s\S]*CHANGED)[\s\S]*tried\n$/;

const GIT_WORKS = {
  script: "cd /project && echo $RANDOM >> src/a.txt && git status --short -uno 2>/dev/null && " +
    "git -c user.name=a -c user.email=a@b commit -qam work 2>/dev/null; git log --oneline " +
    "2>/dev/null | head -1",
  shows: /^ M src\/a\.txt\n[0-9a-f]+ work\n$/,
};

/** The repository of a folder ends, and the folder itself is to look like one. */
function becomeBare(folder: string, onHost: string): string {
  return `cd ${folder}; ` + plant("evil.sh", "bare") +
    "; rm -f .git/HEAD; mkdir -p objects refs; " +
    "echo 'ref: refs/heads/main' > HEAD; printf '[core]\\nrepositoryformatversion=0\\n" +
    `bare=false\\nworktree=%s\\nfsmonitor=%s/evil.sh\\n' ${onHost} ${onHost} > config; ls HEAD`;
}

/** Each is tried in the bound repository; `CHANGED` would show that it worked. */
function tries(lines: readonly string[]): string {
  return ["cd /project", ...lines.map((line) => `( ${line} ) 2>/dev/null && echo CHANGED`)]
    .join("; ") + "; echo tried";
}

const HOOK = ".git/hooks/pre-commit";

const HELD: readonly Attack[] = [
  {
    id: "plant-a-hook",
    title: "have git run something by a hook, made in every way",
    area: "files",
    attack: {
      script: "cd /project; " + plant("/project/evil-hook", "hook") +
        "; cp evil-hook /sandbox/e; " +
        tries([
          `cp evil-hook ${HOOK}`,
          `mv evil-hook ${HOOK}`,
          `ln evil-hook ${HOOK}`,
          `ln -s ../../evil-hook ${HOOK}`,
          `echo x > ${HOOK}`,
          `install -m 755 evil-hook ${HOOK}`,
          `mv .git/hooks .git/hooks-old`,
          `rmdir .git/hooks`,
          `rm -rf .git/hooks && mkdir .git/hooks`,
          `mv .git git-old`,
          `mv -T --exchange evil-hook .git/hooks`,
          `cp evil-hook /proc/self/cwd/${HOOK}`,
          `cp evil-hook /proc/$$/root/project/./.git//hooks/../hooks/pre-commit`,
          `exec 3<.git/hooks; cp evil-hook /proc/self/fd/3/pre-commit`,
          `exec 3<.git; cp evil-hook /proc/self/fd/3/hooks/pre-commit`,
          `cd .git/hooks && cp /project/evil-hook pre-commit`,
          `chmod 777 .git/hooks`,
          `git init -q --template=/sandbox .; test -e ${HOOK}`,
          `tar -C /project -xf <(tar -C /sandbox -cf - --transform s,e,${HOOK}, e); test -e ${HOOK}`,
        ]),
      shows: NO_CHANGE,
    },
    twin: GIT_WORKS,
    check: gitRunsNothing,
  },
  {
    id: "write-the-configuration",
    title: "have git run something by its configuration",
    area: "files",
    attack: {
      script: plant("/project/evil.sh", "config") + "; " + tries([
        "git config core.fsmonitor ./evil.sh",
        "git config core.hooksPath /project/src",
        "git config include.path ../evil.cfg",
        "git config --worktree core.fsmonitor ./evil.sh",
        "printf '[core]\\nfsmonitor=./evil.sh\\n' >> .git/config",
        "printf '[core]\\nfsmonitor=./evil.sh\\n' > .git/config.worktree/x",
        "echo x > .git/config.lock && mv .git/config.lock .git/config",
        "mv .git/config .git/config-old",
        "rm -f .git/config",
        "ln -sf /project/evil.cfg .git/config",
        "ln .git/config own-config",
        "truncate -s 0 .git/config",
        'perl -e \'syscall(316, -100, "evil.sh", -100, ".git/config", 2) == 0 or exit 1\'',
        'perl -e \'open(my $f, "+<", ".git/config") or exit 1\'',
        "chmod 777 .git/config",
        "git submodule add ./vendor sub && test -s .gitmodules",
        "printf '[submodule \"x\"]\\n' > .gitmodules",
        "echo ../evil-common > .git/commondir",
        "echo '* filter=evil' > .git/info/attributes",
        "mv .git/info .git/info-old",
      ]),
      shows: NO_CHANGE,
    },
    twin: GIT_WORKS,
    check: gitRunsNothing,
  },
  {
    id: "attributes-and-filters",
    title: "have git run a filter or a diff program by attributes",
    area: "files",
    attack: {
      script: "cd /project; " + plant("evil.sh", "filter") +
        "; echo '* filter=evil diff=evil merge=evil' > .gitattributes; " +
        "git config filter.evil.clean ./evil.sh 2>&1; git config diff.evil.command ./evil.sh 2>&1",
      shows: /(denied|Read-only|could not|busy)/i,
    },
    twin: {
      script: "cd /project; git check-attr filter src/a.txt 2>/dev/null; rm .gitattributes; ls src",
      shows: /filter: evil\na\.txt/,
    },
    check: gitRunsNothing,
  },
  {
    id: "redirect-the-repository",
    title: "put a file .git, a link, or another folder in place of the repository",
    area: "files",
    attack: {
      script: "mkdir -p /project/other && cd /project/other && git init -q . 2>/dev/null; " +
        plant("/project/evil.sh", "redirect") + "; git config core.fsmonitor /project/evil.sh; " +
        tries([
          "rm -f .git || rmdir .git && echo 'gitdir: other/.git' > .git && test -f .git",
          "unlink .git",
          "mv .git old && mv other/.git .git",
          "mv -T other/.git .git",
          "ln -sfn other/.git .git && test -L .git",
          'perl -e \'syscall(316, -100, "other/.git", -100, ".git", 2) == 0 or exit 1\'',
          "mv vendor/.git vendor/old",
          "mv vendor vendor-old",
          "rm -rf vendor/.git/hooks",
          "echo 'gitdir: ../other/.git' > vendor/.git",
          'perl -e \'syscall(316, -100, "other", -100, "vendor", 2) == 0 or exit 1\'',
          "git -C vendor config core.fsmonitor /project/evil.sh",
          "cp evil.sh vendor/.git/hooks/pre-commit",
        ]) + "; rm -rf other; git fsck --connectivity-only 2>&1 | grep -i missing; true",
      shows: /^(?![\s\S]*CHANGED)[\s\S]*tried\n/,
    },
    twin: {
      script: "cd /project/vendor && echo more >> src/a.txt && git status --short 2>/dev/null",
      shows: /M src\/a\.txt/,
    },
    check: restoreAndRunGit,
  },
  {
    id: "repository-of-the-folder-itself",
    title: "end the repository, so that git takes the folder itself for one",
    area: "files",
    attack: {
      script: becomeBare("/project", "$HOST_HOME/project"),
      shows: /^HEAD\n$/m,
    },
    twin: {
      script: "cd /project; rm -rf HEAD objects config evil.sh; ls -d src",
      shows: /^src$/m,
    },
    async check(world) {
      await restoreAndRunGit(world);
      await outlastsTheSandbox(world);
    },
  },
  {
    id: "linked-worktrees",
    title: "have git run something by a worktree of the agent's",
    area: "files",
    attack: {
      script: "cd /project; " + plant("evil.sh", "worktree") + "; " +
        "git worktree add -q ./tree 2>&1 | tail -1; mkdir -p .git/worktrees/tree; " +
        "printf '[core]\\nfsmonitor=../evil.sh\\n' > .git/worktrees/tree/config; " +
        "printf '[core]\\nfsmonitor=../evil.sh\\n' > .git/worktrees/tree/config.worktree; " +
        "echo /project/tree-common > .git/worktrees/tree/commondir; echo tried",
      shows: /tried\n$/,
    },
    twin: {
      script:
        "cd /project; rm -rf tree .git/worktrees; git branch --show-current 2>/dev/null | wc -l",
      shows: /^1$/m,
    },
    check: async (world) => {
      // Git may complain about what the agent wrote there; it runs nothing of it.
      await runGit(world, ["status"], ["diff"], ["branch"], ["worktree", "list"], ["gc", "--auto"]);
      assertNothingRan(world);
      await Deno.remove(`${projectOf(world)}/.git/worktrees`, { recursive: true });
    },
  },
  {
    id: "variables-of-git",
    title: "have git use another repository by variables and a global configuration",
    area: "files",
    attack: {
      script: "cd /project; " + plant("evil.sh", "variables") + "; export HOME=/project " +
        "GIT_DIR=/sandbox/g GIT_CONFIG_GLOBAL=/project/.gitconfig; git init -q 2>/dev/null; " +
        "git config --global core.fsmonitor ./evil.sh; git config core.hooksPath /project; " +
        "ls /sandbox/g/HEAD",
      shows: /HEAD/,
    },
    twin: GIT_WORKS,
    check: gitRunsNothing,
  },
  {
    id: "settings-of-editors-and-agents",
    title: "have editors, shells and agents run something by their settings",
    area: "files",
    attack: {
      script: tries([
        ...[".envrc", ".mcp.json", ".gitmodules", "opencode.json", "lefthook.yml"].flatMap((
          name,
        ) => [
          `echo x > ${name}`,
          `ln -sfT /tmp ${name}`,
          `mv -T src/a.txt ${name}`,
          `rmdir ${name}`,
          `ln src/a.txt ${name}`,
        ]),
        ...[".vscode", ".idea", ".claude", ".codex", ".cursor", ".gemini", ".husky", ".githooks"]
          .flatMap((name) => [
            `echo x > ${name}/settings.json`,
            `mkdir -p ${name}/x`,
            `rmdir ${name}`,
            `mv -T ${name} other-name`,
            `mv -T src ${name}`,
            `ln -sfn /project/src ${name} && test -L ${name}`,
          ]),
      ]),
      shows: NO_CHANGE,
    },
    twin: {
      script: "cd /project; mkdir -p .config-of-ours; ls -d .config-of-ours; rmdir .config-of-ours",
      shows: /^\.config-of-ours$/m,
    },
    async check(world) {
      const project = projectOf(world);
      for (const name of [".envrc", ".vscode", ".claude", ".mcp.json", ".githooks"]) {
        const info = await Deno.lstat(`${project}/${name}`);
        assert.ok(info.isDirectory, name);
        assert.deepEqual([...Deno.readDirSync(`${project}/${name}`)], []);
      }
    },
  },
  {
    id: "names-in-another-case",
    title: "reach what is held by another spelling of its name",
    area: "files",
    attack: {
      script:
        "cd /project; for n in .GIT .Git .git. '.git ' .g\u200cit .git~1; do mkdir -p \"$n/hooks\"; " +
        plant('"$n/hooks/pre-commit"', "case") +
        "; printf '[core]\\nfsmonitor=./x\\n' > \"$n/config\"; " +
        "done; echo x > .ENVRC; mkdir -p .VSCode; echo tried",
      shows: /tried\n$/,
    },
    twin: {
      script:
        "cd /project; rm -rf .GIT .Git .git. '.git ' .g\u200cit .git~1 .ENVRC .VSCode; ls -d .git",
      shows: /^\.git$/m,
    },
    check: gitRunsNothing,
  },
  {
    id: "set-uid-into-the-bind",
    title: "leave a program that gives a person's rights to whoever runs it",
    area: "files",
    attack: {
      script:
        "cd /project; cp /usr/bin/id owned; for m in 4755 2755 6777 u+s g+s; do chmod $m owned && " +
        "echo CHANGED $m; done; install -m 4755 /usr/bin/id owned2; mkdir -m 2777 shared; " +
        "cp --preserve=mode suid-id owned3; tar -cf - suid-id | tar -C src -xpf -; " +
        "find . -perm /6000 2>/dev/null | grep -v '^./suid-id$'; rm -rf owned* shared src/suid-id; echo tried",
      shows: /^(?![\s\S]*CHANGED)(?![\s\S]*^\.\/)[\s\S]*tried\n$/m,
    },
    twin: { script: "cd /project; echo x > p; chmod 755 p; stat -c %a p; rm p", shows: /^755$/m },
    async check(world) {
      const found = await mustRun(["find", projectOf(world), "-perm", "/6000"]);
      assert.equal(found, `${projectOf(world)}/suid-id\n`);
      assert.equal((await Deno.stat(`${projectOf(world)}/suid-id`)).mode! & 0o7777, 0o4755);
    },
  },
  {
    id: "nested-repository",
    title: "have git at the top look into a repository of the agent's",
    area: "files",
    accepted: "New repositories in a bind",
    attack: {
      script: "cd /project; " + plant("/project/evil.sh", "nested") + "; mkdir -p sub; cd sub; " +
        "git init -q . 2>/dev/null; echo x > f; git add f; git -c user.name=a -c user.email=a@b " +
        "commit -qm x; git config core.fsmonitor $HOST_HOME/project/evil.sh; cd ..; git update-index --add " +
        "--cacheinfo 160000,$(git -C sub rev-parse HEAD),sub 2>/dev/null && echo added",
      shows: /added/,
    },
    twin: {
      script:
        "cd /project; git update-index --force-remove sub 2>/dev/null; rm -rf sub evil.sh; ls -d src",
      shows: /^src$/m,
    },
    async check(world) {
      // What the threat model recommends to whoever has not looked yet.
      const config = ["-c", "diff.ignoreSubmodules=dirty"];
      await runGit(world, [...config, "status"], [...config, "diff"], [
        "status",
        "--ignore-submodules",
      ]);
      assertNothingRan(world);
      // Once this no longer shows, it can be promised.
      await runGit(world, ["status"]);
      await Deno.remove(`${world.machine.home}/ran-nested`);
    },
  },
];

const WINDOWS: readonly Attack[] = [
  {
    id: "configuration-changed-by-the-person",
    title: "write a held file in the moment when the person's git has replaced it",
    area: "files",
    accepted: "Held files that the person replaces meanwhile",
    attack: {
      script: "cd /project; for i in $(seq 200); do ( echo x >> .git/config ) 2>/dev/null && " +
        "echo CHANGED; done; echo tried",
      shows: NO_CHANGE,
    },
    twin: GIT_WORKS,
    check: endsWithTheHold,
  },
];

export const BIND_ATTACKS: readonly Attack[] = [...HELD, ...WINDOWS];

/** What a person does without a thought: nothing of the agent's runs, and git still works. */
async function gitRunsNothing(world: World): Promise<void> {
  const project = projectOf(world);
  for (const folder of [project, `${project}/vendor`]) {
    for (
      const args of [
        ["status"],
        ["diff", "--stat"],
        ["log", "-1"],
        ["add", "-A", "src"],
        ["stash", "list"],
        ["branch"],
        ["commit", "-q", "--allow-empty", "-m", "person"],
        ["checkout", "-q", "-b", `b-${crypto.randomUUID()}`],
      ]
    ) {
      const said = await git(world, ["-C", folder, ...args]);
      assert.match(said, /ended [01]\n$/, `git ${args.join(" ")} in ${folder}: ${said}`);
    }
  }
  assertNothingRan(world);
}

/** The same where the agent has broken the repository, which it may. */
async function restoreAndRunGit(world: World): Promise<void> {
  await runGit(world, ["status"], ["diff"], ["log"], ["commit", "-q", "-a", "-m", "x"]);
  assertNothingRan(world);
  const head = `${projectOf(world)}/.git/HEAD`;
  if (await Deno.lstat(head).then(() => false, () => true)) {
    await Deno.writeTextFile(head, "ref: refs/heads/master\n");
    await world.machine.own(head);
  }
  await gitRunsNothing(world);
}

/** What protects a folder is gone with the sandbox; what was kept from being made is not there. */
async function outlastsTheSandbox(world: World): Promise<void> {
  const { machine } = world;
  const folder = `${machine.home}/second`;
  const parts = ["", "/vendor", "/plain"];
  for (const part of parts.slice(0, 2)) await git(world, ["init", "-q", folder + part]);
  await Deno.mkdir(`${folder}/plain`);
  await machine.own(`${folder}/plain`);
  await machine.create("ends", {
    flags: ["--bind", `${folder}:/second`, "--env", `HOST_HOME=${machine.home}`],
  });
  for (const part of parts.slice(0, 2)) {
    const script = becomeBare(`/second${part}`, folder + part);
    assert.equal((await machine.exec("ends", script)).stdout, "HEAD\n");
  }
  const look = async () => {
    for (const part of parts) {
      for (const command of ["status", "diff", "log", "branch"]) {
        await git(world, ["-C", folder + part, command]);
      }
    }
    assertNothingRan(world);
  };
  await look();
  await machine.must(["sandbox", "delete", "ends"]);
  await look();
}

/** The kernel drops a mount whose file is replaced on the host. What then holds is that all ends. */
async function endsWithTheHold(world: World): Promise<void> {
  const { machine } = world;
  const folder = `${machine.home}/third`;
  await git(world, ["init", "-q", folder]);
  await machine.create("waits", { flags: ["--bind", `${folder}:/third`] });
  await git(world, ["-C", folder, "config", "user.name", "Person"]);
  await machine.waitForPhase("waits", "Error");
  assert.notEqual((await machine.exec("waits", "true")).code, 0);
  await machine.must(["sandbox", "delete", "waits"]);
}

async function runGit(world: World, ...commands: readonly (readonly string[])[]): Promise<void> {
  for (const args of commands) await git(world, ["-C", projectOf(world), ...args]);
}

function assertNothingRan({ machine }: World): void {
  const ran = [...Deno.readDirSync(machine.home)].map(({ name }) => name)
    .filter((name) => name.startsWith("ran-"));
  assert.deepEqual(ran, [], "something of the agent's has run on the host");
}
