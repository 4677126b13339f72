/**
 * Where a client finds what is written down on this machine.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";

/** Value of an environment variable, `undefined` where it is not set. */
export type Env = (name: string) => string | undefined;

/** Neither the folder nor a home to put it into is known. */
export class NoHomeError extends CodedError {
  override readonly name = "NoHomeError";
  override readonly code = "failed_precondition";

  constructor(variable: string) {
    super(`Cannot find the folder of OpenShell: neither ${variable} nor HOME is an absolute path`, {
      hint: "Set HOME",
    });
  }
}

/** Folder of a person's registrations. */
export function configFolder(env: Env): string {
  return folder(env, "XDG_CONFIG_HOME", ".config");
}

/** Folder of the local gateway. */
export function stateFolder(env: Env): string {
  return folder(env, "XDG_STATE_HOME", ".local/state");
}

/** Folder of registrations that came with a package; read only. */
export function systemFolder(env: Env): string {
  const set = env("OPENSHELL_SYSTEM_GATEWAY_DIR");
  return set?.startsWith("/") === true ? set : "/etc/openshell";
}

function folder(env: Env, variable: string, below: string): string {
  const set = env(variable);
  if (set?.startsWith("/") === true) return `${set}/openshell`;
  const home = env("HOME");
  if (home?.startsWith("/") !== true) throw new NoHomeError(variable);
  return `${home}/${below}/openshell`;
}

/** Makes a folder that is private to the person, with those above it. */
export async function makePrivateFolder(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
}

/** Replaces a file as a whole. Private to the person. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await Deno.writeTextFile(temporary, text, { createNew: true, mode: 0o600 });
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Returns the text of a file, `null` where there is none. */
export async function readTextOrNull(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw error;
  }
}
