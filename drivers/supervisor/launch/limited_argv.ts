/**
 * Wraps a program so that its resource limits hold before its first instruction.
 *
 * Limits belong to processes, and a spawned one inherits those of OpenShell itself, which needs
 * more files than an agent. So `sh` lowers its own, hard and soft, and becomes the program. Where it
 * cannot, it ends with 126 and the program never runs. The size of core dumps is not among them:
 * it is limited for OpenShell itself, so every program inherits that.
 *
 * @module
 */

import type { JailLimits } from "./jail_spec.ts";

/** `bash` and newer `busybox` count processes with `-u`, `dash` with `-p`. */
const SCRIPT = [
  'ulimit -n "$1" || exit 126',
  'ulimit -u "$2" 2>/dev/null || ulimit -p "$2" || exit 126',
  "shift 2",
  'exec "$@"',
].join("\n");

/** Returns the arguments of `/bin/sh`. */
export function limitedArguments(limits: JailLimits, argv: readonly string[]): string[] {
  const { openFilesMax, processesMax } = limits;
  return ["-c", SCRIPT, "sh", String(openFilesMax), String(processesMax), ...argv];
}
