/**
 * The command that says what is running.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { OUTPUT_FLAG } from "./flags.ts";

/** `openshell version`. */
export const VERSION_COMMAND: Command = {
  name: "version",
  section: "Additional",
  summary: "Show the version of OpenShell and of what it runs on",
  flags: [OUTPUT_FLAG],
  load: async () => (await import("./version_run.ts")).version,
};
