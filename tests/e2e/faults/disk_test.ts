/**
 * A disk that is full: nothing happens that is not recorded, errors say so, and all goes on when
 * there is room again.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../support/commands.ts";
import { readDecision } from "../support/events.ts";
import { findMounts } from "../support/leftovers.ts";
import { ANYONE, policy, rest } from "../support/policies.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";
import { SmallDisk } from "./support/small_disk.ts";

const POLICY = policy({
  keep: { endpoints: [rest("keep.example.com", 443, { access: "read-only" })], binaries: ANYONE },
});
const OTHER = policy({
  keep: { endpoints: [rest("keep.example.com", 443, { access: "full" })], binaries: ANYONE },
});

const WAIT_MS = 60_000;

sandboxSuite("full disk", async (suite) => {
  await using disk = await SmallDisk.start(suite.world);
  const { machine } = disk;
  await machine.create("agent", { policy: POLICY });
  await machine.create("other", { policy: POLICY });
  disk.note();
  await stepsOfAgent(suite, disk);
  await stepsOfGateway(suite, disk);
  await suite.step("with room again, everything goes on", async () => {
    await disk.empty();
    const { code, stdout, stderr } = await machine.setPolicy("other", OTHER);
    assert.equal(code, 0, stdout + stderr);
    await machine.create("later", { policy: POLICY });
    const [seen] = await runScripts(machine, "later", [curl("https://keep.example.com/later")]);
    assert.match(seen!.output, /status 200/);
    for (const name of ["other", "later"]) await machine.must(["logs", name, "--verify"]);
  });
  await suite.step("nothing is left behind", async () => {
    assert.deepEqual(await disk.close(), []);
  });
}, { alsoRootless: false });

/** The agent fills the disk that its own record is on. */
async function stepsOfAgent({ world, step }: Suite, disk: SmallDisk): Promise<void> {
  const { machine } = disk;
  await step("the agent fills its disk: it is told, and sends nothing unrecorded", async () => {
    const filled = await machine.exec("agent", "dd if=/dev/zero of=/sandbox/fill bs=4096");
    assert.notEqual(filled.code, 0);
    assert.match(filled.stderr, /No space left/);
    const asks = Array.from(
      { length: 30 },
      (_, number) => `curl -sS -m 10 https://keep.example.com/full-${number}`,
    );
    // It may end in the middle: with the sandbox.
    await machine.exec("agent", asks.join("\n"), { timeoutMs: WAIT_MS });
    const folder = await machine.sandboxFolder("agent");
    const log = await Deno.readTextFile(disk.seen(`${folder}/events.jsonl`));
    const recorded = new Set(
      log.trimEnd().split("\n").map((line) => readDecision(JSON.parse(line))?.path),
    );
    const sent = (await world.origins.recordings()).flatMap(({ requests }) => requests)
      .map(({ target }) => target).filter((target) => target.startsWith("/full-"));
    for (const target of sent) assert.ok(recorded.has(target), `${target} was sent unrecorded`);
    assert.ok(sent.length < asks.length, "the disk was not full");
  });

  await step("what cannot be recorded ends the sandbox, and only that one", async () => {
    const folder = await machine.sandboxFolder("agent");
    await waitFor("the end of the sandbox", () => findMounts(folder).length === 0, WAIT_MS);
    // The gateway cannot write down the end before there is room: it may not say `Error` yet.
    assert.notEqual((await machine.exec("agent", "true", { timeoutMs: WAIT_MS })).code, 0);
    assert.equal((await machine.sandbox("other")).phase, "Ready");
  });

  await step("deleting it makes room", async () => {
    await machine.must(["sandbox", "delete", "agent"]);
    assert.ok(await disk.freeBytes() > 1024 * 1024);
  });
}

async function stepsOfGateway({ step }: Suite, disk: SmallDisk): Promise<void> {
  const { machine } = disk;
  await step("a gateway without room says so, and keeps what it has", async () => {
    await disk.fill();
    const created = await machine.run(
      ["sandbox", "create", "--name", "no-room", "--detach", "--", "sleep", "infinity"],
      { timeoutMs: WAIT_MS },
    );
    assert.notEqual(created.code, 0, created.stdout);
    assert.match(created.stderr, /disk|space|room|full/i);
    let isRefused = false;
    for (let round = 0; round < 20 && !isRefused; round++) {
      // Files of a database have some room of their own.
      const document = `${OTHER}# ${"x".repeat(60_000)} ${round}\n`;
      const { code, stderr } = await machine.setPolicy("other", document);
      isRefused = code !== 0;
      if (isRefused) assert.match(stderr, /disk|space|room|full/i);
    }
    assert.ok(isRefused, "a policy was taken although the disk is full");
    const { stdout } = await machine.run(["sandbox", "list", "-o", "json"]);
    const names = JSON.parse(stdout).map(({ name }: { name: string }) => name);
    assert.deepEqual(names, ["other"]);
  });
}
