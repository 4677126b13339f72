/**
 * A further program in a running sandbox, for one person at the other end of a relay.
 *
 * @module
 */

import type { EventSink } from "../events/audit_event.ts";
import type { Jail, JailProcess } from "../launch/jail.ts";
import type { JailCommand } from "../launch/jail_spec.ts";
import { handleInputs } from "./handle_inputs.ts";
import type { ProcessChannel } from "./process_channel.ts";
import { ProcessTree } from "./process_tree.ts";
import { readOutput } from "./read_output.ts";

/** Exit code of a program that was ended for its time limit, as `timeout` has it. */
const EXIT_TIMED_OUT = 124;

export interface RunOptions {
  /** `null` is no limit. */
  readonly timeoutMs: number | null;
  readonly events: EventSink;
}

/**
 * Runs the command to its end. When the person goes, or its time is over, the program is killed, with
 * its process group and what it has started.
 */
export async function runCommand(
  jail: Jail,
  command: JailCommand,
  channel: ProcessChannel,
  { timeoutMs, events }: RunOptions,
): Promise<void> {
  const process = await jail.spawn(command);
  const tree = new ProcessTree(process.pid);
  const [binary] = command.argv;
  events.record({ kind: "process", activity: "launch", role: "exec", binary, pid: process.pid });
  let timedOut = false;
  let ended = false;
  const timer = timeoutMs === null ? undefined : setTimeout(() => {
    timedOut = true;
    void kill(process, tree);
  }, timeoutMs);
  const inputs = handleInputs(channel.inputs, process, () => true)
    .catch(() => {})
    .then(() => ended ? undefined : kill(process, tree));
  let listens = true;
  const { code } = await readOutput(process, async (chunk) => {
    // Read to the end also when nobody listens any more, so that the program can end.
    if (!listens) return;
    listens = await channel.send(chunk);
    if (!listens) await kill(process, tree);
  });
  ended = true;
  clearTimeout(timer);
  const exitCode = timedOut ? EXIT_TIMED_OUT : code;
  events.record({
    kind: "process",
    activity: "terminate",
    role: "exec",
    binary,
    pid: process.pid,
    exitCode,
    timedOut,
  });
  await channel.send({ kind: "exit", code: exitCode });
  void inputs;
}

/** The program may have ended just now: then there is nothing to kill. */
async function kill(process: JailProcess, tree: ProcessTree): Promise<void> {
  tree.endBelow();
  await process.signal("SIGKILL").catch(() => {});
}
