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

/** Exit code of a program that was ended for its time limit, as `timeout` has it. */
const EXIT_TIMED_OUT = 124;

export interface RunOptions {
  /** `null` is no limit. */
  readonly timeoutMs: number | null;
  readonly events: EventSink;
}

/** Runs the command to its end. When the person goes, the program's process group is killed. */
export async function runCommand(
  jail: Jail,
  command: JailCommand,
  channel: ProcessChannel,
  { timeoutMs, events }: RunOptions,
): Promise<void> {
  const process = await jail.spawn(command);
  const [binary] = command.argv;
  events.record({ kind: "process", activity: "launch", role: "exec", binary, pid: process.pid });
  let timedOut = false;
  let ended = false;
  const timer = timeoutMs === null ? undefined : setTimeout(() => {
    timedOut = true;
    void kill(process);
  }, timeoutMs);
  const inputs = handleInputs(channel.inputs, process, () => true)
    .catch(() => {})
    .then(() => ended ? undefined : kill(process));
  const outputs = Promise.all([
    pump("stdout", process.stdout, channel, process),
    pump("stderr", process.stderr, channel, process),
  ]);
  const { code } = await process.wait();
  ended = true;
  clearTimeout(timer);
  await outputs;
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

/** Reads to the end also when nobody listens any more, so that the program can end. */
async function pump(
  kind: "stdout" | "stderr",
  output: ReadableStream<Uint8Array>,
  channel: ProcessChannel,
  process: JailProcess,
): Promise<void> {
  let listens = true;
  for await (const bytes of output) {
    if (!listens) continue;
    listens = await channel.send({ kind, bytes });
    if (!listens) await kill(process);
  }
}

/** The program may have ended just now: then there is nothing to kill. */
async function kill(process: JailProcess): Promise<void> {
  await process.signal("SIGKILL").catch(() => {});
}
