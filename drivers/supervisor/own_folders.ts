/**
 * What no sandbox may see: where OpenShell keeps its state, its registrations, and itself, and where
 * programs of the person listen.
 *
 * @module
 */

import type { SandboxFolder } from "./sandbox_folder.ts";

/**
 * Returns the folders, without links. Those that do not exist are named all the same: they may be made
 * while a sandbox runs.
 *
 * `person` is the ordinary user who runs OpenShell, `null` for root. An agent may have that id, and
 * whoever has it may tell the person's session to start programs.
 */
export function ownFolders(
  { path }: Pick<SandboxFolder, "path">,
  env: (name: string) => string | undefined,
  person: number | null,
): readonly string[] {
  const home = absolute(env("HOME"));
  const config = absolute(env("XDG_CONFIG_HOME")) ?? (home === null ? null : `${home}/.config`);
  return [
    // The sandbox's folder lies in `embedded/` of the state.
    parentOf(parentOf(path)),
    ...config === null ? [] : [`${config}/openshell`],
    parentOf(Deno.execPath()),
    ...person === null ? [] : [`/run/user/${person}`],
  ].filter((folder) => folder !== "" && !SHARED.includes(folder)).map(withoutLinks);
}

/** Where an installed runtime may lie among others: nobody but root writes there. */
const SHARED = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin"];

/** As clients read it: a relative path, or an empty one, is as good as none. */
function absolute(path: string | undefined): string | null {
  return path?.startsWith("/") === true ? path : null;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** What is missing lies where the nearest folder above it that is there leads. */
function withoutLinks(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const parent = parentOf(path);
    return parent === "" ? path : withoutLinks(parent) + path.slice(parent.length);
  }
}
