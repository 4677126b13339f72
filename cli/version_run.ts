/**
 * Runs `openshell version`.
 *
 * @module
 */

import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { printResult } from "./output.ts";
import { VERSION } from "./program_version.ts";

/** Prints the versions that a report of a defect should name. */
export async function version(invocation: Invocation): Promise<number> {
  const value = {
    version: VERSION,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    target: Deno.build.target,
  };
  const text = () =>
    `openshell ${value.version}\ndeno ${value.deno}\nv8 ${value.v8}\ntarget ${value.target}\n`;
  await printResult(invocation, { value, text });
  return EXIT_OK;
}
