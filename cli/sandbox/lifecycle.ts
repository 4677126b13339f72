/**
 * `openshell sandbox delete`, `stop` and `start`.
 *
 * @module
 */

import type { Gateway, Phase, SandboxView } from "../../gateway/client/types.ts";
import { SANDBOX_PAGE_MAX } from "../../proto/limits.ts";
import type { Invocation } from "../command.ts";
import { EXIT_FAILED, EXIT_OK } from "../exit.ts";
import { stopForwardsOf } from "../forward/background.ts";
import { sandboxOf, withGateway, workspaceOf } from "../gateway_access.ts";
import { forgetSandbox } from "../last_sandbox.ts";
import { printableLine } from "../printable.ts";
import { withInterrupt } from "../session/with_interrupt.ts";
import { missingError, UsageError } from "../usage_error.ts";
import { Progress } from "./progress.ts";
import { timeoutOf, waitForPhase } from "./wait_for_phase.ts";

/** Deletes sandboxes. One that is not there is no failure; one that fails does not stop the others. */
export async function remove(invocation: Invocation): Promise<number> {
  const given = invocation.arguments("NAME");
  const all = invocation.switch("all");
  if (all && given.length > 0) throw new UsageError('Cannot use names and "--all" together');
  if (!all && given.length === 0) throw missingError(["NAME"], invocation.path.join(" "));
  const { stderr } = invocation.context;
  return await withGateway(invocation, async (gateway) => {
    const names = all ? await allNames(invocation, gateway) : [...new Set(given)];
    if (names.length === 0) stderr.write("! There are no sandboxes\n");
    const failures: unknown[] = [];
    for (const name of names) {
      try {
        await removeOne(invocation, gateway, name);
      } catch (error) {
        failures.push(error);
        const isLast = name === names.at(-1);
        if (isLast && failures.length === 1) throw error;
        stderr.write(`error: ${printableLine(error instanceof Error ? error.message : "")}\n`);
      }
    }
    return failures.length === 0 ? EXIT_OK : EXIT_FAILED;
  });
}

/** Stops a sandbox and waits until it has stopped. */
export async function stop(invocation: Invocation): Promise<number> {
  return await change(invocation, {
    phase: "Stopped",
    doing: "Stopping sandbox",
    done: "Stopped",
    async ask(gateway, sandbox) {
      await stopForwardsOf(invocation.context, sandbox);
      return await gateway.stopSandbox(sandbox);
    },
  });
}

/** Starts a sandbox and waits until it is ready. */
export async function start(invocation: Invocation): Promise<number> {
  return await change(invocation, {
    phase: "Ready",
    doing: "Starting sandbox",
    done: "Started",
    ask: (gateway, sandbox) => gateway.startSandbox(sandbox),
  });
}

async function removeOne(invocation: Invocation, gateway: Gateway, name: string): Promise<void> {
  const { context } = invocation;
  const sandbox = { name, workspace: workspaceOf(invocation) };
  await stopForwardsOf(context, sandbox);
  const isDeleted = await deleteOrMiss(gateway, sandbox);
  await forgetSandbox(context, gateway.name, sandbox);
  const shown = printableLine(name);
  context.stderr.write(
    isDeleted ? `✓ Deleted sandbox "${shown}"\n` : `! Sandbox "${shown}" not found\n`,
  );
}

async function deleteOrMiss(
  gateway: Gateway,
  sandbox: Pick<SandboxView, "name" | "workspace">,
): Promise<boolean> {
  try {
    return await gateway.deleteSandbox(sandbox);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "not_found") return false;
    throw error;
  }
}

/** Pages, so that nothing is left out however many there are. */
async function allNames(invocation: Invocation, gateway: Gateway): Promise<readonly string[]> {
  const names: string[] = [];
  const query = { workspace: workspaceOf(invocation), selector: "", allWorkspaces: false };
  for (;;) {
    const page = await gateway.listSandboxes({
      ...query,
      limit: SANDBOX_PAGE_MAX,
      offset: names.length,
    });
    names.push(...page.map(({ name }) => name));
    if (page.length < SANDBOX_PAGE_MAX) return names;
  }
}

interface Change {
  readonly phase: Phase;
  readonly doing: string;
  readonly done: string;
  readonly ask: (gateway: Gateway, sandbox: SandboxView) => Promise<SandboxView>;
}

async function change(invocation: Invocation, change: Change): Promise<number> {
  const { context } = invocation;
  const timeoutMs = timeoutOf(context, "OPENSHELL_LIFECYCLE_TIMEOUT");
  return await withGateway(invocation, async (gateway) => {
    const sandbox = await sandboxOf(invocation, gateway, invocation.arguments("NAME")[0]);
    return await withInterrupt(context, async (signal) => {
      const progress = new Progress(context, { isQuiet: !context.stderr.isTerminal });
      try {
        progress.begin(change.doing);
        const asked = await change.ask(gateway, sandbox);
        const options = { phase: change.phase, timeoutMs, progress, signal };
        const { phase, exitCode } = await waitForPhase(context, gateway, asked, options);
        progress.stop();
        const name = printableLine(sandbox.name);
        const ended = phase === change.phase ? "" : `, and it has ended with ${exitCode}`;
        context.stderr.write(`✓ ${change.done} sandbox "${name}"${ended}\n`);
        return phase === change.phase ? EXIT_OK : EXIT_FAILED;
      } finally {
        progress.stop();
      }
    });
  });
}
