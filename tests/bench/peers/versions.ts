/**
 * What exactly was measured.
 *
 * @module
 */

import { run } from "../../e2e/support/commands.ts";
import { PROGRAM } from "../../e2e/support/requirements.ts";
import { runtimeVersion } from "./sandbox_runtime.ts";

const COMMANDS = {
  kernel: ["uname", "-r"],
  openshell: [PROGRAM, "--version"],
  bubblewrap: ["bwrap", "--version"],
  node: ["node", "--version"],
} as const;

/** Returns the last word that each says of itself, `missing` where it is not there. */
export async function versionsOf(): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = { "sandbox-runtime": await runtimeVersion() };
  for (const [name, command] of Object.entries(COMMANDS)) found[name] = await lastWord(command);
  return found;
}

async function lastWord(command: readonly string[]): Promise<string> {
  try {
    return (await run(command)).stdout.trim().split(/\s+/).at(-1) ?? "missing";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    throw error;
  }
}
