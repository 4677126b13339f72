/**
 * What goes on when the process that began it is gone: sandboxes that are not to be kept, logs that
 * are followed, main processes that are started again, floods of denials.
 *
 * @module
 */

import assert from "node:assert/strict";
import { EVENT_REPEATS_MAX } from "../../../proto/flood_limits.ts";
import { waitFor } from "../support/commands.ts";
import { readDecision } from "../support/events.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";
import { HOST, RECOVERY_MS_MAX, revision } from "./support/ledger.ts";
import { kill, killGateway, processesOf } from "./support/processes.ts";

sandboxSuite("what outlives its owner", async (suite) => {
  const { world, step } = suite;
  const { machine } = world;
  await step(
    "a sandbox that is not to be kept goes, though its command line was killed",
    async () => {
      const args = ["sandbox", "create", "--name", "once", "--no-keep", "--", "sh", "-c"];
      const child = machine.spawn([...args, "until [ -e /sandbox/go ]; do sleep 0.1; done"]);
      await waitFor("the sandbox", async () => {
        const { code, stdout } = await machine.run(["sandbox", "get", "once", "-o", "json"]);
        return code === 0 && JSON.parse(stdout).phase === "Ready";
      }, RECOVERY_MS_MAX);
      machine.noteSandboxes();
      kill(child.pid);
      await child.status;
      await killGateway(machine);
      await machine.waitForPhase("once", "Ready");
      // Without anybody who reads its output, a supervisor waits for somebody for a while.
      const reader = machine.run(["sandbox", "connect", "once"], { timeoutMs: RECOVERY_MS_MAX });
      assert.equal((await machine.exec("once", "touch /sandbox/go")).code, 0);
      await reader;
      await waitFor("its end", async () => {
        const { code, stderr } = await machine.run(["sandbox", "get", "once"]);
        return code !== 0 && /Cannot find/.test(stderr);
      }, 2 * RECOVERY_MS_MAX);
    },
  );

  await machine.create("kept", { policy: revision(0) });
  await step("a main process that is started again is in the record", async () => {
    const { supervisor } = await processesOf(world, "kept");
    await killGateway(machine);
    kill(supervisor);
    // The gateway that starts says what it has stored before it has looked.
    await waitFor("the record of it", async () => {
      return /CONFIG:RESTARTED/.test((await machine.run(["logs", "kept"])).stdout);
    }, RECOVERY_MS_MAX);
    await machine.waitForPhase("kept", "Ready");
    await machine.must(["logs", "kept", "--verify"]);
  });

  await stepOfTail(suite);
  await step("a flood of denials becomes few events, with their count", async () => {
    const flood = `for i in $(seq 300); do ${curl(`http://${HOST}:81/`, "-o", "/dev/null")}; done`;
    await machine.exec("kept", flood, { timeoutMs: RECOVERY_MS_MAX });
    await machine.setPolicy("kept", revision(2));
    const events = (await machine.events("kept")).filter((event) =>
      readDecision(event)?.port === 81
    );
    const count = events.reduce((sum, event) => sum + Number(event.count ?? 1), 0);
    assert.equal(count, 300, JSON.stringify(events.map((event) => event.count)));
    assert.ok(events.length <= EVENT_REPEATS_MAX + 1, `${events.length} events`);
  });
}, { alsoRootless: false });

async function stepOfTail({ world: { machine }, step }: Suite): Promise<void> {
  await step("logs --tail goes on across a restart of the gateway", async () => {
    const options = { stdout: "piped" } as const;
    const child = machine.spawn(["logs", "kept", "--tail", "-n", "1", "-o", "jsonl"], options);
    let text = "";
    const reading = child.stdout.pipeThrough(new TextDecoderStream())
      .pipeTo(new WritableStream({ write: (chunk) => void (text += chunk) }));
    const ask = (path: string) => runScripts(machine, "kept", [curl(`https://${HOST}/${path}`)]);
    const isShown = (path: string) =>
      waitFor(`/${path} in the log`, () => text.includes(`/${path}"`), RECOVERY_MS_MAX);
    await waitFor("the first line", () => text !== "", RECOVERY_MS_MAX);
    await ask("before");
    await isShown("before");
    await killGateway(machine);
    await ask("after");
    await isShown("after");
    child.kill("SIGTERM");
    await child.status;
    await reading;
    const lines = text.trimEnd().split("\n");
    assert.equal(new Set(lines).size, lines.length, "no line twice");
    const stored = (await machine.must(["logs", "kept", "-n", "10000", "-o", "jsonl"])).trimEnd();
    const first = stored.split("\n").indexOf(lines[0]!);
    assert.deepEqual(lines, stored.split("\n").slice(first, first + lines.length));
  });
}
