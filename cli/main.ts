/**
 * The program: words and streams of the process in, exit code out.
 *
 * An interrupt has its default effect, which shells report as 130; a command that has something to
 * clean up listens for it itself.
 *
 * @module
 */

import { PROGRAM } from "./commands.ts";
import { restoreEnvironment } from "./launcher_environment.ts";
import { processContext } from "./process_context.ts";
import { runProgram } from "./run_program.ts";

if (import.meta.main) {
  restoreEnvironment(Deno.env);
  Deno.exit(await runProgram(PROGRAM, Deno.args, processContext()));
}
