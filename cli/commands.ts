/**
 * All commands of the program.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { COMPLETE, COMPLETIONS } from "./completions.ts";
import { FORWARD } from "./forward.ts";
import { GATEWAY, SUPERVISE } from "./gateway.ts";
import { INFERENCE } from "./inference.ts";
import { LOGS } from "./logs.ts";
import { POLICY } from "./policy.ts";
import { PROVIDER } from "./provider.ts";
import { SANDBOX } from "./sandbox.ts";
import { SETTINGS } from "./settings.ts";
import { DOCTOR, STATUS } from "./status.ts";
import { VERSION_COMMAND } from "./version.ts";

/** `openshell`. */
export const PROGRAM: Command = {
  name: "openshell",
  summary: "Run AI agents in sandboxes that can do what a policy allows, and nothing else",
  commands: [
    SANDBOX,
    FORWARD,
    LOGS,
    POLICY,
    SETTINGS,
    PROVIDER,
    GATEWAY,
    INFERENCE,
    STATUS,
    DOCTOR,
    COMPLETIONS,
    VERSION_COMMAND,
    COMPLETE,
    SUPERVISE,
  ],
  examples: [
    {
      purpose: "Let an agent work on this project, under a policy",
      line: "openshell sandbox create --policy policy.yaml --bind . -- claude",
    },
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
