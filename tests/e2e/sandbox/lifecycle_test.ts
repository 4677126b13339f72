/**
 * From health to deletion: what a person does with sandboxes, without a terminal.
 *
 * @module
 */

import assert from "node:assert/strict";
import { sandboxSuite, type Suite } from "../support/suite.ts";

sandboxSuite("lifecycle", async (suite) => {
  await stepsOfPhases(suite);
  await stepsOfUse(suite);
  await stepsOfMany(suite);
});

async function stepsOfPhases({ world: { machine }, step }: Suite): Promise<void> {
  await step("smoke: healthy, create, exec, list, delete", async () => {
    const status = JSON.parse(await machine.must(["status", "-o", "json"]));
    assert.equal(status.status, "connected");
    await machine.create("smoke");
    const { stdout, code } = await machine.exec("smoke", "echo hello; echo error >&2; exit 3");
    assert.deepEqual([stdout, code], ["hello\n", 3]);
    const list = JSON.parse(await machine.must(["sandbox", "list", "-o", "json"]));
    assert.deepEqual(
      list.map(({ name, phase }: Record<string, string>) => [name, phase]),
      [["smoke", "Ready"]],
    );
    await machine.must(["sandbox", "delete", "smoke"]);
    assert.equal(await machine.must(["sandbox", "list", "--names"]), "");
  });

  await step("deleting what is not there is a notice", async () => {
    const { code, stdout, stderr } = await machine.run(["sandbox", "delete", "never"]);
    assert.equal(code, 0);
    assert.match(stdout + stderr, /never/);
  });

  await step("stop keeps the files, and nothing runs meanwhile", async () => {
    await machine.create("stops");
    await machine.exec("stops", "echo kept > /sandbox/file; echo lost > /tmp/file");
    await machine.must(["sandbox", "stop", "stops"]);
    await machine.waitForPhase("stops", "Stopped");
    const refused = await machine.exec("stops", "true");
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /^error: .*stops/m);
    await machine.must(["sandbox", "stop", "stops"]);
    await machine.must(["sandbox", "start", "stops"]);
    await machine.waitForPhase("stops", "Ready");
    const { stdout } = await machine.exec("stops", "cat /sandbox/file; cat /tmp/file 2>&1");
    assert.match(stdout, /^kept\n.*No such file/);
    await machine.must(["sandbox", "stop", "stops"]);
    await machine.must(["sandbox", "delete", "stops"]);
  });

  await step("the end of the main process is final, and its code is shown", async () => {
    await machine.create("ends", { command: ["sh", "-c", "echo last words; sleep 1; exit 7"] });
    await machine.waitForPhase("ends", "Error");
    assert.match(await machine.must(["sandbox", "get", "ends"]), /\b7\b/);
    assert.notEqual((await machine.exec("ends", "true")).code, 0);
    assert.notEqual((await machine.run(["sandbox", "start", "ends"])).code, 0);
    await machine.must(["sandbox", "delete", "ends"]);
  });
}

async function stepsOfUse({ world: { machine }, step }: Suite): Promise<void> {
  await step("--no-keep returns output and code, and deletes", async () => {
    const command = ["sh", "-c", "echo $WHO; exit 5"];
    const flags = ["--name", "once", "--no-keep", "--env", "WHO=me"];
    const { code, stdout } = await machine.run(["sandbox", "create", ...flags, "--", ...command]);
    assert.deepEqual([code, stdout], [5, "me\n"]);
    assert.equal(await machine.must(["sandbox", "list", "--names"]), "");
  });

  await step("exec has folder, environment, input and a time limit", async () => {
    await machine.create("execs", { flags: ["--env", "A=1"] });
    const flags = ["sandbox", "exec", "-n", "execs", "--workdir", "/tmp", "--env", "B=2"];
    const script = "pwd; echo $A $B $HOME $USER $OPENSHELL_SANDBOX; cat";
    const { stdout } = await machine.run([...flags, "--", "sh", "-c", script], { stdin: "in\n" });
    assert.equal(stdout, "/tmp\n1 2 /sandbox sandbox 1\nin\n");
    const limited = ["sandbox", "exec", "-n", "execs", "--timeout", "1", "--", "sleep", "30"];
    assert.equal((await machine.run(limited)).code, 124);
    const { stdout: left } = await machine.exec("execs", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    assert.doesNotMatch(left, /sleep 30/);
    const missing = await machine.run(["sandbox", "exec", "-n", "execs", "--", "no-such-program"]);
    assert.equal(missing.code, 127);
  });

  await step("a time limit holds, whoever else keeps the output open", async () => {
    const script = "trap '' TERM; setsid sleep 41 & sleep 42";
    const exec = ["sandbox", "exec", "-n", "execs", "--timeout", "1", "--", "bash", "-c", script];
    assert.equal((await machine.run(exec)).code, 124);
  });

  await step("a sandbox ends with its main process, whatever that has left running", async () => {
    const command = ["sh", "-c", "setsid sleep 43 & echo hi"];
    const { code, stdout } = await machine.run([
      "sandbox",
      "create",
      "--no-keep",
      "--",
      ...command,
    ]);
    assert.deepEqual([code, stdout], [0, "hi\n"]);
  });

  await step("labels select", async () => {
    await machine.create("dev-a", { flags: ["--label", "env=dev", "--label", "team=a"] });
    await machine.create("dev-b", { flags: ["--label", "env=dev", "--label", "team=b"] });
    const select = (selector: string) =>
      machine.must(["sandbox", "list", "--selector", selector, "--names"]);
    assert.equal((await select("env=dev")).trim().split("\n").length, 2);
    assert.equal(await select("env=dev,team=b"), "dev-b\n");
    assert.match(await machine.must(["sandbox", "get", "dev-a"]), /team=a/);
  });

  await step("names and variables that are not right are refused", async () => {
    for (const name of ["Upper", "a--b", "-a", "a".repeat(20), "a/b", "../a"]) {
      const { code } = await machine.run(["sandbox", "create", "--name", name, "--detach"]);
      assert.notEqual(code, 0, name);
    }
    const flags = ["--name", "reserved", "--detach", "--env", "OPENSHELL_X=1"];
    assert.notEqual((await machine.run(["sandbox", "create", ...flags])).code, 0);
    const again = await machine.run(["sandbox", "create", "--name", "execs", "--detach"]);
    assert.notEqual(again.code, 0, "a name is used once");
  });
}

async function stepsOfMany({ world: { machine }, step }: Suite): Promise<void> {
  await step("several are made, used and deleted at the same time", async () => {
    await machine.must(["sandbox", "delete", "--all"]);
    const names = ["at-once-a", "at-once-b", "at-once-c", "at-once-d"];
    await Promise.all(names.map((name) => machine.create(name)));
    const said = await Promise.all(names.map((name) => machine.exec(name, `echo ${name}; id -u`)));
    assert.deepEqual(said.map(({ stdout }) => stdout.split("\n")[0]), names);
    assert.equal(new Set(said.map(({ stdout }) => stdout.split("\n")[1])).size, names.length);
    await machine.must(["sandbox", "delete", ...names]);
    assert.equal(await machine.must(["sandbox", "list", "--names"]), "");
  });

  await step("the first command starts a gateway where none runs", async () => {
    await machine.killGateway();
    assert.equal(await machine.must(["sandbox", "list", "--names"]), "");
    await machine.create("by-itself");
    assert.equal((await machine.exec("by-itself", "true")).code, 0);
  });
}
