/**
 * Processes that run out of files: nothing opens, and all goes on when there are some again.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mustRun, waitFor } from "../support/commands.ts";
import { findMounts } from "../support/leftovers.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";
import { CANARY, HOST, Ledger, RECOVERY_MS_MAX } from "./support/ledger.ts";
import { processesOf } from "./support/processes.ts";

/** What a program may have, and what it may not. */
const PROBES = [
  curl(`https://${HOST}/always`),
  curl(`https://${HOST}/${CANARY}`),
  curl(`https://other.example.com/${CANARY}`),
  curl(`http://203.0.113.10/${CANARY}`, "--noproxy", "*"),
];

sandboxSuite("no files left", async (suite) => {
  const { world, step } = suite;
  const ledger = new Ledger(world);
  for (const spare of [0, 5]) await stepOfSupervisor(suite, ledger, spare);
  await ledger.create("bystander");
  for (const spare of [0, 5]) await stepOfGateway(suite, ledger, spare);

  await step("a sandbox that opens all it may harms itself alone", async () => {
    const open = "while exec {file}</dev/null; do :; done";
    const command = ["sandbox", "exec", "-n", "bystander", "--", "bash", "-c", open];
    const { stderr } = await world.machine.run(command, { timeoutMs: RECOVERY_MS_MAX });
    assert.match(stderr, /Too many open files/);
    await ledger.check();
  });
}, { alsoRootless: false });

/** It goes on, or it ends with its sandbox: then the agent has nothing at all. */
async function stepOfSupervisor(
  { world, step }: Suite,
  ledger: Ledger,
  spare: number,
): Promise<void> {
  const { machine } = world;
  const name = `files-${spare}`;
  await step(`a supervisor with ${spare} files left opens nothing`, async () => {
    await ledger.create(name);
    const { supervisor } = await processesOf(world, name);
    const folder = await machine.sandboxFolder(name);
    await withFiles(supervisor, spare, async () => {
      await machine.exec(name, PROBES.join("; "), { timeoutMs: 30_000 });
    });
    await waitFor("the end, or an allowed request", async () => {
      if ((await machine.sandbox(name)).phase === "Error") return findMounts(folder).length === 0;
      return await isServed(world, name);
    }, RECOVERY_MS_MAX);
    assert.ok(!await world.origins.received(CANARY));
    await machine.must(["logs", name, "--verify"]);
    await ledger.delete(name);
  });
}

async function stepOfGateway(
  { world, step }: Suite,
  ledger: Ledger,
  spare: number,
): Promise<void> {
  const { machine } = world;
  await step(`a gateway with ${spare} files left loses nothing, and goes on later`, async () => {
    await ledger.noteEvents();
    await withFiles(machine.gatewayPid, spare, async () => {
      await machine.exec("bystander", PROBES.join("; "), { timeoutMs: 30_000 });
      await ledger.setPolicy("bystander");
    });
    await ledger.setPolicy("bystander");
    await ledger.check();
    assert.ok(await isServed(world, "bystander"));
  });
}

async function isServed({ machine }: Suite["world"], name: string): Promise<boolean> {
  const seen = await runScripts(machine, name, [curl(`https://${HOST}/always`)]).catch(() => []);
  return /status 200/.test(seen[0]?.output ?? "");
}

/** Lowers what a process may open to what it has, and a few more. */
async function withFiles(pid: number, spare: number, body: () => Promise<void>): Promise<void> {
  const before = /^Max open files\s+(\d+)/m.exec(await Deno.readTextFile(`/proc/${pid}/limits`));
  const limit = (files: number) => mustRun(["prlimit", "--pid", String(pid), `--nofile=${files}:`]);
  await limit([...Deno.readDirSync(`/proc/${pid}/fd`)].length + spare);
  try {
    await body();
  } finally {
    // It may have ended.
    await limit(Number(before?.[1])).catch(() => {});
  }
}
