/**
 * Asks the host what is at a path, for `planMounts`.
 *
 * @module
 */

import type { PathFacts } from "./mount_plan.ts";

/**
 * Returns what is there, links followed; a path that cannot be looked at counts as missing, so that
 * nothing is mounted from it.
 */
export function lookAtPath(path: string): PathFacts {
  try {
    const link = Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : null;
    return { link, kind: Deno.statSync(path).isDirectory ? "directory" : "file" };
  } catch (error) {
    if (error instanceof Error) return { link: null, kind: "missing" };
    throw error;
  }
}
