/**
 * A wall clock that jumps, for gateway and supervisor: tokens, certificates, the order of events.
 *
 * The machine's clock is everybody's, so a library moves that of these processes alone. Programs in
 * the sandbox, and the command line, keep the real time. It is never before the certificates were
 * made, which are only some seconds old here: what then is refused is refused rightly.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mustRun, waitFor } from "../support/commands.ts";
import { curl, runScripts } from "../support/probes.ts";
import { hasTool } from "../support/requirements.ts";
import { sandboxSuite } from "../support/suite.ts";
import { AGENT, CANARY, HOST, RECOVERY_MS_MAX, revision } from "./support/ledger.ts";
import { killGateway } from "./support/processes.ts";

const HOUR_S = 3600;
const JUMPS_S = [HOUR_S, 0, 12 * HOUR_S, 2 * HOUR_S, 0];

const SOURCE = new URL("./support/shift_clock.c", import.meta.url).pathname;

sandboxSuite("a clock that jumps", async ({ world, step }) => {
  const { machine, origins } = world;
  if (!hasTool("gcc")) {
    return void await step("not run: needs the program gcc", () => {});
  }
  const library = `${machine.home}/shift_clock.so`;
  const shift = `${machine.home}/shift`;
  await mustRun(["gcc", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"]);
  const jump = (seconds: number) => Deno.writeTextFile(shift, `${seconds}\n`);
  await jump(0);
  await killGateway(machine);
  // What starts the gateway hands its environment on to it.
  const env = { LD_PRELOAD: library, CLOCK_SHIFT_FILE: shift };
  const file = await machine.writeFile("clock.yaml", revision(0));
  const create = ["sandbox", "create", "--name", "clock", "--policy", file, "--detach", "--"];
  await machine.must([...create, ...AGENT], { env });
  machine.noteSandboxes();
  const folder = await machine.sandboxFolder("clock");
  const lastTime = async () => {
    const log = (await Deno.readTextFile(`${folder}/events.jsonl`)).trimEnd().split("\n");
    return JSON.parse(log.at(-1)!).time as number;
  };

  for (const [index, seconds] of JUMPS_S.entries()) {
    await step(`${seconds} s: what holds goes on to hold`, async () => {
      await jump(seconds);
      const set = await machine.setPolicy("clock", revision(index + 1));
      assert.equal(set.code, 0, set.stdout + set.stderr);
      const [allowed, denied] = await runScripts(machine, "clock", [
        curl(`https://${HOST}/revision-${index + 1}`),
        curl(`https://${HOST}/revision-${index}`),
      ]);
      assert.match(allowed!.output, /status 200/);
      assert.match(denied!.output, /status 403/);
      await waitFor("events of the moved clock", async () => {
        return Math.abs(await lastTime() - Date.now() - seconds * 1000) < 60_000;
      }, RECOVERY_MS_MAX);
      await machine.must(["logs", "clock", "--verify"]);
      assert.ok(!await origins.received(CANARY));
    });
  }

  await step("a gateway that starts after a jump takes its sandbox over", async () => {
    await jump(6 * HOUR_S);
    await killGateway(machine);
    await machine.must(["sandbox", "get", "clock"], { env });
    await machine.waitForPhase("clock", "Ready");
    const events = await machine.events("clock");
    const numbers = events.filter(({ metadata }) =>
      (metadata as { product: { name: string } }).product.name.includes("Supervisor")
    ).map(({ unmapped }) => (unmapped as { chain: { seq: number } }).chain.seq);
    assert.ok(numbers.length > 10);
    assert.equal(new Set(numbers).size, numbers.length);
    assert.equal((await machine.exec("clock", "true")).code, 0);
  });
}, { alsoRootless: false });
