/**
 * Reads and writes files with keys in them: no other user may have had a hand in them.
 *
 * @module
 */

import { basename, dirname } from "node:path";
import { PKI_FILE_BYTES_MAX } from "../../proto/limits.ts";
import type { MintedFile } from "./mint_pki.ts";
import { PkiFileError, PkiPermissionError } from "./pki_error.ts";
import type { PkiFile } from "./pki_files.ts";

/** For everyone but the owner: any right, and the right to change. */
const ANY_RIGHT = 0o077;
const WRITE_RIGHT = 0o022;

/**
 * Makes sure that a folder is one, is ours, and that nobody else may enter it.
 *
 * @throws {PkiPermissionError}
 * @throws {PkiFileError} When it cannot be looked at.
 */
export async function checkFolder(path: string): Promise<void> {
  const info = await attempt(path, "look at", () => Deno.lstat(path));
  if (!info.isDirectory) throw new PkiFileError(path, "it is not a folder");
  checkOwner(path, info);
  if (((info.mode ?? ANY_RIGHT) & ANY_RIGHT) === 0) return;
  throw new PkiPermissionError(path, "others may enter it", `Run: chmod 700 '${path}'`);
}

/**
 * Reads a file of ours, or returns `null` when there is none.
 *
 * @throws {PkiPermissionError}
 * @throws {PkiFileError} When it cannot be read.
 */
export async function readGuarded(
  directory: string,
  { path: relative, isSecret }: PkiFile,
): Promise<string | null> {
  const path = `${directory}/${relative}`;
  const folder = dirname(path);
  if (folder !== directory) {
    if (!await exists(folder)) return null;
    await checkFolder(folder);
  }
  if (!await exists(path)) return null;
  const info = await attempt(path, "look at", () => Deno.lstat(path));
  if (!info.isFile) throw new PkiFileError(path, "it is not a plain file");
  checkOwner(path, info);
  checkRights(path, info, isSecret);
  if (info.size > PKI_FILE_BYTES_MAX) throw new PkiFileError(path, "it is too large");
  return await attempt(path, "read", () => Deno.readTextFile(path));
}

/**
 * Writes a folder of files beside its place, then moves it there as one: it is there in full or not
 * at all. What is in its place already has to be an empty folder.
 *
 * @throws {PkiFileError}
 */
export async function placeFolder(path: string, files: readonly MintedFile[]): Promise<void> {
  const staging = `${path}${STAGING}${crypto.randomUUID()}`;
  await attempt(path, "write", async () => {
    await Deno.mkdir(staging, { mode: 0o700 });
    try {
      const folders = new Set([staging]);
      for (const file of files) {
        const folder = dirname(`${staging}/${file.path}`);
        await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
        folders.add(folder);
        await writeDurably(`${staging}/${file.path}`, file);
      }
      for (const folder of folders) await syncFolder(folder);
      await Deno.rename(staging, path);
    } catch (error) {
      await Deno.remove(staging, { recursive: true });
      throw error;
    }
    await syncFolder(dirname(path));
  });
}

/**
 * Replaces one file below the folder: a reader sees the old one or the new one.
 *
 * @throws {PkiFileError}
 */
export async function replaceFile(directory: string, file: MintedFile): Promise<void> {
  const path = `${directory}/${file.path}`;
  const staging = `${path}.new`;
  await attempt(path, "write", async () => {
    // Left over by a process that was killed in the middle.
    if (await exists(staging)) await Deno.remove(staging);
    await writeDurably(staging, file);
    await Deno.rename(staging, path);
    await syncFolder(dirname(path));
  });
}

/** Removes what processes left over that were killed while they wrote. Nobody has used it. */
export async function removeStaging(path: string): Promise<void> {
  const parent = dirname(path);
  const prefix = `${basename(path)}${STAGING}`;
  await attempt(parent, "tidy", async () => {
    for await (const { name } of Deno.readDir(parent)) {
      if (name.startsWith(prefix)) await Deno.remove(`${parent}/${name}`, { recursive: true });
    }
  });
}

const STAGING = ".staging-";

async function writeDurably(path: string, { text, isSecret }: MintedFile): Promise<void> {
  const mode = isSecret ? 0o600 : 0o644;
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.sync();
}

/** Makes the names in a folder last, as `sync` does for a file. */
async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path);
  await folder.sync();
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new PkiFileError(path, "it cannot be looked at", { cause: error });
  }
}

function checkOwner(path: string, { uid }: Deno.FileInfo): void {
  if (uid === Deno.uid()) return;
  const detail = `it belongs to user ${uid}, and should to user ${Deno.uid()}`;
  throw new PkiPermissionError(path, detail, `Run: chown ${Deno.uid()} '${path}'`);
}

function checkRights(path: string, { mode }: Deno.FileInfo, isSecret: boolean): void {
  const forbidden = isSecret ? ANY_RIGHT : WRITE_RIGHT;
  if (((mode ?? forbidden) & forbidden) === 0) return;
  throw isSecret
    ? new PkiPermissionError(path, "others may read or change it", `Run: chmod 600 '${path}'`)
    : new PkiPermissionError(path, "others may change it", `Run: chmod 644 '${path}'`);
}

async function attempt<T>(path: string, what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof PkiFileError) throw error;
    const detail = `failed to ${what} it: ${(error as Error).message}`;
    throw new PkiFileError(path, detail, { cause: error });
  }
}
