/**
 * The way from a verb to its gateway and to the sandbox that it is about.
 *
 * @module
 */

import type { Gateway, GatewayChoice, SandboxView } from "../gateway/client/types.ts";
import type { Invocation } from "./command.ts";
import { readLastSandbox } from "./last_sandbox.ts";
import { printableLine } from "./printable.ts";
import { UsageError } from "./usage_error.ts";

/** Workspace that is meant where none is named. */
const DEFAULT_WORKSPACE = "default";

/** Opens the gateway that the flags name, and closes it when `use` is done. */
export async function withGateway<T>(
  invocation: Invocation,
  use: (gateway: Gateway) => Promise<T>,
): Promise<T> {
  const gateway = await invocation.context.gateways.open(gatewayChoice(invocation));
  try {
    return await use(gateway);
  } finally {
    gateway.close();
  }
}

/** Returns what the gateway flags say. The verb has to list `GATEWAY_FLAGS`. */
export function gatewayChoice(invocation: Invocation): GatewayChoice {
  const endpoint = invocation.text("gateway-endpoint");
  const name = invocation.text("gateway");
  const insecure = invocation.context.env("OPENSHELL_GATEWAY_INSECURE") ?? "";
  return {
    ...endpoint === undefined ? {} : { endpoint },
    ...name === undefined ? {} : { name },
    insecure: invocation.switch("gateway-insecure") || insecure === "1" || insecure === "true",
  };
}

/** Returns the workspace that is meant. Empty means the default one, never all. */
export function workspaceOf(invocation: Invocation): string {
  const named = invocation.text("workspace") ?? invocation.context.env("OPENSHELL_WORKSPACE") ?? "";
  return named === "" ? DEFAULT_WORKSPACE : named;
}

/**
 * Returns the name that was given, else that of the last sandbox, and says so.
 *
 * @throws {UsageError} when neither is there
 */
export async function sandboxNameOf(
  invocation: Invocation,
  gateway: Gateway,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) return given;
  const { context } = invocation;
  const last = await readLastSandbox(context, gateway.name, workspaceOf(invocation));
  if (last === null) {
    throw new UsageError(`Cannot run "${invocation.path.join(" ")}": NAME is missing`, {
      hint: 'Run "openshell sandbox list" to see the names',
    });
  }
  context.stderr.write(`→ Using sandbox "${printableLine(last)}", the last one\n`);
  return last;
}

/** Returns the sandbox that was named, else the last one. */
export async function sandboxOf(
  invocation: Invocation,
  gateway: Gateway,
  given: string | undefined,
): Promise<SandboxView> {
  const name = await sandboxNameOf(invocation, gateway, given);
  return await gateway.getSandbox({ name, workspace: workspaceOf(invocation) });
}
