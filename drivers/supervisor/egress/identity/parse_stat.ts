/**
 * Reads `/proc/PID/stat`.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

export interface ProcessStat {
  readonly parent: number;
  readonly startTime: string;
  /** It has ended, and only its parent has not heard of it. */
  readonly isZombie: boolean;
}

/** Fields after the name, which itself may hold spaces and brackets: the last bracket ends it. */
const STATE = 0;
const PARENT = 1;
const START_TIME = 19;

/** Returns what it says, `null` where it is no such text. */
export function parseStat(text: string): ProcessStat | null {
  const end = text.lastIndexOf(") ");
  if (end < 0) return null;
  const fields = text.slice(end + 2).split(" ");
  const state = fields[STATE] ?? "";
  const parent = fields[PARENT] ?? "";
  const startTime = fields[START_TIME] ?? "";
  if (!/^[A-Za-z]$/.test(state) || !/^[0-9]+$/.test(parent)) return null;
  if (!/^[0-9]+$/.test(startTime)) return null;
  return { parent: Number(parent), startTime, isZombie: state === "Z" || state === "X" };
}
