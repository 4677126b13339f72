/**
 * Remembers the sandbox that a person used last, for each gateway.
 *
 * @module
 */

import type { Context } from "./context.ts";
import { configFolderOf, gatewayFolderName } from "./folders.ts";

/** Two lines: the workspace and the name. */
const FILE_BYTES_MAX = 1024;

/** Returns the name, `null` where none is remembered in this workspace. */
export async function readLastSandbox(
  context: Context,
  gateway: string,
  workspace: string,
): Promise<string | null> {
  const file = fileOf(context, gateway);
  if (file === null) return null;
  try {
    const bytes = await context.files.read(file, FILE_BYTES_MAX);
    const [where, name = ""] = new TextDecoder().decode(bytes).split("\n");
    return where === workspace && name !== "" ? name : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Remembers a sandbox. A failure does not matter: it is a convenience, and is only told. */
export async function rememberSandbox(
  context: Context,
  gateway: string,
  { workspace, name }: { readonly workspace: string; readonly name: string },
): Promise<void> {
  await write(context, gateway, `${workspace}\n${name}\n`);
}

/** Forgets a sandbox where it is the one remembered. */
export async function forgetSandbox(
  context: Context,
  gateway: string,
  { workspace, name }: { readonly workspace: string; readonly name: string },
): Promise<void> {
  if (await readLastSandbox(context, gateway, workspace) === name) {
    await write(context, gateway, "\n");
  }
}

async function write(context: Context, gateway: string, text: string): Promise<void> {
  const file = fileOf(context, gateway);
  if (file === null) return;
  try {
    await context.files.makeFolder(file.slice(0, file.lastIndexOf("/")));
    await context.files.write(file, new TextEncoder().encode(text));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.stderr.write(`! Cannot remember the sandbox: ${reason}\n`);
  }
}

function fileOf(context: Context, gateway: string): string | null {
  const folder = configFolderOf(context);
  return folder === null ? null : `${folder}/gateways/${gatewayFolderName(gateway)}/last_sandbox`;
}
