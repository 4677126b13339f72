/**
 * Lists the files that an upload sends: all of a path, or those that git would keep.
 *
 * @module
 */

import { TRANSFER_ENTRIES_MAX } from "../../proto/limits.ts";
import type { Context } from "../context.ts";
import { TransferError } from "./transfer_error.ts";

/** Paths below a root, in an order in which folders come before what is in them. */
export interface FileList {
  /** Relative to the root, without a leading `./`. */
  readonly paths: readonly string[];
  /** True when git said which; false when everything is sent. */
  readonly isFiltered: boolean;
}

/**
 * Lists what is below a folder. Inside a work tree of git, and unless `all` says otherwise, only
 * what git tracks or would track.
 *
 * @throws {TransferError} for too many
 */
export async function listFiles(
  context: Context,
  folder: string,
  { all }: { readonly all: boolean },
): Promise<FileList> {
  if (!all) {
    const paths = await listGitFiles(context, folder);
    if (paths !== null && paths.length > 0) return { paths, isFiltered: true };
    if (paths !== null) {
      context.stderr.write("! Git ignores everything there: sending all of it\n");
    }
  }
  const paths: string[] = [];
  await walk(folder, "", paths);
  return { paths, isFiltered: false };
}

/** Returns `null` outside of a work tree, and where there is no git. */
async function listGitFiles(
  { machine }: Context,
  folder: string,
): Promise<readonly string[] | null> {
  const command = ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", "."];
  try {
    const { code, stdout } = await machine.run(command, { cwd: folder, withoutPrefix: "GIT_" });
    if (code !== 0) return null;
    const names = new TextDecoder().decode(stdout).split("\0").filter((name) => name !== "");
    return await existing(folder, [...new Set(names)].sort());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Git also lists what was deleted since, and a nested repository as a folder. */
async function existing(folder: string, names: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of names) {
    const path = name.replace(/\/$/, "");
    const info = await lstatOrNull(`${folder}/${path}`);
    if (info?.isDirectory === true) await walk(folder, path, add(found, path));
    else if (info !== null) add(found, path);
  }
  return found;
}

async function walk(root: string, folder: string, paths: string[]): Promise<void> {
  const entries: Deno.DirEntry[] = [];
  for await (const entry of Deno.readDir(folder === "" ? root : `${root}/${folder}`)) {
    entries.push(entry);
  }
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    const path = folder === "" ? name : `${folder}/${name}`;
    add(paths, path);
    if (isDirectory) await walk(root, path, paths);
  }
}

function add(paths: string[], path: string): string[] {
  if (paths.length >= TRANSFER_ENTRIES_MAX) {
    throw new TransferError(`Cannot upload: there are more than ${TRANSFER_ENTRIES_MAX} files`, {
      code: "resource_exhausted",
    });
  }
  paths.push(path);
  return paths;
}

/** Returns what is at a path, its last link not followed; `null` for nothing. */
export async function lstatOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
