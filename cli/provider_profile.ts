/**
 * The commands around profiles of providers.
 *
 * @module
 */

import type { Argument, Command, Flag, Run } from "./command.ts";
import { OUTPUT_FLAG, OUTPUT_FORMATS, REMOTE_FLAGS } from "./flags.ts";

const ID: Argument = { name: "ID", summary: "Profile, which is a type of provider" };

const GLOBAL_FLAG: Flag = {
  kind: "switch",
  name: "global",
  summary: "Profiles for all workspaces, in place of those of one",
};

const FILE_FLAG: Flag = {
  kind: "text",
  name: "file",
  short: "f",
  value: "FILE",
  summary: "Profile, YAML or JSON; - for standard input",
  complete: "files",
};

const FROM_FLAG: Flag = {
  kind: "text",
  name: "from",
  value: "DIR",
  summary: "Folder whose .yaml, .yml and .json files are profiles",
  complete: "directories",
};

/** `openshell provider list-profiles`. */
export const LIST_PROFILES: Command = {
  name: "list-profiles",
  summary: "List types of providers, and how many hosts each is for",
  flags: [GLOBAL_FLAG, OUTPUT_FLAG, ...REMOTE_FLAGS],
  examples: [{ purpose: "Which are there?", line: "openshell provider list-profiles" }],
  load: () => loadRun("listProfiles"),
};

/** `openshell provider rekey`. */
export const REKEY: Command = {
  name: "rekey",
  summary: "Change the key that encrypts credentials at rest",
  description: [
    "The gateway makes a new key file and encrypts the key of each credential with it. The former " +
    "file opens nothing then. One that is interrupted goes on when it is run again.",
  ],
  flags: REMOTE_FLAGS,
  examples: [{ purpose: "After the key file was copied", line: "openshell provider rekey" }],
  load: () => loadRun("rekey"),
};

/** `openshell provider profile`. */
export const PROFILE: Command = {
  name: "profile",
  summary: "Describe types of providers: what they need, and where it belongs",
  commands: [
    {
      name: "export",
      summary: "Print a profile as a file has it",
      arguments: [ID],
      flags: [
        GLOBAL_FLAG,
        {
          kind: "text",
          name: "output",
          short: "o",
          value: "FORMAT",
          summary: "Format of the file",
          choices: OUTPUT_FORMATS.filter((format) => format !== "table"),
          default: "yaml",
        },
        ...REMOTE_FLAGS,
      ],
      examples: [{ purpose: "As a pattern", line: "openshell provider profile export github" }],
      load: () => loadRun("exportProfile"),
    },
    {
      name: "import",
      summary: "Give the gateway profiles of your own: all of them, or none",
      flags: [FILE_FLAG, FROM_FLAG, GLOBAL_FLAG, ...REMOTE_FLAGS],
      examples: [
        { purpose: "One", line: "openshell provider profile import -f acme-tickets.yaml" },
      ],
      load: () => loadRun("importProfiles"),
    },
    {
      name: "update",
      summary: "Replace a profile; sandboxes with a provider of the type feel it at once",
      description: ["The file has the resource_version that it was exported with."],
      arguments: [ID],
      flags: [FILE_FLAG, GLOBAL_FLAG, ...REMOTE_FLAGS],
      examples: [
        {
          purpose: "After it was exported and edited",
          line: "openshell provider profile update acme-tickets -f acme-tickets.yaml",
        },
      ],
      load: () => loadRun("updateProfile"),
    },
    {
      name: "lint",
      summary: "Say what is wrong with profiles, without a gateway",
      flags: [FILE_FLAG, FROM_FLAG],
      examples: [
        { purpose: "All of a folder", line: "openshell provider profile lint --from profiles" },
      ],
      load: () => loadRun("lintProfiles"),
    },
    {
      name: "delete",
      summary: "Delete a profile that no provider is of",
      arguments: [ID],
      flags: [GLOBAL_FLAG, ...REMOTE_FLAGS],
      examples: [
        { purpose: "Delete it", line: "openshell provider profile delete acme-tickets" },
      ],
      load: () => loadRun("deleteProfile"),
    },
  ],
};

async function loadRun(verb: keyof typeof import("./provider/profiles.ts")): Promise<Run> {
  return (await import("./provider/profiles.ts"))[verb];
}
