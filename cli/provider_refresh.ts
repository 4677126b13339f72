/**
 * The commands around credentials that the gateway makes anew.
 *
 * @module
 */

import { REFRESH_STRATEGIES } from "../gateway/client/refresh_types.ts";
import type { Argument, Command, Flag, Run, TextFlag } from "./command.ts";
import { OUTPUT_FLAG, REMOTE_FLAGS } from "./flags.ts";

const NAME: Argument = { name: "NAME", summary: "Provider", complete: "providers" };

const KEY_FLAG: TextFlag = {
  kind: "text",
  name: "credential-key",
  value: "KEY",
  summary: "Credential: the variable that programs have",
  required: true,
};

const CONFIGURE_FLAGS: readonly Flag[] = [
  KEY_FLAG,
  {
    kind: "text",
    name: "strategy",
    value: "STRATEGY",
    summary: "How values are made, as the profile says it",
    choices: REFRESH_STRATEGIES,
    required: true,
  },
  {
    kind: "text",
    name: "material",
    value: "KEY=VALUE",
    summary: "Piece of what values are made with, as client_id",
    repeated: true,
  },
  {
    kind: "text",
    name: "secret-material-env",
    value: "KEY[=VARIABLE]",
    summary: "Secret piece, from a variable of this shell; without one, from that of its name",
    repeated: true,
  },
  {
    kind: "text",
    name: "secret-material-key",
    value: "KEY",
    summary: "Name of a piece of --material that is secret too",
    repeated: true,
  },
  {
    kind: "text",
    name: "credential-expires-at",
    value: "TIME",
    summary: "When the value that is there ends: RFC 3339, or milliseconds since 1970",
  },
  OUTPUT_FLAG,
  ...REMOTE_FLAGS,
];

const CONFIGURE: Command = {
  name: "configure",
  summary: "Let the gateway make values of a credential, before each one ends",
  description: [
    "The profile of the provider's type says where from: its credential has a refresh section with " +
    "strategy, token_url and scopes. What you give here stays at the gateway, and no sandbox has it.",
    "oauth2-refresh-token takes client_id, refresh_token and, where there is one, client_secret; " +
    "oauth2-client-credentials takes client_id and client_secret; both take the tenant_id of " +
    "Microsoft. google-service-account-jwt takes client_email, private_key and a subject. " +
    "aws-sts-assume-role takes role_arn, aws_access_key_id, aws_secret_access_key and, where you " +
    "want, aws_session_token, aws_region, session_name and external_id.",
    "Programs that run keep their placeholder over all values. To configure it again is another " +
    "authorization: then the former placeholder opens nothing any more.",
  ],
  arguments: [NAME],
  flags: CONFIGURE_FLAGS,
  examples: [
    {
      purpose: "A mailbox, with a refresh token of this shell's variable",
      line: "openshell provider refresh configure graph --credential-key MS_GRAPH_ACCESS_TOKEN " +
        "--strategy oauth2-refresh-token --material client_id=ID " +
        "--secret-material-env refresh_token=MS_REFRESH_TOKEN",
    },
  ],
  load: () => loadRefresh("configure"),
};

const ROTATE: Command = {
  name: "rotate",
  summary: "Make a new value now; sandboxes feel it at once",
  description: ["Programs that run keep their placeholder. When it fails, the former value stays."],
  arguments: [NAME],
  flags: [KEY_FLAG, OUTPUT_FLAG, ...REMOTE_FLAGS],
  examples: [
    {
      purpose: "Does it work?",
      line: "openshell provider refresh rotate graph --credential-key MS_GRAPH_ACCESS_TOKEN",
    },
  ],
  load: () => loadRefresh("rotate"),
};

const STATUS: Command = {
  name: "status",
  summary: "Show when values end, when the next are made, and what went wrong",
  arguments: [NAME],
  flags: [
    {
      ...KEY_FLAG,
      required: false,
      summary: "This credential alone, in place of all of the provider",
    },
    OUTPUT_FLAG,
    ...REMOTE_FLAGS,
  ],
  examples: [{ purpose: "How does it fare?", line: "openshell provider refresh status graph" }],
  load: () => loadRefresh("status"),
};

const DELETE: Command = {
  name: "delete",
  summary: "Make no more values; the last one stays until it ends",
  description: [
    "What they were made with is forgotten. Programs that run lose their placeholder, and further " +
    'values are yours to set, with "openshell provider update".',
  ],
  arguments: [NAME],
  flags: [KEY_FLAG, ...REMOTE_FLAGS],
  examples: [
    {
      purpose: "Stop it",
      line: "openshell provider refresh delete graph --credential-key MS_GRAPH_ACCESS_TOKEN",
    },
  ],
  load: () => loadRefresh("remove"),
};

/** `openshell provider refresh`. */
export const REFRESH: Command = {
  name: "refresh",
  summary: "Let the gateway make short-lived credentials anew by itself",
  commands: [CONFIGURE, ROTATE, STATUS, DELETE],
};

async function loadRefresh(verb: keyof typeof import("./provider/refresh.ts")): Promise<Run> {
  return (await import("./provider/refresh.ts"))[verb];
}
