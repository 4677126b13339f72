/**
 * The commands that say whether OpenShell works here.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { GATEWAY_FLAGS, OUTPUT_FLAG } from "./flags.ts";

/** `openshell status`. */
export const STATUS: Command = {
  name: "status",
  section: "Gateway",
  summary: "Say whether the gateway answers, and whether it knows you",
  description: ["Starts nothing."],
  flags: [OUTPUT_FLAG, ...GATEWAY_FLAGS],
  examples: [
    { purpose: "Is it there?", line: "openshell status" },
    { purpose: "For a program", line: "openshell status -o json" },
  ],
  load: async () => (await import("./status_run.ts")).status,
};

/** `openshell doctor`. */
export const DOCTOR: Command = {
  name: "doctor",
  aliases: ["dr"],
  section: "Gateway",
  summary: "Say what this machine lacks to run sandboxes",
  description: ["Says how to mend it as well. Exits with 1 when something needed is missing."],
  arguments: [{ name: "WHAT", summary: "What to look at", optional: true, choices: ["check"] }],
  flags: [OUTPUT_FLAG, ...GATEWAY_FLAGS],
  examples: [{ purpose: "What is missing?", line: "openshell doctor" }],
  load: async () => (await import("./status_run.ts")).doctor,
};
