/**
 * Processes that die and records that are changed: what goes on, what ends, what shows.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../support/commands.ts";
import { findMounts } from "../support/leftovers.ts";
import { ANYONE, policy, rest } from "../support/policies.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite } from "../support/suite.ts";
import type { World } from "../support/world.ts";

const POLICY = policy({
  keep: {
    endpoints: [rest("keep.example.com", 443, { access: "read-only" })],
    binaries: ANYONE,
  },
});

const TICKS = ["sh", "-c", "while :; do echo tick >> /sandbox/ticks; sleep 0.1; done"];

/** Sandboxes made and deleted in a row: a short run for every day. */
const CYCLES = Number(Deno.env.get("OPENSHELL_E2E_CYCLES") ?? 20);

sandboxSuite("recovery", async ({ world, step }) => {
  const { machine } = world;
  await step("a killed gateway: the sandbox goes on, and is found again", async () => {
    await machine.create("ticks", { policy: POLICY, command: TICKS });
    const folder = await machine.sandboxFolder("ticks");
    const ticks = async () => (await Deno.readTextFile(`${folder}/workspace/ticks`)).length;
    await machine.killGateway();
    const before = await waitFor("the first tick", ticks);
    await waitFor("further ticks without a gateway", async () => await ticks() > before + 10);
    await machine.startGateway();
    await machine.waitForPhase("ticks", "Ready");
    const [seen] = await runScripts(machine, "ticks", [curl("https://keep.example.com/after")]);
    assert.match(seen!.output, /status 200/);
    assert.equal((await machine.setPolicy("ticks", policy({}))).code, 0);
    const [denied] = await runScripts(machine, "ticks", [curl("https://keep.example.com/")]);
    assert.match(denied!.output, /connect 403/);
    await machine.must(["logs", "ticks", "--verify"]);
  });

  await step("a stopped gateway: the sandbox goes on, and is found again", async () => {
    await machine.must(["gateway", "stop"]);
    await machine.killGateway();
    await machine.startGateway();
    await machine.waitForPhase("ticks", "Ready");
    assert.equal((await machine.exec("ticks", "true")).code, 0);
  });

  await step("a main process that ends while no gateway runs is told afterwards", async () => {
    await machine.create("alone", { command: ["sh", "-c", "sleep 2; exit 8"] });
    await machine.killGateway();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await machine.startGateway();
    await machine.waitForPhase("alone", "Error");
    assert.match(await machine.must(["sandbox", "get", "alone"]), /\b8\b/);
  });

  await step("a killed supervisor takes every process of its sandbox along", async () => {
    await machine.create("dies", {
      command: ["sh", "-c", "sleep 1000 & setsid sleep 1001 & wait"],
    });
    const folder = await machine.sandboxFolder("dies");
    assert.ok(findMounts(folder).length > 0);
    const { pid } = JSON.parse(await Deno.readTextFile(`${folder}/supervisor.json`));
    Deno.kill(pid, "SIGKILL");
    await machine.waitForPhase("dies", "Error");
    await waitFor("the end of its processes", () => findMounts(folder).length === 0);
    await machine.must(["sandbox", "delete", "dies"]);
  });

  await stepsOfVerify(world, step);
  await stepOfCycles(world, step);
});

async function stepsOfVerify(
  { machine }: World,
  step: (name: string, body: () => Promise<void>) => Promise<boolean>,
): Promise<void> {
  await machine.create("logged", { policy: POLICY });
  await runScripts(machine, "logged", [
    curl("https://keep.example.com/a"),
    curl("https://keep.example.com/b", "-d", "x"),
    curl("https://denied.example.com/"),
  ]);
  const file = `${await machine.sandboxFolder("logged")}/events.jsonl`;
  const original = await Deno.readTextFile(file);
  const lines = original.trimEnd().split("\n");
  const verify = () => machine.run(["logs", "logged", "--verify"]);

  await step("logs --verify: what was not touched is whole", async () => {
    const { code, stdout, stderr } = await verify();
    assert.equal(code, 0, stdout + stderr);
  });
  const tampered = [
    { name: "an edited line", text: original.replace("denied.example.com", "allowed.example.com") },
    { name: "a missing line", text: `${lines.toSpliced(2, 1).join("\n")}\n` },
    { name: "a missing first line", text: `${lines.slice(1).join("\n")}\n` },
    { name: "a line twice", text: `${lines.toSpliced(2, 0, lines[2]!).join("\n")}\n` },
    {
      name: "two lines swapped",
      text: `${lines.toSpliced(1, 2, lines[2]!, lines[1]!).join("\n")}\n`,
    },
  ];
  for (const { name, text } of tampered) {
    await step(`logs --verify: ${name} shows`, async () => {
      assert.notEqual(text, original);
      await Deno.writeTextFile(file, text);
      const { code, stdout, stderr } = await verify();
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, /\d+/);
    });
  }
  await Deno.writeTextFile(file, original);
}

async function stepOfCycles(
  { machine, pair }: World,
  step: (name: string, body: () => Promise<void>) => Promise<boolean>,
): Promise<void> {
  await step(`${CYCLES} sandboxes made and deleted leave nothing`, async () => {
    await machine.must(["sandbox", "delete", "--all"]);
    const before = (await pair.machineProcesses()).length;
    const folders = new Set<string>();
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const name = `cycle-${cycle}`;
      await machine.create(name, { policy: POLICY });
      folders.add(await machine.sandboxFolder(name));
      await machine.must(["sandbox", "delete", name]);
    }
    assert.equal(folders.size, CYCLES);
    for (const folder of folders) {
      assert.deepEqual(findMounts(folder), []);
      await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
    }
    await waitFor("no more processes than before", async () => {
      return (await pair.machineProcesses()).length <= before + 1;
    });
  });
}
