/**
 * The files of embedded sandboxes: made, read and removed by the driver.
 *
 * @module
 */

import type { SandboxFolder } from "../../supervisor/sandbox_folder.ts";
import { removeLeftovers } from "../../supervisor/leftovers.ts";
import type { SubordinateIds } from "../../system/subordinate_ids.ts";
import type { ProcessIdentity } from "./process_identity.ts";
import { runInUserNamespace, UserNamespaceError } from "./user_namespace.ts";

/**
 * Users and groups of sandboxes: high enough that no person has one, and below 2³¹, which some
 * programs take for negative.
 */
const IDENTITY_MIN = 1_900_000_000;

/** Folders of sandboxes have a block of numbers each, so that gateways do not share any. */
const BLOCKS = 100_000;
const BLOCK_SIZE = 1_000;

/** The agent's, and the next one for its init. */
const NUMBERS_PER_SANDBOX = 2;

/** How a main process ended. `reported` says that a gateway was told. */
export interface RecordedExit {
  readonly code: number;
  readonly reported: boolean;
}

/** Why a supervisor ended its sandbox. */
export interface RecordedEnding {
  readonly reason: string;
  readonly message: string;
}

/**
 * Makes the folder and the workspace where they are missing; returns the sandbox's identity.
 * Each sandbox has one of its own, so that none can signal or starve another.
 */
export async function prepareFolder(
  parent: string,
  folder: SandboxFolder,
  ids: SubordinateIds | null,
): Promise<{ readonly uid: number; readonly gid: number }> {
  await Deno.mkdir(folder.path, { recursive: true, mode: 0o700 });
  const known = await readJson<{ uid: number; gid: number }>(folder.identity);
  const identity = known ?? await freeIdentity(parent, ids);
  if (known === null) await writeJson(folder.identity, identity);
  // Its supervisor gives it to the agent.
  await Deno.mkdir(folder.workspace, { recursive: true, mode: 0o700 });
  return identity;
}

/** Removes what a supervisor that was killed could not: control groups, placeholders. */
export async function tidyFolder(folder: SandboxFolder): Promise<void> {
  await removeLeftovers(folder);
  await removeIfThere(folder.supervisor);
}

/**
 * Removes the sandbox's files. Returns false where there were none. An ordinary user can remove what
 * belongs to subordinate ids only in a user namespace that has them.
 */
export async function removeFolder(
  folder: SandboxFolder,
  ids: SubordinateIds | null,
): Promise<boolean> {
  try {
    return await removeIfThere(folder.path);
  } catch (error) {
    if (ids === null || !(error instanceof Deno.errors.PermissionDenied)) throw error;
    await runInUserNamespace(["rm", "-rf", "--one-file-system", "--", folder.path], ids);
    return true;
  }
}

export async function forgetExit(folder: SandboxFolder): Promise<void> {
  await removeIfThere(folder.exit);
  await removeIfThere(folder.ending);
}

export async function readEnding(folder: SandboxFolder): Promise<RecordedEnding | null> {
  return await readJson<RecordedEnding>(folder.ending);
}

export async function readExit(folder: SandboxFolder): Promise<RecordedExit | null> {
  return await readJson<RecordedExit>(folder.exit);
}

export function readSupervisor(folder: SandboxFolder): ProcessIdentity | null {
  try {
    return JSON.parse(Deno.readTextFileSync(folder.supervisor)) as ProcessIdentity;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return null;
    throw error;
  }
}

export async function writeSupervisor(
  folder: SandboxFolder,
  supervisor: ProcessIdentity,
): Promise<void> {
  await writeJson(folder.supervisor, supervisor);
}

async function freeIdentity(
  parent: string,
  ids: SubordinateIds | null,
): Promise<{ uid: number; gid: number }> {
  const taken = new Set<number>();
  for await (const { name } of Deno.readDir(parent)) {
    const other = await readJson<{ uid: number }>(`${parent}/${name}/identity.json`);
    if (other !== null) taken.add(other.uid);
  }
  if (ids !== null) return freeSubordinate(hashOf(parent), taken, ids);
  let uid = firstIdentity(parent);
  while (taken.has(uid)) uid += NUMBERS_PER_SANDBOX;
  return { uid, gid: uid };
}

/** Gateways of one user begin at different places. The first number is root of the namespace. */
function freeSubordinate(
  hash: number,
  taken: ReadonlySet<number>,
  { uids, gids }: SubordinateIds,
): { uid: number; gid: number } {
  const places = Math.floor((Math.min(uids.count, gids.count) - 1) / NUMBERS_PER_SANDBOX);
  for (let tried = 0; tried < places; tried++) {
    const at = 1 + (hash + tried) % places * NUMBERS_PER_SANDBOX;
    if (!taken.has(uids.first + at)) return { uid: uids.first + at, gid: gids.first + at };
  }
  throw new UserNamespaceError(`all ${places} pairs of subordinate ids are in use`);
}

/** First number of a folder's block. */
export function firstIdentity(parent: string): number {
  return IDENTITY_MIN + (hashOf(parent) % BLOCKS) * BLOCK_SIZE;
}

function hashOf(parent: string): number {
  // FNV-1a: which block it is does not matter, only that it stays the same.
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(parent)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await Deno.readTextFile(path)) as T;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Whole or not at all. */
async function writeJson(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.new`;
  await Deno.writeTextFile(temporary, JSON.stringify(value), { mode: 0o600 });
  await Deno.rename(temporary, path);
}

async function removeIfThere(path: string): Promise<boolean> {
  try {
    await Deno.remove(path, { recursive: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
