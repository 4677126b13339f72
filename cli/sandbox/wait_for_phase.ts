/**
 * Waits until a sandbox has come to a phase.
 *
 * @module
 */

import type { Gateway, Phase, SandboxView } from "../../gateway/client/types.ts";
import { CodedError } from "../../proto/errors.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../usage_error.ts";
import type { Progress } from "./progress.ts";
import { reasonOf } from "./sandbox_result.ts";

/** Time without progress after which waiting ends, in seconds, where nothing else is set. */
const TIMEOUT_SECONDS_DEFAULT = 300;

/** Pause before a watch that has ended is begun again, in milliseconds. */
const RETRY_MS = 250;

/** Between two looks at the clock, in milliseconds. */
const LOOK_MS = 1_000;

/** A sandbox did not come to the phase in time. */
export class WaitTimeoutError extends CodedError {
  override readonly name = "WaitTimeoutError";
  override readonly code = "unavailable";
}

/** A sandbox failed on the way. */
export class SandboxFailedError extends CodedError {
  override readonly name = "SandboxFailedError";
  override readonly code = "failed_precondition";
}

export interface WaitOptions {
  readonly phase: Phase;
  /** Without progress, in milliseconds. */
  readonly timeoutMs: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Sees to it that there is a gateway again, after the one that was asked has gone. */
  readonly reopen?: () => Promise<void>;
}

/** Returns the seconds that an environment variable sets, as milliseconds. */
export function timeoutOf(context: Context, variable: string): number {
  const text = context.env(variable);
  if (text === undefined || text === "") return TIMEOUT_SECONDS_DEFAULT * 1000;
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text) * 1000;
  throw new UsageError(`Cannot use "${text}" of ${variable}: it should be a number of seconds`);
}

/**
 * Waits for the phase, and returns the sandbox. One that ended by itself is returned as well: its
 * exit code says that it ran.
 *
 * @throws {CodedError} when it fails, when there is no progress, when the signal is aborted
 */
export async function waitForPhase(
  context: Context,
  gateway: Gateway,
  sandbox: SandboxView,
  options: WaitOptions,
): Promise<SandboxView> {
  const { machine } = context;
  const { phase, timeoutMs, progress, signal } = options;
  let deadline = machine.now() + timeoutMs;
  let current = sandbox;
  while (!signal.aborted) {
    if (isDone(current, phase)) return current;
    const abort = new AbortController();
    const stop = () => abort.abort();
    signal.addEventListener("abort", stop);
    const stopLooking = machine.every(LOOK_MS, () => {
      if (machine.now() >= deadline) stop();
    });
    try {
      for await (const event of gateway.watchSandbox(sandbox.id, abort.signal)) {
        if (event.kind === "sandbox") {
          if (event.sandbox.phase !== current.phase) deadline = machine.now() + timeoutMs;
          current = event.sandbox;
          if (isDone(current, phase)) return current;
        }
        if (event.kind === "event" && progress.show(event.event)) {
          deadline = machine.now() + timeoutMs;
        }
        if (event.kind === "warning") progress.note(event.message);
      }
    } catch (error) {
      // A watch that we have ended fails because of it.
      if (!abort.signal.aborted) await reopenOrThrow(error, options);
    } finally {
      stopLooking();
      signal.removeEventListener("abort", stop);
      abort.abort();
    }
    if (machine.now() >= deadline) throw timedOut(current, phase, timeoutMs);
    if (signal.aborted) break;
    await machine.sleep(RETRY_MS);
    try {
      current = await gateway.getSandbox(sandbox);
    } catch (error) {
      await reopenOrThrow(error, options);
    }
  }
  throw new WaitTimeoutError(`Cannot wait for sandbox "${sandbox.name}": it was interrupted`);
}

/** A gateway that was killed meanwhile has not lost the sandbox: the next one goes on with it. */
async function reopenOrThrow(error: unknown, { reopen }: WaitOptions): Promise<void> {
  const isAway = error instanceof CodedError && error.code === "unavailable";
  if (reopen === undefined || !isAway) throw error;
  await reopen();
}

function isDone(sandbox: SandboxView, phase: Phase): boolean {
  if (sandbox.phase === phase) return true;
  if (sandbox.phase !== "Error") return false;
  if (sandbox.exitCode !== null) return true;
  const { name } = sandbox;
  throw new SandboxFailedError(
    `Cannot start sandbox "${name}": ${reasonOf(sandbox) ?? "it has failed"}`,
    { hint: `Run "openshell logs ${name}" to see why, "openshell sandbox delete ${name}" after` },
  );
}

function timedOut({ name, phase }: SandboxView, wanted: Phase, timeoutMs: number): CodedError {
  return new WaitTimeoutError(
    `Cannot wait longer for sandbox "${name}": it is ${phase}, not ${wanted}, and there was no ` +
      `progress for ${timeoutMs / 1000} seconds`,
    { hint: `Run "openshell logs ${name}" to see what it does` },
  );
}
