/**
 * Asks the host what is at a path, for `planMounts`.
 *
 * @module
 */

/** What the host has at a path: where a link points to, and what is there behind all links. */
export interface PathFacts {
  readonly link: string | null;
  readonly kind: "directory" | "file" | "missing";
  /** Without any link; left out for what is missing. */
  readonly real?: string;
  /** Names of the folders in a folder, and of a `.git` in any shape. */
  readonly names: () => readonly string[];
}

/**
 * Returns what is there, links followed; a path that cannot be looked at counts as missing, so that
 * nothing is mounted from it.
 */
export function lookAtPath(path: string): PathFacts {
  const names = () => readNames(path);
  let link: string | null = null;
  try {
    if (Deno.lstatSync(path).isSymlink) link = Deno.readLinkSync(path);
    const kind = Deno.statSync(path).isDirectory ? "directory" : "file";
    return { link, kind, real: Deno.realPathSync(path), names };
  } catch (error) {
    if (error instanceof Error) return { link, kind: "missing", names };
    throw error;
  }
}

/** Only of folders, and of `.git` in any shape: what else there is holds no repository. */
function readNames(path: string): readonly string[] {
  try {
    return [...Deno.readDirSync(path)]
      .filter(({ name, isDirectory }) => isDirectory || name === ".git")
      .map(({ name }) => name);
  } catch (error) {
    if (error instanceof Error) return [];
    throw error;
  }
}
