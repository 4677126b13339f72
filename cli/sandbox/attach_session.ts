/**
 * Attaches a person or a script to the main process of a sandbox.
 *
 * @module
 */

import { GatewayError } from "../../gateway/client/gateway_error.ts";
import type { Gateway, SandboxView } from "../../gateway/client/types.ts";
import type { Context } from "../context.ts";
import { printableLine } from "../printable.ts";
import { runSession, type SessionEnd } from "../session/run_session.ts";

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
    const { exitCode } = await gateway.getSandbox(sandbox);
    if (exitCode === null) throw error;
    const name = printableLine(sandbox.name);
    context.stderr.write(`! The main process of "${name}" has ended with ${exitCode}\n`);
    return { kind: "exit", code: exitCode };
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
