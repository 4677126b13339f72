/**
 * Attaches a person or a script to the main process of a sandbox.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import { GatewayError } from "../../gateway/client/gateway_error.ts";
import type { Gateway, SandboxView } from "../../gateway/client/types.ts";
import type { Context } from "../context.ts";
import { printableLine } from "../printable.ts";
import { reasonOf } from "./sandbox_result.ts";
import { runSession, type SessionEnd } from "../session/run_session.ts";

/** Time for a gateway to learn that a sandbox has ended, in milliseconds. */
const SETTLE_MS_MAX = 2_000;
const SETTLE_LOOK_MS = 100;

/** The sandbox has ended for a reason that is known. */
export class EndedError extends CodedError {
  override readonly name = "EndedError";
  override readonly code = "failed_precondition";

  constructor(sandbox: string, reason: string, options: ErrorOptions) {
    super(
      `Cannot attach to sandbox "${printableLine(sandbox)}": ${printableLine(reason)}`,
      options,
    );
  }
}

/** Attaches until the program ends, the person leaves, or a signal comes. */
export async function attachSession(
  context: Context,
  gateway: Gateway,
  { sandbox, readOnly }: { readonly sandbox: SandboxView; readonly readOnly: boolean },
): Promise<SessionEnd> {
  try {
    return await attach(context, gateway, { sandbox, readOnly });
  } catch (error) {
    // A program that has ended may have taken with it what could be attached to.
    if (!(error instanceof GatewayError)) throw error;
    const { phase, exitCode, ...rest } = await settledSandbox(context, gateway, sandbox, error);
    if (exitCode === null && phase === "Error") {
      const reason = reasonOf({ ...rest, phase, exitCode });
      if (reason !== null) throw new EndedError(sandbox.name, reason, { cause: error });
    }
    if (exitCode === null) throw error;
    const name = printableLine(sandbox.name);
    context.stderr.write(`! The main process of "${name}" has ended with ${exitCode}\n`);
    return { kind: "exit", code: exitCode };
  }
}

/** A gateway learns of the end of a sandbox a moment after its connection has broken. */
async function settledSandbox(
  context: Context,
  gateway: Gateway,
  name: SandboxView,
  { code }: GatewayError,
): Promise<SandboxView> {
  const deadline = context.machine.now() + SETTLE_MS_MAX;
  for (;;) {
    const sandbox = await gateway.getSandbox(name);
    const mayChange = code === "unavailable" && sandbox.phase === "Ready";
    if (!mayChange || context.machine.now() >= deadline) return sandbox;
    await context.machine.sleep(SETTLE_LOOK_MS);
  }
}

async function attach(
  context: Context,
  gateway: Gateway,
  { sandbox, readOnly }: { readonly sandbox: SandboxView; readonly readOnly: boolean },
): Promise<SessionEnd> {
  const terminal = sandbox.tty && context.stdin.isTerminal ? context.machine.windowSize() : null;
  const end = await runSession(context, {
    open: (duplex) => gateway.attach({ sandboxId: sandbox.id, readOnly, terminal }, duplex),
    hasTerminal: sandbox.tty,
    canDetach: true,
    forwardsSignals: true,
  });
  if (end.kind === "detached") {
    const name = printableLine(sandbox.name);
    context.stderr.write(`\n→ Left "${name}"; "openshell sandbox connect ${name}" goes back\n`);
  }
  return end;
}

/** Returns the exit code for how a session ended. */
export function sessionCode(end: SessionEnd): number {
  return end.kind === "detached" ? 0 : end.code;
}
