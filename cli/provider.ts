/**
 * The commands around providers of credentials.
 *
 * @module
 */

import type { Argument, Command, Flag, Run } from "./command.ts";
import { OUTPUT_FLAG, PAGE_FLAGS, REMOTE_FLAGS } from "./flags.ts";
import { LIST_PROFILES, PROFILE, REKEY } from "./provider_profile.ts";
import { REFRESH } from "./provider_refresh.ts";

const NAME: Argument = { name: "NAME", summary: "Provider", complete: "providers" };

const CREDENTIAL_FLAG: Flag = {
  kind: "text",
  name: "credential",
  value: "KEY[=VALUE]",
  summary: "Credential; without a value, that of the variable KEY",
  repeated: true,
};

const CONFIG_FLAG: Flag = {
  kind: "text",
  name: "config",
  value: "KEY=VALUE",
  summary: "What is no secret, as OPENAI_BASE_URL",
  repeated: true,
};

const EXISTING_FLAG: Flag = {
  kind: "switch",
  name: "from-existing",
  summary: "Take the credentials that this machine has for the type",
};

const ADC_FLAG: Flag = {
  kind: "switch",
  name: "from-gcloud-adc",
  summary: "Have tokens made from what you have granted to gcloud, for types of Google",
};

const EXPIRY_FLAG: Flag = {
  kind: "text",
  name: "credential-expires-at",
  value: "KEY=TIME",
  summary: "When a credential ends: RFC 3339, or milliseconds since 1970; 0 is never",
  repeated: true,
};

const CREATE: Command = {
  name: "create",
  summary: "Keep credentials at the gateway, for sandboxes that never see them",
  description: [
    "A sandbox with the provider has placeholders in its variables. The proxy puts the values in " +
    "their place, on the way to the hosts of the provider's type and nowhere else.",
    "Write --credential KEY without a value: what you type stays in the history of your shell.",
  ],
  flags: [
    { kind: "text", name: "name", value: "NAME", summary: "Name", required: true },
    {
      kind: "text",
      name: "type",
      value: "TYPE",
      summary: 'Type, see "openshell provider list-profiles"; generic is bound by a policy',
      required: true,
    },
    EXISTING_FLAG,
    CREDENTIAL_FLAG,
    ADC_FLAG,
    {
      kind: "switch",
      name: "runtime-credentials",
      summary: "Keep none: something else makes them while a sandbox runs",
    },
    CONFIG_FLAG,
    EXPIRY_FLAG,
    {
      kind: "switch",
      name: "global-profile",
      summary: "Use the profile for all workspaces, also where this one has its own",
    },
    OUTPUT_FLAG,
    ...REMOTE_FLAGS,
  ],
  examples: [
    {
      purpose: "The token of this shell's variable",
      line: "openshell provider create --name github --type github --credential GITHUB_TOKEN",
    },
    {
      purpose: "Whatever this machine has for an agent",
      line: "openshell provider create --name claude --type claude-code --from-existing",
    },
    {
      purpose: 'Google Cloud, after "gcloud auth application-default login"',
      line: "openshell provider create --name cloud --type google-cloud --from-gcloud-adc",
    },
  ],
  load: () => loadRecords("create"),
};

const GET: Command = {
  name: "get",
  summary: "Show a provider, without its values",
  arguments: [NAME],
  flags: [OUTPUT_FLAG, ...REMOTE_FLAGS],
  examples: [{ purpose: "What does it have?", line: "openshell provider get github" }],
  load: () => loadRecords("get"),
};

const LIST: Command = {
  name: "list",
  summary: "List providers",
  flags: [
    ...PAGE_FLAGS,
    { kind: "switch", name: "names", summary: "Print names alone, one a line" },
    { kind: "switch", name: "all-workspaces", summary: "List those of every workspace" },
    OUTPUT_FLAG,
    ...REMOTE_FLAGS,
  ],
  examples: [{ purpose: "Which are there?", line: "openshell provider list" }],
  load: () => loadRecords("list"),
};

const UPDATE: Command = {
  name: "update",
  summary: "Change credentials or config of a provider; sandboxes feel it at once",
  description: [
    "What is not named stays. An empty value, as in --credential KEY=, takes a key away.",
  ],
  arguments: [NAME],
  flags: [EXISTING_FLAG, CREDENTIAL_FLAG, CONFIG_FLAG, EXPIRY_FLAG, OUTPUT_FLAG, ...REMOTE_FLAGS],
  examples: [
    {
      purpose: "A new token, from the variable",
      line: "openshell provider update github --credential GITHUB_TOKEN",
    },
  ],
  load: () => loadRecords("update"),
};

const DELETE: Command = {
  name: "delete",
  summary: "Delete providers with their credentials",
  description: [
    "Refused while a sandbox has it. One that is not there is told, and is no failure.",
  ],
  arguments: [{ ...NAME, repeated: true }],
  flags: REMOTE_FLAGS,
  examples: [{ purpose: "Delete one", line: "openshell provider delete github" }],
  load: () => loadRecords("remove"),
};

/** `openshell provider`. */
export const PROVIDER: Command = {
  name: "provider",
  aliases: ["prov"],
  section: "Credentials",
  summary: "Keep credentials that sandboxes use and never see",
  commands: [CREATE, LIST, GET, UPDATE, DELETE, LIST_PROFILES, PROFILE, REFRESH, REKEY],
};

async function loadRecords(verb: keyof typeof import("./provider/records.ts")): Promise<Run> {
  return (await import("./provider/records.ts"))[verb];
}
