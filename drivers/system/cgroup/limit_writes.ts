/**
 * What is written into which file for a limit. Pure.
 *
 * @module
 */

import { type Controller, LimitValueError } from "./cgroup_error.ts";

/** `null` is no limit of its own. */
export interface GroupLimits {
  /** Memory and swap together, in bytes. Beyond it: the kernel ends a process of the sandbox. */
  readonly memoryBytesMax: number | null;
  /** Cores, as 0.5 or 2. Beyond it: the sandbox waits. */
  readonly cpuMax: number | null;
  /** Processes and threads. Beyond it: no further one starts. */
  readonly processesMax: number | null;
}

export interface LimitWrite {
  readonly file: string;
  readonly text: string;
  /** About swap: where the machine has none, the file may be missing. */
  readonly optional: boolean;
}

/** Of processor time, in microseconds: what the kernel takes by default. */
const PERIOD = 100_000;

/** Memory is counted by the page. */
const PAGE_BYTES = 4096;

/** What a sandbox cannot start with less than. */
const MEMORY_BYTES_MIN = 1024 * 1024;

/** The shortest quota that the kernel takes is a hundredth of the period. */
const CPU_MIN = 0.01;
const CPU_MAX = 10_000;

/** @throws {LimitValueError} */
export function checkLimits({ memoryBytesMax, cpuMax, processesMax }: GroupLimits): void {
  if (
    memoryBytesMax !== null &&
    !(Number.isSafeInteger(memoryBytesMax) && memoryBytesMax >= MEMORY_BYTES_MIN)
  ) {
    throw new LimitValueError("memory", memoryBytesMax, "a whole number of bytes, 1 MiB or more");
  }
  if (cpuMax !== null && !(cpuMax >= CPU_MIN && cpuMax <= CPU_MAX)) {
    throw new LimitValueError("processor time", cpuMax, `cores, ${CPU_MIN} to ${CPU_MAX}`);
  }
  if (processesMax !== null && !(Number.isSafeInteger(processesMax) && processesMax >= 1)) {
    throw new LimitValueError("processes", processesMax, "a whole number, 1 or more");
  }
}

/** Returns what to write for one controller, in order. Nothing where its limit is `null`. */
export function limitWrites(
  controller: Controller,
  version: 1 | 2,
  limits: GroupLimits,
): readonly LimitWrite[] {
  const write = (file: string, text: string | number, optional = false) => ({
    file,
    text: String(text),
    optional,
  });
  const { memoryBytesMax, cpuMax, processesMax } = limits;
  switch (controller) {
    case "memory": {
      if (memoryBytesMax === null) return [];
      const bytes = Math.floor(memoryBytesMax / PAGE_BYTES) * PAGE_BYTES;
      if (version === 2) {
        return [write("memory.swap.max", 0, true), write("memory.max", bytes)];
      }
      return [
        write("memory.limit_in_bytes", bytes),
        // Memory and swap together: the same bound leaves no room for swap.
        write("memory.memsw.limit_in_bytes", bytes, true),
      ];
    }
    case "cpu": {
      if (cpuMax === null) return [];
      const quota = Math.round(cpuMax * PERIOD);
      if (version === 2) return [write("cpu.max", `${quota} ${PERIOD}`)];
      return [write("cpu.cfs_period_us", PERIOD), write("cpu.cfs_quota_us", quota)];
    }
    case "pids":
      return processesMax === null ? [] : [write("pids.max", processesMax)];
  }
}
