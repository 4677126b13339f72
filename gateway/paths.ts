/**
 * Where a gateway keeps its state on this machine.
 *
 * @module
 */

import { dirname, isAbsolute, join } from "node:path";
import { CodedError } from "../proto/errors.ts";

/** No folder for state can be told from the environment. */
export class StateFolderError extends CodedError {
  override readonly name = "StateFolderError";
  override readonly code = "failed_precondition";

  constructor(detail: string) {
    super(`Cannot tell the folder for state: ${detail}`, {
      hint: "Set HOME, or XDG_STATE_HOME, to an absolute path",
    });
  }
}

/** Every path of the state folder, absolute. */
export interface StatePaths {
  readonly root: string;
  readonly gateway: string;
  readonly database: string;
  /** Where the gateway listens: see `instance_lock.ts`. */
  readonly endpoint: string;
  /** Where it listens for who may enter the folder. */
  readonly socket: string;
  readonly log: string;
  /** What encrypts the keys of credentials: 32 bytes, apart from the database. */
  readonly credentialKey: string;
  /** Audit events that belong to no sandbox. */
  readonly gatewayEvents: string;
  readonly lock: string;
  readonly tls: string;
  /** Folders of the sandboxes of the embedded driver, each named after its sandbox's id. */
  readonly embedded: string;
}

/**
 * Returns the layout under `$XDG_STATE_HOME/openshell`, else under `~/.local/state/openshell`. A
 * relative `XDG_STATE_HOME` is ignored, as its specification has it.
 *
 * @throws {StateFolderError}
 */
export function statePaths(env: (name: string) => string | undefined): StatePaths {
  const root = join(stateHome(env), "openshell");
  const gateway = join(root, "gateway");
  return {
    root,
    gateway,
    database: join(gateway, "openshell.db"),
    endpoint: join(gateway, "endpoint.json"),
    socket: join(gateway, "gateway.sock"),
    log: join(gateway, "gateway.log"),
    credentialKey: join(root, "keys", "credentials.key"),
    gatewayEvents: join(gateway, "events"),
    lock: join(gateway, "lock"),
    tls: join(root, "tls"),
    embedded: join(root, "embedded"),
  };
}

/** The folder for state is another user's, who could put their own keys into it. */
export class StateOwnerError extends CodedError {
  override readonly name = "StateOwnerError";
  override readonly code = "failed_precondition";

  constructor(folder: string) {
    super(`Cannot keep state in "${folder}": it belongs to another user`, {
      hint: "Set HOME, or XDG_STATE_HOME, to a folder of your own; sudo does so with -H",
    });
  }
}

/**
 * Makes the folders that only their owner may enter, and makes so those that are there already.
 *
 * @throws {StateOwnerError}
 */
export async function makeStateFolders(paths: StatePaths): Promise<void> {
  const { root, gateway, tls, embedded, credentialKey, gatewayEvents } = paths;
  for (const folder of [root, gateway, tls, embedded, dirname(credentialKey), gatewayEvents]) {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = await Deno.stat(folder);
    if (uid !== Deno.uid()) throw new StateOwnerError(folder);
    if (((mode ?? 0) & 0o077) !== 0) await Deno.chmod(folder, 0o700);
  }
}

function stateHome(env: (name: string) => string | undefined): string {
  const configured = env("XDG_STATE_HOME") ?? "";
  if (isAbsolute(configured)) return configured;
  const home = env("HOME") ?? "";
  if (!isAbsolute(home)) {
    throw new StateFolderError(home === "" ? "HOME is not set" : "HOME is relative");
  }
  return join(home, ".local", "state");
}
