/**
 * The commands around settings of sandboxes and of the gateway.
 *
 * @module
 */

import type { Argument, Command, Flag, Run } from "./command.ts";
import { REMOTE_FLAGS } from "./flags.ts";

const NAME: Argument = {
  name: "NAME",
  summary: "Sandbox, else the last one that was used",
  optional: true,
  complete: "sandboxes",
};

const GLOBAL_FLAG: Flag = {
  kind: "switch",
  name: "global",
  summary: "For all sandboxes, in place of one",
};

const KEY_FLAG: Flag = {
  kind: "text",
  name: "key",
  value: "KEY",
  summary: "Setting",
  required: true,
};

const YES_FLAG: Flag = { kind: "switch", name: "yes", summary: "Do not ask for confirmation" };

/** `openshell settings`. */
export const SETTINGS: Command = {
  name: "settings",
  section: "Sandbox",
  summary: "Show and change settings of sandboxes, or of all",
  commands: [
    {
      name: "get",
      summary: "Show settings, and where each is set",
      arguments: [NAME],
      flags: [
        GLOBAL_FLAG,
        { kind: "switch", name: "json", summary: "Print JSON" },
        ...REMOTE_FLAGS,
      ],
      examples: [{ purpose: "Those of all", line: "openshell settings get --global" }],
      load: () => loadRun("get"),
    },
    {
      name: "set",
      summary: "Change a setting",
      description: [
        "providers_v2_enabled lets the providers of a sandbox add their hosts to its policy.",
      ],
      arguments: [NAME],
      flags: [
        KEY_FLAG,
        { kind: "text", name: "value", value: "VALUE", summary: "Value", required: true },
        GLOBAL_FLAG,
        YES_FLAG,
        ...REMOTE_FLAGS,
      ],
      examples: [{
        purpose: "Let its providers add their hosts",
        line: "openshell settings set docs-bot --key providers_v2_enabled --value true",
      }],
      load: () => loadRun("set"),
    },
    {
      name: "delete",
      summary: "Take a setting away",
      arguments: [NAME],
      flags: [KEY_FLAG, GLOBAL_FLAG, YES_FLAG, ...REMOTE_FLAGS],
      examples: [{
        purpose: "Back to the default",
        line: "openshell settings delete docs-bot --key providers_v2_enabled",
      }],
      load: () => loadRun("remove"),
    },
  ],
};

async function loadRun(verb: keyof typeof import("./settings_run.ts")): Promise<Run> {
  return (await import("./settings_run.ts"))[verb];
}
