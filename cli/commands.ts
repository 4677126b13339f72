/**
 * All commands of the program.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { COMPLETE, COMPLETIONS } from "./completions.ts";
import { POLICY } from "./policy.ts";
import { VERSION_COMMAND } from "./version.ts";

/** `openshell`. */
export const PROGRAM: Command = {
  name: "openshell",
  summary: "Run AI agents in sandboxes that can do what a policy allows, and nothing else",
  commands: [POLICY, COMPLETIONS, VERSION_COMMAND, COMPLETE],
  examples: [
    {
      purpose: "Is this policy right? If not, what should it say?",
      line: "openshell policy check policy.yaml",
    },
    {
      purpose: "Would it let git reach GitHub, and by which rule?",
      line:
        "openshell policy explain policy.yaml --binary /usr/bin/git --host github.com --port 443",
    },
  ],
};
