/**
 * What is made on the host so that a path that did not exist can be protected, and its removal.
 *
 * Removing what another sandbox has mounted would take its protection away. So each sandbox holds a
 * lock on what it protects, and only what nobody holds is removed.
 *
 * @module
 */

import { COMMONDIR_TEXT } from "./protected_paths.ts";
import type { MountPlan } from "./mount_plan.ts";

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
      if (file.statSync().isFile && Deno.readTextFileSync(path) !== COMMONDIR_TEXT) continue;
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

/** Unlocked first: a process that was just forked has the file open as well, for a moment. */
function release(file: Deno.FsFile): void {
  file.unlockSync();
  file.close();
}

/** Files but the one that can be a placeholder are never locked: git and editors lock them. */
function open(path: string): Deno.FsFile | null {
  try {
    const { isDirectory, isSymlink } = Deno.lstatSync(path);
    if (isSymlink || !isDirectory && !path.endsWith("/commondir")) return null;
    return Deno.openSync(path);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}
