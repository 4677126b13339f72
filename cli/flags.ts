/**
 * Flags that several commands share.
 *
 * @module
 */

import type { Flag, TextFlag } from "./command.ts";

/** Accepted by every command, before or after the verb. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  { kind: "switch", name: "help", short: "h", summary: "Show help for the command and exit" },
  { kind: "switch", name: "version", short: "V", summary: "Show the version and exit" },
  {
    kind: "count",
    name: "verbose",
    short: "v",
    summary: "Show the causes of errors",
  },
];

/** Accepted by every command that talks to a gateway, which lists them. */
export const GATEWAY_FLAGS: readonly Flag[] = [
  {
    kind: "text",
    name: "gateway",
    short: "g",
    value: "NAME",
    summary: "Registered gateway to use, else OPENSHELL_GATEWAY, else the active one",
    complete: "gateways",
  },
  {
    kind: "text",
    name: "gateway-endpoint",
    value: "URL",
    summary: "Gateway to use by its URL, else OPENSHELL_GATEWAY_ENDPOINT",
  },
  {
    kind: "switch",
    name: "gateway-insecure",
    summary: "Do not check the gateway's certificate; also OPENSHELL_GATEWAY_INSECURE=1",
  },
];

/** In addition, for commands about what is in a workspace. */
export const WORKSPACE_FLAG: TextFlag = {
  kind: "text",
  name: "workspace",
  value: "NAME",
  summary: 'Workspace, else OPENSHELL_WORKSPACE, else "default"',
};

/** What most commands that talk to a gateway list. */
export const REMOTE_FLAGS: readonly Flag[] = [WORKSPACE_FLAG, ...GATEWAY_FLAGS];

/** Which part of a long list. */
export const PAGE_FLAGS: readonly Flag[] = [
  {
    kind: "integer",
    name: "limit",
    value: "N",
    summary: "Most to list",
    min: 1,
    max: 1_000,
    default: 100,
  },
  {
    kind: "integer",
    name: "offset",
    value: "N",
    summary: "Leave out the first",
    min: 0,
    max: 1_000_000,
    default: 0,
  },
];

/** Formats of a result. */
export const OUTPUT_FORMATS = ["table", "json", "yaml"] as const;

/** One of {@link OUTPUT_FORMATS}. */
export type OutputFormat = typeof OUTPUT_FORMATS[number];

/** Format of the result. A command that has one lists this flag, and reads it in `output.ts`. */
export const OUTPUT_FLAG: TextFlag = {
  kind: "text",
  name: "output",
  short: "o",
  value: "FORMAT",
  summary: "Format of the result on standard output",
  choices: OUTPUT_FORMATS,
  default: "table",
};
