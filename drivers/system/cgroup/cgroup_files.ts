/**
 * What control groups are made of: files that say something when read and do something when written.
 *
 * @module
 */

/** The host's files, or made-up ones in tests. */
export interface CgroupFiles {
  /** Own process. */
  readonly pid: number;
  /** Returns the text, or `null` where there is no such file. */
  readonly read: (path: string) => string | null;
  readonly write: (path: string, text: string) => void;
  /** Returns false where the folder is there already. */
  readonly makeFolder: (path: string) => boolean;
  /** Removes an empty group. Returns false while it is in use; one that is gone is a success. */
  readonly removeFolder: (path: string) => boolean;
  /** Names of the folders in a folder. */
  readonly folders: (path: string) => readonly string[];
  /** Ends a process; one that has ended is a success. */
  readonly kill: (pid: number) => void;
  readonly sleep: (ms: number) => Promise<void>;
}

/** The files of this machine. */
export const HOST_FILES: CgroupFiles = {
  pid: Deno.pid,
  read: (path) => orNotFound(() => Deno.readTextFileSync(path), null),
  // Such a file is never made or cut, only written to.
  write: (path, text) =>
    Deno.writeFileSync(path, new TextEncoder().encode(text), { create: false, append: true }),
  makeFolder(path) {
    try {
      Deno.mkdirSync(path, { mode: 0o755 });
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw error;
    }
  },
  removeFolder(path) {
    try {
      // By `rmdir`: what is in it are no files that could be removed.
      orNotFound(() => Deno.removeSync(path), undefined);
      return true;
    } catch (error) {
      if (error instanceof Error && error.message.includes("os error 16")) return false;
      throw error;
    }
  },
  folders: (path) =>
    orNotFound(() => [...Deno.readDirSync(path)], [])
      .filter(({ isDirectory }) => isDirectory).map(({ name }) => name),
  kill: (pid) => orNotFound(() => Deno.kill(pid, "SIGKILL"), undefined),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

function orNotFound<T>(work: () => T, missing: T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return missing;
    throw error;
  }
}
