/**
 * Folders of the host given in place, and limits: what the agent can do there, and what it cannot.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mustRun } from "../support/commands.ts";
import type { TestMachine } from "../support/openshell.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";

/** Each is tried inside a bound repository, and has to fail. */
const REFUSED = [
  "echo x > .git/hooks/post-commit",
  "echo x >> .git/config",
  "mv .git elsewhere",
  "rm -rf .git/hooks",
  "mkdir -p .vscode && echo x > .vscode/tasks.json",
  "echo x > .envrc",
  "ln -s /etc/passwd .mcp.json",
  "git config core.hooksPath /project/evil",
] as const;

sandboxSuite("binds and limits", async (suite) => {
  await stepsOfBind(suite);
  await stepsOfReadOnly(suite);
  await stepsOfLimits(suite);
});

async function stepsOfBind({ world: { machine }, step }: Suite): Promise<void> {
  const folder = `${machine.home}/project`;
  await mustRun(["git", "init", "-q", folder]);
  await Deno.writeTextFile(`${folder}/a.txt`, "before\n");
  await machine.own(folder);
  const bind = ["--bind", `${folder}:/project`];
  await machine.create("binds", { flags: bind });

  await step("the agent works on the files, which stay the person's", async () => {
    const script = "cd /project && cat a.txt && echo after > a.txt && mkdir src && echo x > src/b";
    assert.equal((await machine.exec("binds", script)).stdout, "before\n");
    assert.equal(await Deno.readTextFile(`${folder}/a.txt`), "after\n");
    assert.equal((await Deno.stat(`${folder}/src/b`)).uid, machine.uid);
  });

  await step("programs start in the one folder that is bound", async () => {
    assert.equal((await machine.exec("binds", "pwd")).stdout, "/project\n");
  });

  for (const script of REFUSED) {
    await step(`refuses ${script}`, async () => {
      const { code } = await machine.exec("binds", `cd /project && ${script}`);
      assert.notEqual(code, 0);
    });
  }

  await step("leaves nothing of its own in the folder", async () => {
    await machine.must(["sandbox", "delete", "binds"]);
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
    assert.deepEqual(names, [".git", "a.txt", "src"]);
    const hooks = (await Array.fromAsync(Deno.readDir(`${folder}/.git/hooks`)))
      .filter(({ name }) => !name.endsWith(".sample"));
    assert.deepEqual(hooks, []);
  });

  await step("--unprotect gives what it names, and nothing else", async () => {
    await machine.create("trusts", { flags: [...bind, "--unprotect", ".envrc"] });
    const { code } = await machine.exec("trusts", "cd /project && echo x > .envrc");
    assert.equal(code, 0);
    const hook = await machine.exec("trusts", "echo x > /project/.git/hooks/post-commit");
    assert.notEqual(hook.code, 0);
    await machine.must(["sandbox", "delete", "trusts"]);
    assert.equal(await Deno.readTextFile(`${folder}/.envrc`), "x\n");
  });
}

async function stepsOfReadOnly({ world: { machine }, step }: Suite): Promise<void> {
  await step("a read-only bind can be read, and nothing more", async () => {
    const folder = `${machine.home}/reference`;
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/a`, "a\n");
    await machine.create("reads", { flags: ["--bind", `${folder}:/reference:ro`] });
    const script = "cat /reference/a; echo x > /reference/a; echo x > /reference/b";
    const { code, stdout } = await machine.exec("reads", script);
    assert.equal(stdout, "a\n");
    assert.notEqual(code, 0);
    assert.equal(await Deno.readTextFile(`${folder}/a`), "a\n");
    await machine.must(["sandbox", "delete", "reads"]);
  });

  await step("a folder that does not exist cannot be bound", async () => {
    const { code, stderr } = await machine.run([
      ...["sandbox", "create", "--name", "never", "--bind", "/does/not/exist:/x", "--", "true"],
    ]);
    assert.notEqual(code, 0);
    assert.match(stderr, /does\/not\/exist/);
  });
}

async function stepsOfLimits({ world: { machine }, step, isRootless }: Suite): Promise<void> {
  if (isRootless) return await stepsOfRootlessLimits(machine, step);
  await machine.create("small", { flags: ["--memory", "64Mi", "--pids", "32", "--cpu", "0.5"] });

  await step("memory beyond the limit ends the program, not the sandbox", async () => {
    const script = `perl -e 'my $x = "x" x 200_000_000; print length $x'`;
    const { code, stdout } = await machine.exec("small", script);
    assert.notEqual(code, 0);
    assert.equal(stdout, "");
    assert.equal((await machine.exec("small", "echo lives")).stdout, "lives\n");
  });

  await step("processes beyond the limit do not start", async () => {
    const script = "for i in $(seq 60); do sleep 3 & done 2>&1; jobs | wc -l";
    const { stdout } = await machine.exec("small", script);
    assert.match(stdout, /[Rr]esource temporarily unavailable|[Cc]annot fork/);
  });
}

/** Control groups of this machine are root's. */
async function stepsOfRootlessLimits(machine: TestMachine, step: Suite["step"]): Promise<void> {
  await step("a limit that cannot be held here is refused", async () => {
    const flags = ["--memory", "64Mi", "--detach"];
    const create = ["sandbox", "create", "--name", "small", ...flags, "--", "sleep", "1"];
    const { code, stderr } = await machine.run(create);
    assert.notEqual(code, 0);
    assert.match(stderr, /Cannot limit the sandbox by "memory"/);
  });

  await step("the folder of another user cannot be bound writable", async () => {
    const folder = `${machine.home}/others`;
    await Deno.mkdir(folder);
    const create = ["sandbox", "create", "--name", "others", "--bind", `${folder}:/x`, "--detach"];
    const { code, stderr } = await machine.run([...create, "--", "sleep", "1"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /belongs to another user/);
  });
}
