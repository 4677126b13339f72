/**
 * Finds a place for a sandbox's group in the one tree of version 2.
 *
 * There a group that hands controllers down may hold no process of its own. OpenShell's own group
 * holds OpenShell, so a sandbox usually becomes its neighbour; where OpenShell is alone in its group
 * it moves into a leaf of it and makes room.
 *
 * @module
 */

import { type Controller, LimitUnavailableError } from "./cgroup_error.ts";
import type { CgroupFiles } from "./cgroup_files.ts";
import type { Hierarchy } from "./find_hierarchies.ts";

/** Where OpenShell itself goes, below the group that it was started in. */
export const OWN_LEAF = "openshell-host";

/**
 * Returns the folder in which a group has all these controllers.
 *
 * @throws {LimitUnavailableError}
 */
export function placeInVersion2(
  { own, mount }: Hierarchy,
  controller: Controller,
  together: readonly Controller[],
  files: CgroupFiles,
): string {
  // In its leaf by an earlier call.
  const base = own.endsWith(`/${OWN_LEAF}`) ? own.slice(0, -OWN_LEAF.length - 1) : own;
  if (handsDown(base, together, files)) return base;
  if (base !== mount) {
    const parent = base.slice(0, base.lastIndexOf("/"));
    if (handsDown(parent, together, files)) return parent;
    if (enable(parent, together, files)) return parent;
  }
  const available = words(files.read(`${base}/cgroup.controllers`));
  const missing = together.filter((name) => !available.includes(name));
  if (missing.length > 0) {
    throw new LimitUnavailableError(missing[0] ?? controller, "it is not handed down to OpenShell");
  }
  moveToLeaf(base, controller, files);
  if (enable(base, together, files)) return base;
  throw new LimitUnavailableError(controller, "OpenShell's own group cannot hand it down");
}

function handsDown(
  folder: string,
  controllers: readonly Controller[],
  { read }: CgroupFiles,
): boolean {
  const enabled = words(read(`${folder}/cgroup.subtree_control`));
  return controllers.every((name) => enabled.includes(name));
}

/** Returns whether the kernel agreed, which it does for an inner group that is ours to change. */
function enable(folder: string, controllers: readonly Controller[], files: CgroupFiles): boolean {
  try {
    const text = controllers.map((name) => `+${name}`).join(" ");
    files.write(`${folder}/cgroup.subtree_control`, text);
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
  return handsDown(folder, controllers, files);
}

/** Only where nobody else is in the group: others are not ours to move. */
function moveToLeaf(own: string, controller: Controller, files: CgroupFiles): void {
  const present = (files.read(`${own}/cgroup.procs`) ?? "").trim().split("\n")
    .filter((line) => line !== "");
  if (present.some((pid) => Number(pid) !== files.pid)) {
    throw new LimitUnavailableError(controller, "OpenShell shares its group with other programs");
  }
  const leaf = `${own}/${OWN_LEAF}`;
  files.makeFolder(leaf);
  for (const pid of present) files.write(`${leaf}/cgroup.procs`, pid);
}

function words(text: string | null): readonly string[] {
  return (text ?? "").trim().split(/\s+/);
}
