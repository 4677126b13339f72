/**
 * The record of what binds made on the host, so that it can be removed after a crash too.
 *
 * @module
 */

import { removePlaceholders } from "./launch/placeholders.ts";
import type { SandboxFolder } from "./sandbox_folder.ts";

/** Notes the paths before any is made. */
export async function notePlaceholders(
  { placeholders }: SandboxFolder,
  paths: readonly string[],
): Promise<void> {
  if (paths.length === 0) return;
  await Deno.writeTextFile(placeholders, JSON.stringify(paths), { mode: 0o600 });
}

/** Removes what was noted, where it still is as it was made. */
export async function removeNotedPlaceholders({ placeholders }: SandboxFolder): Promise<void> {
  let paths: readonly string[];
  try {
    paths = JSON.parse(await Deno.readTextFile(placeholders));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof SyntaxError)) throw error;
    // What a crash left half-written: none was made by then.
    paths = [];
  }
  removePlaceholders(paths);
  await Deno.remove(placeholders);
}
