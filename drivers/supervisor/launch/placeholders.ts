/**
 * What is made on the host so that a path that did not exist can be protected, and its removal.
 *
 * Removing what another sandbox has mounted would take its protection away. So each sandbox holds a
 * lock on what it protects, and only what nobody holds is removed.
 *
 * @module
 */

import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { COMMONDIR_TEXT } from "../../../proto/protected_paths.ts";
import type { MountPlan } from "./mount_plan.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Holds everything that may be somebody's placeholder, until it is disposed of. */
export function holdPlaceholders({ mounts }: MountPlan): Disposable {
  const held: Deno.FsFile[] = [];
  for (const mount of mounts) {
    if (mount.kind !== "pin" || mount.writable) continue;
    const file = open(`${mount.source}/${mount.path}`);
    if (file === null) continue;
    held.push(file);
    // Nobody has it exclusively for longer than it takes to remove it.
    file.lockSync(false);
  }
  return { [Symbol.dispose]: () => held.forEach(release) };
}

/**
 * Removes the placeholders that are still as they were made and that no sandbox holds. Others have
 * become somebody's, and stay. May be called again at any time, also after a crash.
 */
export function removePlaceholders(paths: readonly string[]): void {
  for (const path of paths.toReversed()) {
    const file = open(path);
    if (file === null) continue;
    try {
      if (!file.tryLockSync(true)) continue;
      if (file.statSync().isFile && !isAsMade(file)) continue;
      // A folder goes by `rmdir`, which takes only an empty one.
      Deno.removeSync(path);
    } catch (error) {
      // Gone, or not empty any more.
      if (!(error instanceof Error)) throw error;
    } finally {
      release(file);
    }
  }
}

/** Of what is open, not of what is at the path by now. */
function isAsMade(file: Deno.FsFile): boolean {
  const bytes = new Uint8Array(COMMONDIR_TEXT.length + 1);
  const length = file.readSync(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, length)) === COMMONDIR_TEXT;
}

/** Unlocked first: a process that was just forked has the file open as well, for a moment. */
function release(file: Deno.FsFile): void {
  file.unlockSync();
  file.close();
}

/**
 * Files but the one that can be a placeholder are never locked: git and editors lock them.
 *
 * INVARIANT: it never waits. An agent that may write there could have put a pipe in its place, and
 * whoever waits for that is the supervisor, or the gateway itself. So what was opened is looked at,
 * and opened for good by its descriptor, which nobody can exchange.
 */
function open(path: string): Deno.FsFile | null {
  try {
    const first = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    try {
      const found = fstatSync(first);
      const isOurs = found.isDirectory() || found.isFile() && path.endsWith("/commondir");
      return isOurs ? Deno.openSync(`/proc/self/fd/${first}`) : null;
    } finally {
      closeSync(first);
    }
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}
