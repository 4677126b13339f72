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
