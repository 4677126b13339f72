/**
 * A program of the host takes the protection of a file away: the sandbox ends, and says which.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mustRun } from "../support/commands.ts";
import { sandboxSuite } from "../support/suite.ts";

sandboxSuite("a control that is lost", async ({ world, step }) => {
  const { machine } = world;

  await step("a held file that the person's git replaces is named, with what to do", async () => {
    const folder = `${machine.home}/project`;
    await mustRun(["git", "init", "-q", folder]);
    for (const path of [folder, `${folder}/.git`, `${folder}/.git/config`]) await machine.own(path);
    await machine.create("lost", { flags: ["--bind", `${folder}:/project`] });
    // The agent waits for its chance.
    const grab = "cd /project; while ! ( echo '[alias]' >> .git/config ) 2>/dev/null; do :; done";
    await machine.exec("lost", `setsid sh -c '${grab}' >/dev/null 2>&1 </dev/null &`);
    const config = `${folder}/.git/config`;
    await Deno.writeTextFile(`${folder}/.git/new`, "[user]\n\tname = Person\n");
    await machine.own(`${folder}/.git/new`);
    await Deno.rename(`${folder}/.git/new`, config);
    await machine.waitForPhase("lost", "Error");
    const told = JSON.stringify((await machine.sandbox("lost")).conditions);
    assert.match(told, /ControlLost/);
    assert.ok(told.includes(config), told);
    assert.match(told, /read it before you go on, since git takes programs to run from it/);
    const findings = (await machine.events("lost")).filter((event) =>
      JSON.stringify(event).includes("control-lost")
    );
    assert.equal(findings.length, 1);
    assert.ok(JSON.stringify(findings).includes(config));
    const { code, stderr } = await machine.run(["sandbox", "connect", "lost"]);
    assert.notEqual(code, 0);
    assert.ok(stderr.includes(config), stderr);
    await machine.must(["logs", "lost", "--verify"]);
    await machine.must(["sandbox", "delete", "lost"]);
  });
});
