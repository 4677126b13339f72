/**
 * Lets a command tidy up when a person or the system ends it.
 *
 * @module
 */

import type { Context } from "../context.ts";

/** Exit codes of a program that a signal ended: 128 and its number, as shells count. */
export const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export type EndingSignal = keyof typeof SIGNAL_CODES;

/** Signals that end a program. */
export const ENDING_SIGNALS: readonly EndingSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs something with a signal that is aborted when the command is to end. What fails after that
 * fails because of it: the exit code is then that of the signal.
 */
export async function withInterrupt(
  { machine }: Context,
  run: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const abort = new AbortController();
  let code: number | null = null;
  const restore = ENDING_SIGNALS.map((name) =>
    machine.onSignal(name, () => {
      code ??= SIGNAL_CODES[name];
      abort.abort();
    })
  );
  try {
    const done = await run(abort.signal);
    return code ?? done;
  } catch (error) {
    if (code === null) throw error;
    return code;
  } finally {
    for (const undo of restore) undo();
  }
}
