/**
 * What the gateway may reach in a sandbox: its main process, further programs, loopback ports.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import type { StartProcess } from "../../proto/gen/openshell/ext/v1/process_pb.ts";
import type { Assignment } from "./assignment.ts";
import type { JailCommand } from "./launch/jail_spec.ts";
import { makeEnvironment } from "./process/environment.ts";
import type { MainProcess } from "./process/main_process.ts";
import type { TerminalSize } from "./process/process_channel.ts";
import { runCommand } from "./process/run_command.ts";
import type { RelayTarget } from "./session/gateway_session.ts";
import { toProcessChannel } from "./session/process_relay.ts";
import type { RelayChannel } from "./session/relay_channel.ts";
import type { Confined } from "./start_confined.ts";

/** Nothing may be reached by that target. */
export class RelayTargetError extends CodedError {
  override readonly name = "RelayTargetError";
  override readonly code = "failed_precondition";
}

export interface TargetContext {
  readonly confined: Confined;
  readonly main: MainProcess;
  readonly sandbox: Assignment["sandbox"];
  /** Variables of the credentials that are in force. */
  readonly credentials: Readonly<Record<string, string>>;
  /** Where a program starts that is not told where. */
  readonly startFolder: string;
}

/**
 * Opens a target; the result serves one relay until it is done.
 *
 * @throws {RelayTargetError}
 */
export async function openTarget(
  target: RelayTarget,
  { confined, main, sandbox, credentials, startFolder }: TargetContext,
): Promise<(relay: RelayChannel) => Promise<void>> {
  if (target.case === "tcp") return await openPort(confined, target.value);
  if (target.case !== "process") {
    throw new RelayTargetError(`Cannot open the target "${target.case}": it is not known here`);
  }
  const { process } = target.value;
  if (process.case === "attach") {
    const { readOnly, cols, rows } = process.value;
    const options = { readOnly, size: toSize(cols, rows) };
    return (relay) => main.attach(toProcessChannel(relay), options);
  }
  if (process.case !== "start") {
    throw new RelayTargetError("Cannot start a program: the request names none");
  }
  const { jail, events, trust } = confined;
  const { timeoutSeconds } = process.value;
  const given = { ...credentials, ...sandbox.environment };
  const command = toCommand(process.value, { given, trust, startFolder });
  const timeoutMs = timeoutSeconds === 0 ? null : timeoutSeconds * 1000;
  return (relay) => runCommand(jail, command, toProcessChannel(relay), { timeoutMs, events });
}

function toCommand(
  { command, workdir, environment, cols, rows }: StartProcess,
  { given, trust, startFolder }: {
    readonly given: Readonly<Record<string, string>>;
    readonly trust: Readonly<Record<string, string>>;
    readonly startFolder: string;
  },
): JailCommand {
  const [program, ...args] = command;
  if (program === undefined || program === "") {
    throw new RelayTargetError("Cannot start a program: its command is empty");
  }
  const odd = Object.keys(environment).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined) {
    throw new RelayTargetError(`Cannot start a program: "${odd}" is no name of a variable`);
  }
  const terminal = toSize(cols, rows);
  return {
    argv: [program, ...args],
    env: makeEnvironment({
      given: { ...given, ...environment },
      trust,
      hasTerminal: terminal !== null,
    }),
    cwd: workdir === "" ? startFolder : workdir,
    stdin: "piped",
    ...terminal === null ? {} : { terminal },
  };
}

function toSize(cols: number, rows: number): TerminalSize | null {
  return cols > 0 && rows > 0 ? { cols, rows } : null;
}

async function openPort(
  { jail }: Confined,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<(relay: RelayChannel) => Promise<void>> {
  if (!["127.0.0.1", "localhost", "::1", ""].includes(host)) {
    throw new RelayTargetError(`Cannot reach "${host}": only loopback of the sandbox may be`);
  }
  const { readable, writable } = await jail.dial(port);
  return async (relay) => {
    const writer = writable.getWriter();
    const inward = (async () => {
      // Empty data says that the other side has ended.
      for await (const data of relay.received) {
        if (data.length === 0) await writer.close();
        else await writer.write(data);
      }
    })();
    // It is waited for at the end; until then a failure must not be one that nobody handles.
    inward.catch(() => {});
    try {
      for await (const data of readable) {
        if (!await relay.send(data)) return;
      }
      relay.endSend();
      await inward;
    } finally {
      // Both fail where that side has ended by itself.
      await Promise.allSettled([readable.cancel(), writer.abort()]);
    }
  };
}
