/**
 * The command that shows what happened in and around a sandbox.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { REMOTE_FLAGS } from "./flags.ts";

/** `openshell logs`. */
export const LOGS: Command = {
  name: "logs",
  aliases: ["lg"],
  section: "Sandbox",
  summary: "Show what a sandbox did, what it was denied, and why",
  description: [
    "Every decision of a policy is one event. Events are chained by their hashes: with --verify, " +
    "a line that was changed or is missing shows, and the exit code is 1.",
  ],
  arguments: [
    {
      name: "NAME",
      summary: "Sandbox, else the last one that was used",
      optional: true,
      complete: "sandboxes",
    },
  ],
  flags: [
    {
      kind: "integer",
      name: "lines",
      short: "n",
      value: "N",
      summary: "Newest lines to show",
      min: 1,
      max: 100_000,
      default: 200,
    },
    { kind: "switch", name: "tail", summary: "Go on with new lines until Ctrl-C" },
    {
      kind: "text",
      name: "since",
      value: "AGE",
      summary: "Only lines that are not older, as 30s, 5m, 1h or 2d",
    },
    {
      kind: "text",
      name: "level",
      value: "LEVEL",
      summary: "Least level to show",
      choices: ["error", "warn", "info", "debug", "trace"],
    },
    {
      kind: "text",
      name: "source",
      value: "SOURCE",
      summary: "Only lines of this source",
      choices: ["all", "gateway", "sandbox"],
      repeated: true,
    },
    {
      kind: "text",
      name: "output",
      short: "o",
      value: "FORMAT",
      summary: "Lines for a person, or events as they are stored, one a line",
      choices: ["text", "jsonl"],
      default: "text",
    },
    { kind: "switch", name: "verify", summary: "Check the chain of events instead" },
    ...REMOTE_FLAGS,
  ],
  examples: [
    { purpose: "What does it do now?", line: "openshell logs docs-bot --tail" },
    { purpose: "Events of the last hour", line: "openshell logs docs-bot --since 1h -o jsonl" },
    { purpose: "Was anything changed?", line: "openshell logs docs-bot --verify" },
  ],
  load: async () => (await import("./logs_run.ts")).logs,
};
