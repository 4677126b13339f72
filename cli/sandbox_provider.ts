/**
 * The commands around the providers of one sandbox.
 *
 * @module
 */

import type { Argument, Command, Run } from "./command.ts";
import { OUTPUT_FLAG, REMOTE_FLAGS } from "./flags.ts";

const SANDBOX_NAME: Argument = { name: "NAME", summary: "Sandbox", complete: "sandboxes" };

const PROVIDER_NAME: Argument = {
  name: "PROVIDER",
  summary: "Provider",
  complete: "providers",
};

/** `openshell sandbox provider`. */
export const SANDBOX_PROVIDER: Command = {
  name: "provider",
  summary: "Give a running sandbox credentials, and take them away",
  commands: [
    {
      name: "list",
      summary: "List the providers of a sandbox",
      arguments: [{ ...SANDBOX_NAME, optional: true }],
      flags: [OUTPUT_FLAG, ...REMOTE_FLAGS],
      examples: [{ purpose: "What may it use?", line: "openshell sandbox provider list docs-bot" }],
      load: () => loadRun("list"),
    },
    {
      name: "attach",
      summary: "Give a sandbox a provider, for programs that start from now on",
      arguments: [SANDBOX_NAME, PROVIDER_NAME],
      flags: REMOTE_FLAGS,
      examples: [
        { purpose: "Give it GitHub", line: "openshell sandbox provider attach docs-bot github" },
      ],
      load: () => loadRun("attach"),
    },
    {
      name: "detach",
      summary: "Take a provider away, from every program at once",
      arguments: [SANDBOX_NAME, PROVIDER_NAME],
      flags: REMOTE_FLAGS,
      examples: [
        { purpose: "Take it away", line: "openshell sandbox provider detach docs-bot github" },
      ],
      load: () => loadRun("detach"),
    },
  ],
};

async function loadRun(verb: keyof typeof import("./provider/attachments.ts")): Promise<Run> {
  return (await import("./provider/attachments.ts"))[verb];
}
