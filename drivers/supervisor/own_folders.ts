/**
 * Where OpenShell keeps what no sandbox may see: its state, its registrations, and itself.
 *
 * @module
 */

import type { SandboxFolder } from "./sandbox_folder.ts";

/**
 * Returns the folders, without links. Those that do not exist are named all the same: they may be made
 * while a sandbox runs.
 */
export function ownFolders(
  { path }: Pick<SandboxFolder, "path">,
  env: (name: string) => string | undefined,
): readonly string[] {
  const home = env("HOME");
  const config = env("XDG_CONFIG_HOME") ?? (home === undefined ? undefined : `${home}/.config`);
  return [
    // The sandbox's folder lies in `embedded/` of the state.
    parentOf(parentOf(path)),
    ...config === undefined ? [] : [`${config}/openshell`],
    parentOf(Deno.execPath()),
  ].filter((folder) => folder !== "" && !SHARED.includes(folder)).map(withoutLinks);
}

/** Where an installed runtime may lie among others: nobody but root writes there. */
const SHARED = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin"];

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function withoutLinks(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}
