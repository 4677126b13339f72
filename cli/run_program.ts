/**
 * Runs one command line from its words to its exit code.
 *
 * Imports only what every start needs; help and verbs come when they are asked for.
 *
 * @module
 */

import type { Command } from "./command.ts";
import type { Context } from "./context.ts";
import { EXIT_OK, exitCodeOf, isBrokenPipe } from "./exit.ts";
import { parseArgs } from "./parse_args.ts";
import { reportError } from "./report_error.ts";
import { styleOf } from "./style.ts";
import { VERSION } from "./program_version.ts";

/** Runs the program and returns its exit code. Never throws: what goes wrong is reported. */
export async function runProgram(
  program: Command,
  args: readonly string[],
  context: Context,
): Promise<number> {
  try {
    return await run(program, args, context);
  } catch (error) {
    return report(error, args, context);
  }
}

async function run(program: Command, args: readonly string[], context: Context): Promise<number> {
  const parsed = parseArgs(program, args);
  if (parsed.kind === "version") {
    context.stdout.write(`openshell ${VERSION}\n`);
    return EXIT_OK;
  }
  if (parsed.kind === "help" || parsed.command.load === undefined) {
    const { help } = await import("./help.ts");
    context.stdout.write(help(parsed.command, parsed.path, styleOf(context.stdout, context)));
    return EXIT_OK;
  }
  const [{ createInvocation }, verb] = await Promise.all([
    import("./create_invocation.ts"),
    parsed.command.load(),
  ]);
  return await verb(createInvocation(program, parsed, context));
}

function report(error: unknown, args: readonly string[], context: Context): number {
  if (isBrokenPipe(error)) return exitCodeOf(error);
  const style = styleOf(context.stderr, context);
  try {
    context.stderr.write(reportError(error, { verbosity: verbosityOf(args), style }));
  } catch (writeError) {
    // Nobody can be told any more; the exit code still tells.
    if (!isBrokenPipe(writeError)) throw writeError;
  }
  return exitCodeOf(error);
}

/** The line may be one that cannot be parsed, so this only looks for the flag itself. */
function verbosityOf(args: readonly string[]): number {
  const dashes = args.indexOf("--");
  return (dashes < 0 ? args : args.slice(0, dashes))
    .filter((word) => word === "--verbose" || /^-v+$/.test(word)).length;
}
