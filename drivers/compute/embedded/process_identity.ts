/**
 * Whether a process that was started earlier still is the same one.
 *
 * Fails closed: one that cannot be looked at is not one that has ended. Whoever took it for that
 * would say that a sandbox is stopped whose agent runs.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";

/** A process cannot be looked at, as without a file left. Nothing is known of it. */
export class ProcessLookError extends CodedError {
  override readonly name = "ProcessLookError";
  override readonly code = "unavailable";

  constructor(pid: number, detail: string, options?: ErrorOptions) {
    super(`Cannot look at process ${pid}: ${detail}`, options);
  }
}

/** A process, told apart from a later one with the same id by when it started. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since the machine started: field 22 of `/proc/PID/stat` (proc(5)). */
  readonly startTime: string;
}

/**
 * Returns the identity of a running process, or `null` where there is none, or a zombie.
 *
 * @throws {ProcessLookError}
 */
export function identifyProcess(
  pid: number,
  read: (path: string) => string = Deno.readTextFileSync,
): ProcessIdentity | null {
  let stat: string;
  try {
    stat = read(`/proc/${pid}/stat`);
  } catch (cause) {
    if (hasEnded(cause)) return null;
    throw new ProcessLookError(pid, String(cause), { cause });
  }
  // The name in parentheses may hold anything, also parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  const startTime = fields[19];
  if (state === "Z" || state === "X") return null;
  if (startTime === undefined) throw new ProcessLookError(pid, "its state cannot be read");
  return { pid, startTime };
}

/** The file is not there, or its process has ended since it was opened (`ESRCH`). */
function hasEnded(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Error && error.message.includes("os error 3)");
}

/** True while the very process runs. @throws {ProcessLookError} */
export function isRunning({ pid, startTime }: ProcessIdentity): boolean {
  return identifyProcess(pid)?.startTime === startTime;
}
