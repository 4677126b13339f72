/**
 * Runs the commands that make a shell complete `openshell`.
 *
 * @module
 */

import type { Invocation } from "./command.ts";
import { complete } from "./complete.ts";
import { COMPLETION_SCRIPTS } from "./completion_scripts.ts";
import { EXIT_OK } from "./exit.ts";
import { UsageError } from "./usage_error.ts";

/** Prints the script of a shell. */
export function printScript(invocation: Invocation): number {
  const shell = invocation.argument("SHELL");
  const script = COMPLETION_SCRIPTS.get(shell);
  if (script === undefined) throw new UsageError(`Cannot complete in "${shell}": no such script`);
  invocation.context.stdout.write(script);
  return EXIT_OK;
}

/** Prints what fits at the cursor, in the form that the scripts read. */
export function printCandidates(invocation: Invocation): number {
  const { program, passthrough, context } = invocation;
  const { kind, candidates } = complete(program, passthrough, invocation.requiredText("current"));
  const lines = candidates.map(({ value, summary }) => `${value}\t${summary}\n`);
  context.stdout.write(`${kind}\n${lines.join("")}`);
  return EXIT_OK;
}
