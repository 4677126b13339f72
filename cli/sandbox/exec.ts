/**
 * `openshell sandbox exec` and `openshell sandbox connect`.
 *
 * @module
 */

import type { Invocation } from "../command.ts";
import { sandboxOf, withGateway } from "../gateway_access.ts";
import { rememberSandbox } from "../last_sandbox.ts";
import { runSession } from "../session/run_session.ts";
import { UsageError } from "../usage_error.ts";
import { attachSession, sessionCode } from "./attach_session.ts";
import { wantsTerminal } from "./create_plan.ts";
import { parseEnvironment } from "./parse_values.ts";

/** Size of a terminal that nobody looks at. */
const TERMINAL = { cols: 80, rows: 24 };

/** Runs a further program in a sandbox; its exit code is ours. */
export async function exec(invocation: Invocation): Promise<number> {
  const { context } = invocation;
  if (invocation.switch("tty") && invocation.switch("no-tty")) {
    throw new UsageError('Cannot use "--tty" and "--no-tty" together');
  }
  const environment = parseEnvironment(invocation.texts("env"));
  const hasTerminal = wantsTerminal(invocation);
  return await withGateway(invocation, async (gateway) => {
    const sandbox = await sandboxOf(invocation, gateway, invocation.text("name"));
    await rememberSandbox(context, gateway.name, sandbox);
    const request = {
      sandboxId: sandbox.id,
      command: invocation.arguments("COMMAND"),
      workdir: invocation.text("workdir") ?? "",
      environment,
      timeoutSeconds: invocation.requiredInteger("timeout"),
      terminal: hasTerminal ? context.machine.windowSize() ?? TERMINAL : null,
    };
    const end = await runSession(context, {
      open: (duplex) => gateway.exec(request, duplex),
      hasTerminal,
      canDetach: false,
      forwardsSignals: false,
    });
    return sessionCode(end);
  });
}

/** Attaches to the main process of a sandbox. */
export async function connect(invocation: Invocation): Promise<number> {
  const { context } = invocation;
  if (invocation.text("editor") !== undefined) {
    throw new UsageError('Cannot use flag "--editor": it is not in this build yet');
  }
  return await withGateway(invocation, async (gateway) => {
    const sandbox = await sandboxOf(invocation, gateway, invocation.arguments("NAME")[0]);
    await rememberSandbox(context, gateway.name, sandbox);
    const readOnly = invocation.switch("read-only");
    return sessionCode(await attachSession(context, gateway, { sandbox, readOnly }));
  });
}
