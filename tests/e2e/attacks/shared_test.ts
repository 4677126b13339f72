import assert from "node:assert/strict";
import { sandboxSuite } from "../support/suite.ts";

/** What `tail` says when it gets no inotify, in the language of the harness. */
const NO_WATCH = /inotify cannot be used/;

/** Far more of them than a sandbox may have, each with one. */
const WATCHERS = 150;

sandboxSuite("what a sandbox shares with others", async ({ world, step }) => {
  const { machine } = world;
  const project = `${machine.folder}/project`;
  await Deno.mkdir(project);
  await machine.own(project);
  const flags = ["--bind", `${project}:/project`];

  await machine.create("first", { flags });
  await step("a pipe in the place of what another one holds waits for nobody", async () => {
    const git = "/project/sub/.git";
    const repository =
      `mkdir -p ${git}/refs ${git}/objects && echo ref: refs/heads/main >${git}/HEAD`;
    assert.equal((await machine.exec("first", repository)).code, 0);
    await machine.create("second", { flags });
    const swap = `rm -f ${git}/commondir && mkfifo ${git}/commondir`;
    const swapped = await machine.exec("first", swap);
    assert.equal(swapped.code, 0, swapped.stderr);
    // The one whose control is lost ends, and the gateway tidies up after it.
    await machine.waitForPhase("second", "Error");
    await machine.must(["sandbox", "delete", "second"]);
    await machine.must(["status"]);
    // What is there before a sandbox starts is no better.
    await machine.create("third", { flags });
    await machine.must(["sandbox", "delete", "third"]);
  });

  await step("an agent leaves the person something to watch files with", async () => {
    const watch = "tail -f /etc/hostname >/dev/null 2>>/tmp/said & ";
    const all = `for i in $(seq ${WATCHERS}); do ${watch} done; ` +
      `until grep -q . /tmp/said; do sleep 0.2; done; cat /tmp/said; sleep infinity`;
    const agent = machine.spawn(["sandbox", "exec", "-n", "first", "--", "sh", "-c", all], {
      stdout: "piped",
    });
    const reader = agent.stdout.getReader();
    try {
      const { value } = await reader.read();
      assert.match(new TextDecoder().decode(value), NO_WATCH, "the agent has taken all it can");
      const file = await machine.writeFile("watched", "");
      const { stderr } = await machine.runOnMachine(["timeout", "1", "tail", "-f", file]);
      assert.doesNotMatch(stderr, NO_WATCH);
    } finally {
      await reader.cancel();
      agent.kill("SIGKILL");
      await agent.status;
    }
  });
});
