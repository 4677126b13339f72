/**
 * The commands around policies. Those about a file need neither a gateway nor the network.
 *
 * @module
 */

import type { Argument, Command, Flag, Run } from "./command.ts";
import { OUTPUT_FLAG } from "./flags.ts";
import { PROOF_FLAGS, PROVE } from "./prove/command.ts";
import { POLICY_DELETE, POLICY_GET, POLICY_LIST, POLICY_SET } from "./policy_remote.ts";

const FILES: Argument = {
  name: "FILE",
  summary: "Policy file, or - for standard input",
  repeated: true,
  complete: "files",
};

const FILE: Argument = { name: "FILE", summary: FILES.summary, complete: "files" };

const CHECK: Command = {
  name: "check",
  summary: "Check policy files and say what to mend",
  description: [
    "Reads each file, reports everything that is wrong or doubtful with its line and, where there " +
    "is one, the fix. Exits with 0 when every file is valid, with 2 when one is not.",
  ],
  arguments: [FILES],
  flags: [
    {
      kind: "switch",
      name: "annotate",
      summary: "Also print each finding as a GitHub workflow annotation",
    },
    OUTPUT_FLAG,
  ],
  examples: [
    { purpose: "Check one policy", line: "openshell policy check policy.yaml" },
    {
      purpose: "Check all policies of a repository in a GitHub workflow",
      line: "openshell policy check --annotate policies/*.yaml",
    },
  ],
  load: () => loadRun("check"),
};

const REQUEST_FLAGS: readonly Flag[] = [
  {
    kind: "text",
    name: "method",
    value: "METHOD",
    summary: "HTTP method, or WEBSOCKET_TEXT for a client text message",
  },
  { kind: "text", name: "path", value: "PATH", summary: "Request path, raw as on the wire" },
  {
    kind: "text",
    name: "query",
    value: "KEY=VALUE",
    summary: "Query parameter, decoded, in addition to those of the path",
    repeated: true,
  },
  { kind: "text", name: "rpc-method", value: "METHOD", summary: "JSON-RPC or MCP method" },
  {
    kind: "switch",
    name: "stream",
    summary: "The request is a GET that waits for server-sent events of an MCP server",
  },
  { kind: "text", name: "tool", value: "TOOL", summary: "MCP tool that is called" },
  {
    kind: "text",
    name: "operation-type",
    value: "TYPE",
    summary: "GraphQL operation type",
    choices: ["query", "mutation", "subscription"],
  },
  { kind: "text", name: "operation-name", value: "NAME", summary: "GraphQL operation name" },
  { kind: "text", name: "field", value: "NAME", summary: "GraphQL root field", repeated: true },
  {
    kind: "text",
    name: "persisted-query",
    value: "ID",
    summary: "Id or hash of a persisted GraphQL query, in place of an operation",
  },
  { kind: "text", name: "command", value: "WORD", summary: "SQL command, such as SELECT" },
];

const EXPLAIN: Command = {
  name: "explain",
  summary: "Say what a policy decides about one request, and why",
  description: [
    "Answers with the verdict, the rule and the reason, and says of each rule that nearly matched " +
    "why it did not. Without --method and its kin the question is about the connection alone. " +
    "Exits with 0 when the question was answered, whatever the verdict.",
  ],
  arguments: [FILE],
  flags: [
    {
      kind: "text",
      name: "binary",
      value: "PATH",
      summary: "Executable that opens the connection",
      required: true,
      complete: "files",
    },
    {
      kind: "text",
      name: "ancestor",
      value: "PATH",
      summary: "Executable of a parent process, nearest first",
      repeated: true,
      complete: "files",
    },
    {
      kind: "text",
      name: "ancestors",
      value: "PATHS",
      summary: "Executables of the parent processes, nearest first, with commas between",
      repeated: true,
      separator: ",",
      hidden: true,
    },
    {
      kind: "text",
      name: "host",
      value: "HOST",
      summary: "Host name or address, raw as on the wire",
      required: true,
    },
    {
      kind: "integer",
      name: "port",
      value: "PORT",
      summary: "Port",
      required: true,
      min: 1,
      max: 65_535,
    },
    {
      kind: "text",
      name: "address",
      value: "IP",
      summary: "Address that the host resolves to; it is judged too",
      repeated: true,
    },
    ...REQUEST_FLAGS,
    OUTPUT_FLAG,
  ],
  examples: [
    {
      purpose: "May git fetch from GitHub?",
      line:
        "openshell policy explain policy.yaml --binary /usr/bin/git --host github.com --port 443",
    },
    {
      purpose: "May curl delete a repository there, in a form that a program reads?",
      line:
        "openshell policy explain policy.yaml --binary /usr/bin/curl --host api.github.com \\\n" +
        "    --port 443 --method DELETE --path /repos/example/demo -o json",
    },
  ],
  load: () => loadRun("explain"),
};

const FMT: Command = {
  name: "fmt",
  summary: "Print policy files in the one canonical form",
  description: [
    "Keeps the meaning and the comments. Prints to standard output unless --write or --check is " +
    "given. With --check nothing is written, and the exit code is 2 when a file is not canonical.",
  ],
  arguments: [FILES],
  flags: [
    { kind: "switch", name: "check", summary: "Only say which files are not in canonical form" },
    { kind: "switch", name: "write", summary: "Replace the files" },
  ],
  examples: [
    { purpose: "Format a policy in place", line: "openshell policy fmt --write policy.yaml" },
  ],
  load: () => loadRun("fmt"),
};

const DIFF: Command = {
  name: "diff",
  summary: "Compare what two policies mean",
  description: [
    "Compares rules, endpoints and callers by meaning: order, comments and spelling do not count.",
    "With --semantic the prover compares what passes: each row is a rule that opens or closes " +
    "something, with one request as a witness. It then exits with 0 when exactly the same passes, " +
    "1 when something differs, 2 for bad input, 3 without an answer, 4 when the engines contradict " +
    "each other.",
  ],
  arguments: [
    { name: "OLD", summary: "Policy file to compare from", complete: "files" },
    { name: "NEW", summary: "Policy file to compare to", complete: "files" },
  ],
  flags: [
    {
      kind: "switch",
      name: "semantic",
      summary: "Prove which requests pass one of the two and not the other",
    },
    ...PROOF_FLAGS,
    OUTPUT_FLAG,
  ],
  examples: [
    { purpose: "What is written differently?", line: "openshell policy diff old.yaml new.yaml" },
    {
      purpose: "What does my change permit?",
      line: "openshell policy diff --semantic old.yaml new.yaml",
    },
  ],
  load: () => loadRun("diff"),
};

const COMPILE: Command = {
  name: "compile",
  summary: "Compile a policy to the image that a sandbox loads",
  description: ["Prints the hash of the image. The same policy always gives the same image."],
  arguments: [FILE],
  flags: [
    {
      kind: "text",
      name: "output",
      short: "o",
      value: "IMAGE",
      summary: "File to write the image to",
      required: true,
      complete: "files",
    },
  ],
  examples: [
    { purpose: "Compile a policy", line: "openshell policy compile policy.yaml -o policy.img" },
  ],
  load: () => loadRun("compile"),
};

/** `openshell policy`. */
export const POLICY: Command = {
  name: "policy",
  aliases: ["pol"],
  section: "Sandbox",
  summary: "Check, explain and compare policies; set those of sandboxes",
  description: [
    "A policy says which programs in a sandbox may reach which hosts, and what they may ask there. " +
    "What it does not allow is denied.",
  ],
  commands: [
    CHECK,
    EXPLAIN,
    PROVE,
    FMT,
    DIFF,
    COMPILE,
    POLICY_SET,
    POLICY_GET,
    POLICY_LIST,
    POLICY_DELETE,
  ],
};

type Runs = typeof import("./policy_run.ts");

async function loadRun(verb: keyof Runs): Promise<Run> {
  return (await import("./policy_run.ts"))[verb];
}
