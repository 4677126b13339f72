/**
 * Finds where this machine keeps its control groups, and where OpenShell's own one is.
 *
 * Pure but for reading: version 2 has one tree for all controllers, version 1 a tree for each, and
 * a machine may have both at once.
 *
 * @module
 */

import type { Controller } from "./cgroup_error.ts";
import type { CgroupFiles } from "./cgroup_files.ts";

/** One tree of groups. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** Where it is mounted. */
  readonly mount: string;
  /** Folder of OpenShell's own group. */
  readonly own: string;
  /** Of version 1: what it controls. Version 2 says so in its files. */
  readonly controllers: readonly string[];
}

export const CONTROLLERS: readonly Controller[] = ["memory", "pids", "cpu"];

/** Returns the trees that are mounted, as `/proc/self` has them. */
export function findHierarchies({ read }: Pick<CgroupFiles, "read">): readonly Hierarchy[] {
  const groups = (read("/proc/self/cgroup") ?? "").trim().split("\n").map((line) => {
    const [, names = "", ...path] = line.split(":");
    return { names: names.split(","), path: path.join(":") };
  });
  return (read("/proc/self/mountinfo") ?? "").trim().split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "/", mount = ""] = before.split(" ").map(unescapePath);
    const [type, , options = ""] = after.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") return [];
    const named = options.split(",");
    const group = groups.find(({ names }) =>
      type === "cgroup2" ? names.join() === "" : names.every((name) => named.includes(name))
    );
    if (group === undefined) return [];
    const controllers = CONTROLLERS.filter((name) => group.names.includes(name));
    if (type === "cgroup" && controllers.length === 0) return [];
    const own = mount + withoutRoot(group.path, root);
    return [{ version: type === "cgroup2" ? 2 as const : 1 as const, mount, own, controllers }];
  });
}

/** A container sees a part of the tree mounted, and the path of its group from the whole tree. */
function withoutRoot(path: string, root: string): string {
  const inside = root === "/" ? path : path.startsWith(root) ? path.slice(root.length) : "";
  return inside === "/" || inside.startsWith("/..") ? "" : inside;
}

function unescapePath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}
