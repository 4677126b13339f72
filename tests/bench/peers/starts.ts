/**
 * From the start of a command to the first byte that the sandboxed program writes.
 *
 * @module
 */

import { waitFor } from "../../e2e/support/commands.ts";
import type { World } from "../../e2e/support/world.ts";
import { timeToOutput } from "../sandbox/starts.ts";
import { contendersOf, type Field, SANDBOX } from "./contenders.ts";
import type { Section } from "./measurement.ts";
import { machineSupervisors, supervisorOf } from "./processes.ts";

const WHAT = "To the first output, from the start of the command";
const WARM_UP_RUNS = 1;
/** Beyond what lists the processes, a spare one also has to get ready. */
const SPARE_PAUSE_MS = 700;

interface Start {
  readonly name: string;
  readonly command: (run: number) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Brings about what the name says. Not timed. */
  readonly prepare?: () => Promise<void>;
}

/** Measures all in turn, so that noise meets all alike. */
export async function starts(world: World, field: Field, runs: number): Promise<Section> {
  const { machine } = world;
  const echo = ["/bin/echo", "hi"];
  const create = (label: string) => (run: number) => {
    const name = `${label}-${run + WARM_UP_RUNS}`;
    return machine.command(["sandbox", "create", "--name", name, "--no-keep", "--", ...echo]);
  };
  const env = machine.environment;
  const all: Start[] = [
    ...contendersOf(field).filter(({ name }) => name !== "openshell")
      .map(({ name, command, env }) => ({ name, command: () => command(echo), env })),
    { name: "openshell, warm", command: create("warm"), env, prepare: () => spareIsThere(world) },
    { name: "openshell, cold", command: create("cold"), env, prepare: () => noSpare(world) },
    { name: "openshell exec", command: () => field.openshell.command(echo), env },
    { name: "openshell --version", command: () => machine.command(["--version"]), env },
  ];
  const samples = all.map((): number[] => []);
  for (let run = -WARM_UP_RUNS; run < runs; run++) {
    for (const [index, { command, env, prepare }] of all.entries()) {
      await prepare?.();
      const ns = await timeToOutput(command(run), env);
      if (run >= 0) samples[index]!.push(ns);
    }
  }
  const measured = all.map(({ name }, index) => ({
    what: WHAT,
    contender: name,
    unit: "ns" as const,
    samples: samples[index]!,
  }));
  return { measured, skipped: field.missing.map((each) => ({ what: WHAT, ...each })) };
}

/** One supervisor is of the sandbox that stays; one more waits. */
async function spareIsThere(world: World): Promise<void> {
  await waitFor("a supervisor to wait", async () => (await machineSupervisors(world)).length >= 2);
  await new Promise((resolve) => setTimeout(resolve, SPARE_PAUSE_MS));
}

async function noSpare(world: World): Promise<void> {
  await spareIsThere(world);
  const held = await supervisorOf(world, SANDBOX);
  for (const pid of await machineSupervisors(world)) {
    if (pid !== held) Deno.kill(pid, "SIGKILL");
  }
  await waitFor("no supervisor to wait", async () => (await machineSupervisors(world)).length <= 1);
}
