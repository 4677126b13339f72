/**
 * The commands around sandboxes.
 *
 * @module
 */

import type { Argument, Command, Flag } from "./command.ts";
import { OUTPUT_FLAG, OUTPUT_FORMATS, PAGE_FLAGS, REMOTE_FLAGS } from "./flags.ts";
import { SANDBOX_PROVIDER } from "./sandbox_provider.ts";
import { REFUSED_CREATE_FLAGS } from "./sandbox_flags.ts";

const NAME: Argument = {
  name: "NAME",
  summary: "Sandbox, else the last one that was used",
  optional: true,
  complete: "sandboxes",
};

const REQUIRED_NAME: Argument = { name: "NAME", summary: "Sandbox", complete: "sandboxes" };

const TTY_FLAGS: readonly Flag[] = [
  { kind: "switch", name: "tty", summary: "Give the program a terminal" },
  {
    kind: "switch",
    name: "no-tty",
    summary: "Give the program pipes; the default is a terminal where you have one",
  },
];

const ENV_FLAG: Flag = {
  kind: "text",
  name: "env",
  value: "KEY=VALUE",
  summary: "Environment variable of the program",
  repeated: true,
};

const ALL_FILES_FLAG: Flag = {
  kind: "switch",
  name: "no-git-ignore",
  summary: "Also send files that git ignores",
};

const PROVIDER_FLAGS: readonly Flag[] = [
  {
    kind: "text",
    name: "provider",
    value: "NAME",
    summary: "Provider whose credentials it uses and never sees; or a type, to make one",
    repeated: true,
    complete: "providers",
  },
  {
    kind: "switch",
    name: "auto-providers",
    summary: "Make providers that are missing from this machine's credentials, without asking",
  },
  { kind: "switch", name: "no-auto-providers", summary: "Make none; the default is to ask" },
];

const CREATE: Command = {
  name: "create",
  summary: "Create a sandbox, run a program in it and attach to it",
  description: [
    "The program is the main process of the sandbox: the sandbox ends with it. Without a command " +
    "it is a login shell. What the program may read, write and reach is up to the policy; " +
    "without one, it reaches nothing.",
    "Exits with the exit code of the program. A sandbox stays until it is deleted, unless " +
    "--no-keep is given.",
  ],
  flags: [
    { kind: "text", name: "name", value: "NAME", summary: "Name, else one is made up" },
    {
      kind: "text",
      name: "policy",
      value: "FILE",
      summary: "Policy file, else OPENSHELL_SANDBOX_POLICY, else nothing is reached",
      complete: "files",
    },
    {
      kind: "text",
      name: "bind",
      value: "DIR[:DEST][:ro]",
      summary: "Folder of this machine that the sandbox sees in place",
      repeated: true,
      complete: "directories",
    },
    {
      kind: "text",
      name: "unprotect",
      value: "PATH",
      summary: "Path in a bound folder, as .git/hooks, that may be written after all",
      repeated: true,
    },
    {
      kind: "text",
      name: "upload",
      value: "LOCAL[:REMOTE]",
      summary: "File or folder to copy into the sandbox before you attach",
      repeated: true,
      complete: "files",
    },
    ALL_FILES_FLAG,
    { kind: "text", name: "memory", value: "AMOUNT", summary: "Most memory, as 512Mi or 4Gi" },
    { kind: "text", name: "cpu", value: "AMOUNT", summary: "Most processors, as 500m, 1 or 2.5" },
    {
      kind: "integer",
      name: "pids",
      value: "N",
      summary: "Most processes and threads, init and shells counted",
      min: 8,
      max: 4_194_304,
    },
    ...PROVIDER_FLAGS,
    ENV_FLAG,
    {
      kind: "switch",
      name: "no-credential-warnings",
      summary: "Do not tell when a variable looks like a secret",
    },
    { kind: "text", name: "label", value: "KEY=VALUE", summary: "Label", repeated: true },
    {
      kind: "text",
      name: "forward",
      value: "[BIND:]PORT",
      summary: "Port of the sandbox to forward in the background",
    },
    ...TTY_FLAGS,
    { kind: "switch", name: "detach", summary: "Do not attach; print the name and return" },
    { kind: "switch", name: "no-keep", summary: "Delete the sandbox when the session ends" },
    {
      kind: "text",
      name: "driver-config-json",
      value: "JSON",
      summary: "Options for drivers, an object by driver name",
    },
    {
      kind: "text",
      name: "output",
      short: "o",
      value: "FORMAT",
      summary: "Do not attach; print the sandbox",
      choices: OUTPUT_FORMATS,
    },
    ...REFUSED_CREATE_FLAGS,
    ...REMOTE_FLAGS,
  ],
  passthrough: {
    name: "COMMAND",
    summary: "Program and its arguments, else a login shell",
    optional: true,
    repeated: true,
  },
  examples: [
    {
      purpose: "Let an agent work on this project, with a policy",
      line: "openshell sandbox create --policy policy.yaml --bind . -- claude",
    },
    {
      purpose: "Run one program with bounds, and leave nothing behind",
      line: "openshell sandbox create --no-keep --cpu 2 --memory 4Gi -- make test",
    },
    {
      purpose: "A sandbox for later, by its name",
      line: "openshell sandbox create --name docs-bot --label team=docs --detach",
    },
  ],
  load: async () => (await import("./sandbox/create.ts")).create,
};

const LIST: Command = {
  name: "list",
  summary: "List sandboxes",
  flags: [
    ...PAGE_FLAGS,
    {
      kind: "text",
      name: "selector",
      value: "KEY=VALUE,...",
      summary: "Only those with these labels",
    },
    { kind: "switch", name: "names", summary: "Print names alone, one a line" },
    { kind: "switch", name: "ids", summary: "Print ids alone, one a line" },
    { kind: "switch", name: "all-workspaces", summary: "List those of every workspace" },
    OUTPUT_FLAG,
    ...REMOTE_FLAGS,
  ],
  examples: [
    { purpose: "All of a team", line: "openshell sandbox list --selector team=docs" },
    { purpose: "For a program", line: "openshell sandbox list -o json" },
  ],
  load: async () => (await import("./sandbox/list.ts")).list,
};

const GET: Command = {
  name: "get",
  summary: "Show a sandbox and the policy in force",
  arguments: [NAME],
  flags: [
    { kind: "switch", name: "policy-only", summary: "Print the policy alone, as YAML" },
    OUTPUT_FLAG,
    ...REMOTE_FLAGS,
  ],
  examples: [
    { purpose: "How is it?", line: "openshell sandbox get docs-bot" },
    { purpose: "What may it do?", line: "openshell sandbox get docs-bot --policy-only" },
  ],
  load: async () => (await import("./sandbox/list.ts")).get,
};

const DELETE: Command = {
  name: "delete",
  summary: "Delete sandboxes with everything in them",
  description: ["One that is not there is told, and is no failure."],
  arguments: [{ ...REQUIRED_NAME, optional: true, repeated: true }],
  flags: [
    { kind: "switch", name: "all", summary: "Delete all sandboxes of the workspace" },
    ...REMOTE_FLAGS,
  ],
  examples: [{ purpose: "Delete two", line: "openshell sandbox delete docs-bot web-bot" }],
  load: async () => (await import("./sandbox/lifecycle.ts")).remove,
};

const STOP: Command = {
  name: "stop",
  summary: "Stop a sandbox and keep its files",
  arguments: [NAME],
  flags: REMOTE_FLAGS,
  examples: [{ purpose: "Stop one", line: "openshell sandbox stop docs-bot" }],
  load: async () => (await import("./sandbox/lifecycle.ts")).stop,
};

const START: Command = {
  name: "start",
  summary: "Start a sandbox that was stopped",
  arguments: [NAME],
  flags: REMOTE_FLAGS,
  examples: [{ purpose: "Start it again", line: "openshell sandbox start docs-bot" }],
  load: async () => (await import("./sandbox/lifecycle.ts")).start,
};

const EXEC: Command = {
  name: "exec",
  summary: "Run a further program in a sandbox",
  description: [
    "Standard input goes to the program, its output comes back, and its exit code is the exit " +
    "code. Put -- before a program whose arguments start with a dash.",
  ],
  arguments: [{ name: "COMMAND", summary: "Program and its arguments", repeated: true }],
  flags: [
    {
      kind: "text",
      name: "name",
      short: "n",
      value: "NAME",
      summary: "Sandbox, else the last one that was used",
      complete: "sandboxes",
    },
    {
      kind: "text",
      name: "workdir",
      value: "DIR",
      summary: "Folder to run in, else the workspace",
    },
    {
      kind: "integer",
      name: "timeout",
      value: "SECONDS",
      summary: "End it after this time, with exit code 124; 0 is never",
      min: 0,
      max: 31_536_000,
      default: 0,
    },
    ...TTY_FLAGS,
    ENV_FLAG,
    ...REMOTE_FLAGS,
  ],
  examples: [
    { purpose: "What is there?", line: "openshell sandbox exec -n docs-bot -- ls -la" },
    { purpose: "A shell", line: "openshell sandbox exec -n docs-bot bash" },
  ],
  load: async () => (await import("./sandbox/exec.ts")).exec,
};

const CONNECT: Command = {
  name: "connect",
  summary: "Attach to the main process of a sandbox",
  description: [
    "Shows what it printed before, then follows it. Ctrl-P Ctrl-Q leaves and lets it run. One " +
    "person at a time types; others watch.",
  ],
  arguments: [NAME],
  flags: [
    { kind: "switch", name: "read-only", summary: "Only watch" },
    { kind: "text", name: "editor", value: "NAME", summary: "Editor to open", hidden: true },
    ...REMOTE_FLAGS,
  ],
  examples: [{ purpose: "Go back to it", line: "openshell sandbox connect docs-bot" }],
  load: async () => (await import("./sandbox/exec.ts")).connect,
};

const UPLOAD: Command = {
  name: "upload",
  summary: "Copy a file or folder into a sandbox",
  description: [
    "In a git work tree, what git ignores is left out. A folder arrives by its own name below " +
    "DEST; a file arrives as DEST, or in it where DEST ends in a slash.",
  ],
  arguments: [
    REQUIRED_NAME,
    { name: "LOCAL", summary: "File or folder of this machine", complete: "files" },
    { name: "DEST", summary: "Where it goes in the sandbox, else the workspace", optional: true },
  ],
  flags: [ALL_FILES_FLAG, ...REMOTE_FLAGS],
  examples: [
    { purpose: "This project", line: "openshell sandbox upload docs-bot ." },
    {
      purpose: "One file, under another name",
      line: "openshell sandbox upload docs-bot notes.md /sandbox/docs/README.md",
    },
  ],
  load: async () => (await import("./sandbox/transfer.ts")).upload,
};

const DOWNLOAD: Command = {
  name: "download",
  summary: "Copy a file or folder out of a sandbox",
  description: [
    "Only from the workspace. What is in a folder goes into DEST. Links that may lead out of DEST " +
    "are refused, and then nothing is written.",
    'What programs of this machine run or trust without being asked, as ".git" and ".envrc", comes ' +
    "only into a folder that is new or empty, with a warning.",
  ],
  arguments: [
    REQUIRED_NAME,
    { name: "PATH", summary: "File or folder of the sandbox" },
    { name: "DEST", summary: "Where it goes, else here", optional: true, complete: "directories" },
  ],
  flags: [
    {
      kind: "switch",
      name: "force",
      summary: "Write such files into a folder that is in use, too",
    },
    ...REMOTE_FLAGS,
  ],
  examples: [
    {
      purpose: "What it made",
      line: "openshell sandbox download docs-bot /sandbox/site ./site",
    },
  ],
  load: async () => (await import("./sandbox/transfer.ts")).download,
};

/** `openshell sandbox`. */
export const SANDBOX: Command = {
  name: "sandbox",
  aliases: ["sb"],
  section: "Sandbox",
  summary: "Create sandboxes, run programs in them, copy files, delete them",
  commands: [
    CREATE,
    LIST,
    GET,
    DELETE,
    STOP,
    START,
    EXEC,
    CONNECT,
    UPLOAD,
    DOWNLOAD,
    SANDBOX_PROVIDER,
  ],
};
