/**
 * Finds what of a download programs of this machine would run or trust without being asked, as git
 * its hooks and a shell `.bashrc`.
 *
 * The agent made it. In a folder that is in use nobody would notice it among the rest.
 *
 * @module
 */

import {
  HOME_SIGNS,
  PROTECTED_IN_FOLDERS,
  PROTECTED_IN_HOMES,
  type ProtectedPath,
  SIGNS_OF_REPOSITORY,
} from "../../proto/protected_paths.ts";
import { lstatOrNull } from "./list_files.ts";

/** Something of a download that is not to come unnoticed. */
export interface ProtectedEntry {
  /** Relative to the destination. */
  readonly path: string;
  /** Goes on with "and". */
  readonly reason: string;
  /** Its folder was there before, with something in it. */
  readonly isInOldFolder: boolean;
}

const GIT: ProtectedPath = { path: ".git", reason: "git runs hooks and programs that it names" };

/**
 * Compares what comes, in the folder `source`, with its destination, where it may lie, but does not
 * count. Both are absolute and exist. What is found is not searched further.
 */
export async function findProtected(
  source: string,
  target: string,
): Promise<readonly ProtectedEntry[]> {
  const own = source.slice(source.lastIndexOf("/") + 1);
  // The person may have named it by a link.
  const old = (await namesIn(await Deno.realPath(target))).filter((name) => name !== own);
  const isHome = HOME_SIGNS.some((name) => old.includes(name));
  const top = isHome ? [...PROTECTED_IN_HOMES, ...PROTECTED_IN_FOLDERS] : PROTECTED_IN_FOLDERS;
  const found: ProtectedEntry[] = [];
  await search({ source, target, old, prefix: "" }, top, found);
  return found;
}

interface Pair {
  readonly source: string;
  readonly target: string;
  /** What the target holds. */
  readonly old: readonly string[];
  readonly prefix: string;
}

async function search(
  { source, target, old, prefix }: Pair,
  list: readonly ProtectedPath[],
  found: ProtectedEntry[],
): Promise<void> {
  const isInOldFolder = old.length > 0;
  const names = await namesIn(source);
  if (isRepository(names, old)) {
    found.push({ path: prefix || ".", reason: `${GIT.reason} in it`, isInOldFolder });
    return;
  }
  for (const name of names) {
    const path = `${prefix}${name}`;
    const match = protectionOf(path, list);
    if (match !== undefined) {
      found.push({ path, reason: match.reason, isInOldFolder });
      continue;
    }
    const from = `${source}/${name}`;
    if ((await lstatOrNull(from))?.isDirectory !== true) continue;
    const to = `${target}/${name}`;
    await search(
      { source: from, target: to, old: await namesIn(to), prefix: `${path}/` },
      list,
      found,
    );
  }
}

/** Those of folders count at any depth, since each folder may be a project; of homes, at the top. */
function protectionOf(path: string, list: readonly ProtectedPath[]): ProtectedPath | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return [GIT, ...list].find((each) => {
    const isOfHome = PROTECTED_IN_HOMES.includes(each);
    return isEqualName(each.path, isOfHome ? path : name);
  });
}

/** Some file systems take one case for the other. */
function isEqualName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** Whether git would take the folder itself for a repository, by what comes. */
function isRepository(names: readonly string[], old: readonly string[]): boolean {
  return SIGNS_OF_REPOSITORY.every((sign) => names.includes(sign) || old.includes(sign)) &&
    SIGNS_OF_REPOSITORY.some((sign) => names.includes(sign));
}

/** Of what is no folder, or a link to one: none. */
async function namesIn(folder: string): Promise<readonly string[]> {
  if ((await lstatOrNull(folder))?.isDirectory !== true) return [];
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
