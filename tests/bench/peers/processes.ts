/**
 * Processes and the memory that they hold, as the kernel tells.
 *
 * @module
 */

import type { World } from "../../e2e/support/world.ts";
import { proportionalBytes } from "../sandbox/starts.ts";

/** What the agent itself runs where memory is measured: it is not counted. */
export const IDLE = ["/usr/bin/sleep", "infinity"];

/** Supervisors of the gateway under test, those that wait included. */
export async function machineSupervisors({ pair }: World): Promise<readonly number[]> {
  const pids = await pair.machineProcesses();
  return pids.filter((pid) => argumentsOf(pid).includes("supervise"));
}

/** The supervisor of a sandbox. */
export async function supervisorOf({ machine }: World, name: string): Promise<number> {
  const file = `${await machine.sandboxFolder(name)}/supervisor.json`;
  return JSON.parse(await Deno.readTextFile(file)).pid;
}

/** Proportional set size of processes and all that they started, without the idle programs. */
export function bytesOfTrees(roots: readonly number[]): number {
  const children = Map.groupBy(allProcesses(), ({ parent }) => parent);
  const reached = new Set(roots);
  for (const pid of reached) {
    for (const child of children.get(pid) ?? []) reached.add(child.pid);
  }
  const counted = [...reached].filter((pid) => argumentsOf(pid).join(" ") !== IDLE.join(" "));
  return counted.reduce((sum, pid) => sum + proportionalBytes(pid), 0);
}

function allProcesses(): readonly { readonly pid: number; readonly parent: number }[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).flatMap(
    ({ name }) => {
      const [, parent] = /^\d+ \(.*\) \S (\d+)/s.exec(readOrEmpty(`/proc/${name}/stat`)) ?? [];
      return parent === undefined ? [] : [{ pid: Number(name), parent: Number(parent) }];
    },
  );
}

function argumentsOf(pid: number): readonly string[] {
  return readOrEmpty(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
}

/** A process may have ended since it was listed. */
function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
