/**
 * The supervisor's role of the program: one sandbox, told on standard input.
 *
 * Everything is imported and prepared before the assignment is read, so that a supervisor can be
 * started ahead of need.
 *
 * @module
 */

import { findMissing, type MissingFeature, readKernelFeatures } from "../system/kernel_features.ts";
import { probeKernel } from "../system/kernel_probe_ffi.ts";
import { CodedError } from "../../proto/errors.ts";
import { AssignmentReader, type SupervisorReport } from "./assignment.ts";
import { IsolationError } from "./launch/isolation_error.ts";
import { prepare } from "./preparation.ts";
import { Supervisor } from "./supervisor.ts";

/** Takes a line for whoever looks after the machine. */
export type Log = (line: string) => void;

/** Runs one sandbox to its end; returns the exit code of this process. */
export async function supervise(log: Log): Promise<number> {
  const reader = new AssignmentReader(Deno.stdin.readable);
  const gateway = await reader.gateway();
  if (gateway === null) return 0;
  const preparation = prepare(gateway);
  const assignment = await reader.assignment();
  if (assignment === null) {
    preparation.dispose();
    return 0;
  }
  const supervisor = new Supervisor(assignment, { gateway, preparation, log });
  const stopped = Promise.withResolvers<string>();
  Deno.addSignalListener("SIGTERM", () => stopped.resolve("it was asked to end"));
  Deno.addSignalListener("SIGINT", () => stopped.resolve("it was interrupted"));
  try {
    await supervisor.start((step) => say({ state: "starting", step }));
  } catch (error) {
    say(toFailure(error, log));
    return 1;
  }
  say({ state: "running" });
  const reason = await Promise.race([stopped.promise, supervisor.ended]);
  log(`${assignment.sandbox.name}: ends: ${reason}`);
  await supervisor.stop();
  return 0;
}

/** What is missing on this machine to run a sandbox, in words for a person. */
export function checkMachine(): readonly MissingFeature[] {
  return findMissing(readKernelFeatures(probeKernel()));
}

/** Whoever started us may have gone: then nobody needs to know. */
function say(report: SupervisorReport): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(report)}\n`);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

function toFailure(error: unknown, log: Log): SupervisorReport {
  const reason = error instanceof IsolationError ? "IsolationFailed" : "StartFailed";
  if (!(error instanceof CodedError)) {
    log(error instanceof Error ? error.stack ?? error.message : String(error));
    return { state: "failed", reason, message: `Cannot start the sandbox: internal: ${error}` };
  }
  const { message, hint } = error;
  return { state: "failed", reason, message, ...hint === undefined ? {} : { hint } };
}
