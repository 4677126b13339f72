/**
 * Ends a process: asks it to, and kills it where it does not.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";
import { isRunning, type ProcessIdentity } from "./process_identity.ts";

/** A process that was killed goes on, as one does that waits in the kernel for a disk. */
export class ProcessEndError extends CodedError {
  override readonly name = "ProcessEndError";
  override readonly code = "unavailable";

  constructor(pid: number, options?: ErrorOptions) {
    super(`Cannot end process ${pid}: it was killed and goes on`, {
      ...options,
      hint: "Try again when what it waits for is there, or restart the machine",
    });
  }
}

export interface EndOptions {
  /** Time to end by itself, in milliseconds. Then it is killed. */
  readonly graceMs: number;
  /** Time for the kernel to end it then, in milliseconds. Beyond it: an error. */
  readonly killMs: number;
  readonly isRunning?: (process: ProcessIdentity) => boolean;
  readonly signal?: (pid: number, signal: Deno.Signal) => void;
}

/** Between two looks, in milliseconds. */
const LOOK_MS = 10;

/** @throws {ProcessEndError} */
export async function endProcess(
  process: ProcessIdentity,
  { graceMs, killMs, isRunning: runs = isRunning, signal = Deno.kill }: EndOptions,
): Promise<void> {
  const send = (name: Deno.Signal) => {
    try {
      if (runs(process)) signal(process.pid, name);
    } catch (cause) {
      // It has ended between the two calls; or it may not be signalled.
      if (runs(process)) throw new ProcessEndError(process.pid, { cause });
    }
  };
  send("SIGTERM");
  if (await endsWithin(process, graceMs, runs)) return;
  send("SIGKILL");
  if (!await endsWithin(process, killMs, runs)) throw new ProcessEndError(process.pid);
}

async function endsWithin(
  process: ProcessIdentity,
  ms: number,
  runs: (process: ProcessIdentity) => boolean,
): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (runs(process)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
}
