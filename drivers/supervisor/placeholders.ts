/**
 * Placeholders that binds made on the host, so that a path that did not exist can be protected.
 *
 * @module
 */

import type { SandboxFolder } from "./sandbox_folder.ts";

/** Removes the recorded placeholders that are still as they were made: empty. */
export async function removePlaceholders({ placeholders }: SandboxFolder): Promise<void> {
  let recorded: readonly string[];
  try {
    recorded = JSON.parse(await Deno.readTextFile(placeholders));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const path of recorded.toReversed()) await removeIfEmpty(path);
  await Deno.remove(placeholders);
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    const { isFile, size } = await Deno.lstat(path);
    // A folder that is not empty is not removed: without `recursive` that fails.
    if (!isFile || size === 0) await Deno.remove(path);
  } catch {
    // It was removed, or somebody has put something there: it is not ours any more.
  }
}
