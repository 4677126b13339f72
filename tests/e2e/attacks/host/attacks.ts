/**
 * All attacks on the host's half of the isolation: files, processes, kernel, resources, control.
 *
 * @module
 */

import type { Attack } from "../support/attack.ts";
import { CONTROL_ATTACKS } from "./control.ts";
import { FILE_ATTACKS } from "./files.ts";
import { KERNEL_ATTACKS } from "./kernel.ts";
import { PROCESS_ATTACKS } from "./process.ts";
import { RESOURCE_ATTACKS } from "./resources.ts";

export const HOST_ATTACKS: readonly Attack[] = [
  ...FILE_ATTACKS,
  ...PROCESS_ATTACKS,
  ...KERNEL_ATTACKS,
  ...RESOURCE_ATTACKS,
  ...CONTROL_ATTACKS,
];
