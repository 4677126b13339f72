/**
 * The commands around the policies of sandboxes, which a gateway keeps.
 *
 * @module
 */

import type { Argument, Command, Flag, Run } from "./command.ts";
import { OUTPUT_FLAG, REMOTE_FLAGS } from "./flags.ts";

/** Heading under which they are listed. */
const SECTION = "Policies of sandboxes";

const NAME: Argument = {
  name: "NAME",
  summary: "Sandbox, else the last one that was used",
  optional: true,
  complete: "sandboxes",
};

const GLOBAL_FLAG: Flag = {
  kind: "switch",
  name: "global",
  summary: "The policy for all sandboxes, in place of that of one",
};

const YES_FLAG: Flag = { kind: "switch", name: "yes", summary: "Do not ask for confirmation" };

/** `openshell policy set`. */
export const POLICY_SET: Command = {
  name: "set",
  section: SECTION,
  summary: "Give a running sandbox another policy",
  description: [
    "The file is checked here first. Only rules about the network may differ from the policy that " +
    "the sandbox was created with; connections that the new policy does not allow are closed.",
    "Where there are claims, a ceiling or a floor in ~/.config/openshell/proof, the gateway proves " +
    "the policy first and refuses what is refuted or comes to no answer.",
    "With --wait, exits with 1 when the sandbox rejects the policy, with 124 when it says nothing " +
    "in time.",
  ],
  arguments: [NAME],
  flags: [
    {
      kind: "text",
      name: "policy",
      value: "FILE",
      summary: "Policy file, or - for standard input",
      required: true,
      complete: "files",
    },
    { kind: "switch", name: "wait", summary: "Wait until the sandbox has loaded it" },
    {
      kind: "integer",
      name: "timeout",
      value: "SECONDS",
      summary: "How long to wait",
      min: 1,
      max: 86_400,
      default: 60,
    },
    {
      kind: "switch",
      name: "force",
      summary: "Take it although it is not proved, which is recorded",
    },
    GLOBAL_FLAG,
    YES_FLAG,
    ...REMOTE_FLAGS,
  ],
  examples: [
    {
      purpose: "Change what it may reach, and wait until that holds",
      line: "openshell policy set docs-bot --policy policy.yaml --wait",
    },
  ],
  load: () => loadRun("set"),
};

/** `openshell policy get`. */
export const POLICY_GET: Command = {
  name: "get",
  section: SECTION,
  summary: "Show the policy that is in force, or an earlier one",
  arguments: [NAME],
  flags: [
    {
      kind: "integer",
      name: "rev",
      value: "N",
      summary: "Revision as it was set; 0 is what is in force",
      min: 0,
      max: 4_294_967_295,
      default: 0,
    },
    { kind: "switch", name: "full", summary: "Print the policy as well, as YAML" },
    { kind: "switch", name: "base", summary: "As --full, without what providers add" },
    GLOBAL_FLAG,
    OUTPUT_FLAG,
    ...REMOTE_FLAGS,
  ],
  examples: [
    { purpose: "What may it do now?", line: "openshell policy get docs-bot --full" },
    { purpose: "Edit it, and set it again", line: "openshell policy get docs-bot --base >p.yaml" },
    { purpose: "Did the third one load?", line: "openshell policy get docs-bot --rev 3" },
  ],
  load: () => loadRun("get"),
};

/** `openshell policy list`. */
export const POLICY_LIST: Command = {
  name: "list",
  section: SECTION,
  summary: "List the revisions of a policy",
  arguments: [NAME],
  flags: [
    {
      kind: "integer",
      name: "limit",
      value: "N",
      summary: "Most to list",
      min: 1,
      max: 1_000,
      default: 20,
    },
    GLOBAL_FLAG,
    OUTPUT_FLAG,
    ...REMOTE_FLAGS,
  ],
  examples: [{ purpose: "What was set?", line: "openshell policy list docs-bot" }],
  load: () => loadRun("list"),
};

/** `openshell policy delete`. */
export const POLICY_DELETE: Command = {
  name: "delete",
  section: SECTION,
  summary: "Delete the policy for all sandboxes, so that each has its own again",
  flags: [GLOBAL_FLAG, YES_FLAG, ...REMOTE_FLAGS],
  examples: [{ purpose: "Delete it", line: "openshell policy delete --global" }],
  load: () => loadRun("remove"),
};

type Runs = typeof import("./policy_remote_run.ts");

async function loadRun(verb: keyof Runs): Promise<Run> {
  return (await import("./policy_remote_run.ts"))[verb];
}
