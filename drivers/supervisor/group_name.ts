/**
 * The name of a sandbox's control group.
 *
 * @module
 */

import type { SandboxFolder } from "./sandbox_folder.ts";

/** `openshell-` and the sandbox's id, so that what a crash leaves can be found. */
export function groupName({ path }: Pick<SandboxFolder, "path">): string {
  return `openshell-${path.slice(path.lastIndexOf("/") + 1)}`;
}
