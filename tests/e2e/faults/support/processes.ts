/**
 * Finds the processes of the product on a machine under test, so that a test can end one of them.
 *
 * @module
 */

import type { TestMachine } from "../../support/openshell.ts";
import type { World } from "../../support/world.ts";

/** Process ids on the host; `null` where there is none. */
export interface SandboxProcesses {
  readonly supervisor: number;
  readonly init: number;
  /** The agent. */
  readonly main: number;
}

/** Returns those of a sandbox that runs. */
export async function processesOf({ machine }: World, name: string): Promise<SandboxProcesses> {
  const folder = await machine.sandboxFolder(name);
  const { pid: supervisor } = JSON.parse(await Deno.readTextFile(`${folder}/supervisor.json`));
  const init = pids().find((pid) => parentOf(pid) === supervisor && isInit(pid));
  if (init === undefined) throw new Error(`Cannot find the init of "${name}"`);
  const main = await mainOf(folder);
  return { supervisor, init, main };
}

/** Returns the supervisor that waits for a sandbox, `null` where there is none. */
export async function sparePid({ machine, pair }: World): Promise<number | null> {
  const taken = new Set<number>();
  const embedded = `${machine.folder}/state/openshell/embedded`;
  for (const { name } of Deno.readDirSync(embedded)) {
    const text = await Deno.readTextFile(`${embedded}/${name}/supervisor.json`).catch(() => "{}");
    taken.add(JSON.parse(text).pid);
  }
  const supervisors = (await pair.machineProcesses()).filter((pid) =>
    read(`/proc/${pid}/cmdline`).split("\0").includes("supervise")
  );
  return supervisors.find((pid) => !taken.has(pid)) ?? null;
}

/** Returns whether any process has these words in its arguments. */
export function findByArguments(words: string): readonly number[] {
  return pids().filter((pid) =>
    read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trimEnd() === words
  );
}

export function pids(): readonly number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter((pid) => Number.isInteger(pid));
}

/** Ends a process; it may have ended before. */
export function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Kills the gateway, whoever has started it: commands start one where none runs. */
export async function killGateway(machine: TestMachine): Promise<void> {
  const { pid } = JSON.parse(await Deno.readTextFile(machine.endpointFile));
  kill(pid);
  await machine.killGateway();
}

async function mainOf(folder: string): Promise<number> {
  const lines = (await Deno.readTextFile(`${folder}/events.jsonl`)).trimEnd().split("\n");
  const launched = lines.map((line) => JSON.parse(line)).findLast((event) =>
    event.class_uid === 1007 && event.activity_name === "Launch" && event.unmapped.role === "main"
  );
  return launched.process.pid;
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
}

/** The first of a namespace of process ids. */
function isInit(pid: number): boolean {
  return /^NSpid:.*\t1$/m.test(read(`/proc/${pid}/status`));
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // Processes come and go while we look.
  }
}
