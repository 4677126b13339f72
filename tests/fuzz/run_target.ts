/**
 * Runs one target from a seed, and makes what fails small.
 *
 * @module
 */

import { Chance } from "../differential/generate.ts";
import { shrink } from "./shrink.ts";
import type { Target } from "./target.ts";

export interface RunOptions {
  readonly seed: number;
  /** Asked before each execution, with the number of those before. */
  readonly goesOn: (executions: number) => boolean;
  /** Milliseconds from where on one execution counts as a hang. */
  readonly executionMsMax?: number;
}

/** An input for which something does not hold. */
export interface Failure {
  readonly input: Uint8Array;
  /** Before it was made small. */
  readonly original: Uint8Array;
  readonly error: unknown;
}

export interface RunReport {
  readonly executions: number;
  readonly ms: number;
  /** Of the slowest execution. */
  readonly slowestMs: number;
  readonly failure: Failure | null;
}

/** An execution took so long that nobody would wait for it: machines of tests are busy. */
const EXECUTION_MS_MAX = 30_000;

/** Executes until told to stop, or until the first failure. */
export async function runTarget(target: Target, options: RunOptions): Promise<RunReport> {
  const { seed, goesOn, executionMsMax = EXECUTION_MS_MAX } = options;
  const start = performance.now();
  let executions = 0;
  let slowestMs = 0;
  while (goesOn(executions)) {
    const input = target.generate(new Chance((seed + executions) >>> 0));
    const begin = performance.now();
    const error = await execute(target, input, executionMsMax);
    slowestMs = Math.max(slowestMs, performance.now() - begin);
    executions++;
    if (error === null) continue;
    const ms = performance.now() - start;
    const failure = await makeSmall(target, input, error.cause);
    return { executions, ms, slowestMs, failure };
  }
  return { executions, ms: performance.now() - start, slowestMs, failure: null };
}

/** Checks one input; `null` where all holds. */
export async function execute(
  target: Target,
  input: Uint8Array,
  msMax: number = EXECUTION_MS_MAX,
): Promise<{ readonly cause: unknown } | null> {
  const begin = performance.now();
  try {
    const pending = target.check(input);
    if (pending !== undefined) await inTime(pending, msMax);
  } catch (cause) {
    return { cause };
  }
  const ms = performance.now() - begin;
  return ms <= msMax ? null : { cause: new HangError(ms) };
}

/** One execution took too long. */
class HangError extends Error {
  override readonly name = "HangError";

  constructor(ms: number) {
    super(`Cannot wait any longer: one execution took ${Math.round(ms)} ms`);
  }
}

async function inTime(pending: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HangError(ms)), ms);
  });
  try {
    await Promise.race([pending, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function makeSmall(target: Target, original: Uint8Array, error: unknown): Promise<Failure> {
  if (error instanceof HangError) return { input: original, original, error };
  const fails = async (candidate: Uint8Array) => await execute(target, candidate) !== null;
  const input = await shrink(original, fails);
  const again = await execute(target, input);
  return again === null
    ? { input: original, original, error }
    : { input, original, error: again.cause };
}
