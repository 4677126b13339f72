/**
 * Runs the commands that make a shell complete `openshell`.
 *
 * @module
 */

import { CodedError } from "../proto/errors.ts";
import type { Invocation } from "./command.ts";
import { type Candidate, complete } from "./complete.ts";
import { COMPLETION_SCRIPTS } from "./completion_scripts.ts";
import type { Context } from "./context.ts";
import { EXIT_OK } from "./exit.ts";
import { printableLine } from "./printable.ts";
import { UsageError } from "./usage_error.ts";

/** Sandboxes that are offered. */
const NAMES_MAX = 200;

/** Prints the script of a shell. */
export function printScript(invocation: Invocation): number {
  const shell = invocation.argument("SHELL");
  const script = COMPLETION_SCRIPTS.get(shell);
  if (script === undefined) throw new UsageError(`Cannot complete in "${shell}": no such script`);
  invocation.context.stdout.write(script);
  return EXIT_OK;
}

/** Prints what fits at the cursor, in the form that the scripts read. */
export async function printCandidates(invocation: Invocation): Promise<number> {
  const { program, passthrough, context } = invocation;
  const current = invocation.requiredText("current");
  const found = complete(program, passthrough, current);
  const { kind, candidates } = isNames(found.kind)
    ? { kind: "words", candidates: await namesFor(context, found.kind, current) }
    : found;
  const lines = candidates.map(({ value, summary }) => `${value}\t${summary}\n`);
  context.stdout.write(`${kind}\n${lines.join("")}`);
  return EXIT_OK;
}

/** Kinds that are names of what is there. */
type NameKind = "gateways" | "sandboxes" | "providers";

function isNames(kind: string): kind is NameKind {
  return kind === "gateways" || kind === "sandboxes" || kind === "providers";
}

/** Names come from the files of this machine, or from a gateway that runs already. */
async function namesFor(
  context: Context,
  kind: NameKind,
  current: string,
): Promise<readonly Candidate[]> {
  const [prefix] = /^--[^=]*=/.exec(current) ?? [""];
  try {
    const names = kind === "gateways"
      ? await gatewayNames(context)
      : await remoteNames(context, kind);
    return names.map((name) => ({ value: printableLine(prefix + name), summary: "" }))
      .filter(({ value }) => value.startsWith(current));
  } catch (error) {
    // A person who presses a key in the middle of a line is told of nothing.
    if (error instanceof CodedError) return [];
    throw error;
  }
}

async function gatewayNames({ env }: Context): Promise<readonly string[]> {
  const { listRegistrations } = await import("../gateway/client/registrations.ts");
  return (await listRegistrations(env)).map(({ name }) => name);
}

async function remoteNames(
  { gateways, env }: Context,
  kind: "sandboxes" | "providers",
): Promise<readonly string[]> {
  const { gateway } = await gateways.find({ insecure: false });
  if (gateway === null) return [];
  try {
    const workspace = env("OPENSHELL_WORKSPACE") || "default";
    const page = { workspace, limit: NAMES_MAX, offset: 0, allWorkspaces: false };
    const all = kind === "sandboxes"
      ? await gateway.listSandboxes({ ...page, selector: "" })
      : await gateway.listProviders(page);
    return all.map(({ name }) => name);
  } finally {
    gateway.close();
  }
}
