/**
 * Ends the gateway of this machine, after making sure that it is the one.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import { readLocalEndpoint } from "./local_gateway.ts";

/** Time for a gateway to end, in milliseconds. */
const STOP_MS_MAX = 15_000;

/** Between two looks, in milliseconds. */
const LOOK_MS = 50;

/** The gateway did not end. */
export class GatewayStopError extends CodedError {
  override readonly name = "GatewayStopError";
  override readonly code = "unavailable";
}

export interface StopPorts {
  readonly kill: (pid: number) => void;
  readonly isAlive: (pid: number) => boolean;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Ends a process of this machine. */
export const PROCESS_PORTS: StopPorts = {
  kill: (pid) => Deno.kill(pid, "SIGTERM"),
  isAlive: isProcessAlive,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/**
 * Ends the gateway that a caller has just had an answer from, and waits for its end. Returns its
 * process id.
 *
 * @throws {GatewayStopError} when it goes on, or when nothing says which process it is
 */
export async function stopLocalGateway(
  stateFolder: string,
  endpoint: string,
  ports: StopPorts,
): Promise<number> {
  const found = await readLocalEndpoint(stateFolder);
  // The file may have changed since the answer: then its process is not what answered.
  if (found === null || found.endpoint !== endpoint) {
    throw new GatewayStopError("Cannot stop the gateway: it has been replaced by another one", {
      hint: 'Run "openshell gateway stop" again',
    });
  }
  const { pid } = found;
  ports.kill(pid);
  for (let waited = 0; waited < STOP_MS_MAX; waited += LOOK_MS) {
    if (!ports.isAlive(pid)) return pid;
    await ports.sleep(LOOK_MS);
  }
  throw new GatewayStopError(
    `Cannot stop the gateway: process ${pid} still runs after ${STOP_MS_MAX / 1000} seconds`,
    { hint: `Run "kill -9 ${pid}" if it must end at once; running sandboxes go on` },
  );
}

/** True for a process that runs; one that has ended and was not waited for does not. */
export function isProcessAlive(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/^\d+ \(.*\) [ZX]/s.test(stat);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    // Without /proc a signal tells; it does nothing to the process.
    return canSignal(pid);
  }
}

function canSignal(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
