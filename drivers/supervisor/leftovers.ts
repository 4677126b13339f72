/**
 * Removes what a supervisor that was killed could not remove itself.
 *
 * @module
 */

import { removeLeftovers as removeGroups } from "../system/cgroup/sandbox_group.ts";
import { groupName } from "./group_name.ts";
import { removeNotedPlaceholders } from "./placeholders.ts";
import type { SandboxFolder } from "./sandbox_folder.ts";

/** Removes a sandbox's control groups and the placeholders of its binds. Nothing there is fine. */
export async function removeLeftovers(folder: SandboxFolder): Promise<void> {
  await removeGroups(groupName(folder));
  await removeNotedPlaceholders(folder);
}
