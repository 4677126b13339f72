/**
 * Processes that run out of files: nothing opens, and all goes on when there are some again.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mustRun, waitFor } from "../support/commands.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";
import { CANARY, HOST, Ledger, RECOVERY_MS_MAX } from "./support/ledger.ts";
import { processesOf } from "./support/processes.ts";

const SANDBOX = "files";

/** What a program may have, and what it may not, all at once. */
const PROBES = [
  curl(`https://${HOST}/always`),
  curl(`https://${HOST}/${CANARY}`),
  curl(`https://other.example.com/${CANARY}`),
  curl(`http://203.0.113.10/${CANARY}`, "--noproxy", "*"),
];

sandboxSuite("no files left", async (suite) => {
  const { world, step } = suite;
  const ledger = new Ledger(world);
  await ledger.create(SANDBOX);
  const { supervisor } = await processesOf(world, SANDBOX);
  await stepsOf(suite, ledger, { who: "supervisor", pid: supervisor });
  await stepsOf(suite, ledger, { who: "gateway", pid: world.machine.gatewayPid });

  await step("a sandbox that opens all it may harms itself alone", async () => {
    const open = "i=0; while exec {fd}</dev/null; do i=$((i+1)); done; echo $i";
    const command = ["sandbox", "exec", "-n", SANDBOX, "--", "bash", "-c", open];
    const { stderr } = await world.machine.run(command, { timeoutMs: RECOVERY_MS_MAX });
    assert.match(stderr, /Too many open files/);
    await ledger.check();
  });
});

async function stepsOf(
  { world, step }: Suite,
  ledger: Ledger,
  { who, pid }: { readonly who: string; readonly pid: number },
): Promise<void> {
  const { machine } = world;
  const limit = (files: number) => mustRun(["prlimit", "--pid", String(pid), `--nofile=${files}:`]);
  const before = await limitOf(pid);
  for (const spare of [0, 1, 2, 5]) {
    await step(`a ${who} with ${spare} files left opens nothing`, async () => {
      await limit([...Deno.readDirSync(`/proc/${pid}/fd`)].length + spare);
      try {
        const script = PROBES.join("; ");
        await machine.exec(SANDBOX, script, { timeoutMs: RECOVERY_MS_MAX });
      } finally {
        await limit(before);
      }
      assert.ok(!await world.origins.received(CANARY));
    });
  }

  await step(`a ${who} that has files again goes on, and nothing was lost`, async () => {
    await waitFor("an allowed request", async () => {
      const [seen] = await runScripts(machine, SANDBOX, [curl(`https://${HOST}/always`)])
        .catch(() => []);
      return seen !== undefined && /status 200/.test(seen.output);
    }, RECOVERY_MS_MAX);
    await ledger.setPolicy(SANDBOX);
    await ledger.check();
  });
}

async function limitOf(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/limits`);
  return Number(/^Max open files\s+(\d+)/m.exec(text)?.[1]);
}
