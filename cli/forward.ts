/**
 * The commands that make ports of a sandbox reachable on this machine.
 *
 * @module
 */

import type { Argument, Command, Run } from "./command.ts";
import { OUTPUT_FLAG, REMOTE_FLAGS } from "./flags.ts";

const NAME: Argument = {
  name: "NAME",
  summary: "Sandbox, else the last one that was used",
  optional: true,
  complete: "sandboxes",
};

const START: Command = {
  name: "start",
  summary: "Forward a port of this machine to the same port of a sandbox",
  description: [
    "A program in the sandbox that listens on 127.0.0.1 is then reached here. Only this machine " +
    "can connect, unless BIND says otherwise.",
  ],
  arguments: [{ name: "PORT", summary: "Port, as 8080, or BIND:PORT, as 0.0.0.0:8080" }, NAME],
  flags: [
    { kind: "switch", name: "detach", short: "d", summary: "Go on in the background" },
    ...REMOTE_FLAGS,
  ],
  examples: [
    { purpose: "Until Ctrl-C", line: "openshell forward start 8080 docs-bot" },
    { purpose: "In the background", line: "openshell forward start 8080 docs-bot -d" },
  ],
  load: () => loadRun("start"),
};

const LIST: Command = {
  name: "list",
  summary: "List forwards in the background",
  flags: [OUTPUT_FLAG],
  examples: [{ purpose: "Which are there?", line: "openshell forward list" }],
  load: () => loadRun("list"),
};

const STOP: Command = {
  name: "stop",
  summary: "End a forward in the background",
  arguments: [{ name: "PORT", summary: "Port that is forwarded" }, NAME],
  examples: [{ purpose: "End it", line: "openshell forward stop 8080" }],
  load: () => loadRun("stop"),
};

/** `openshell forward`. */
export const FORWARD: Command = {
  name: "forward",
  aliases: ["fwd"],
  section: "Sandbox",
  summary: "Reach ports of a sandbox from this machine",
  commands: [START, LIST, STOP],
};

type Runs = typeof import("./forward_run.ts");

async function loadRun(verb: keyof Runs): Promise<Run> {
  return (await import("./forward_run.ts"))[verb];
}
