/**
 * Where changes are recorded that somebody makes by the gateway.
 *
 * @module
 */

import type { StatePaths } from "../paths.ts";
import { changeRecorder, gatewayRecorder, type RecordChange } from "./change_recorder.ts";
import type { ConfigChange } from "./gateway_log.ts";

/** Where changes are recorded: of a sandbox, of all, of a provider. */
export interface Recorders {
  readonly folderOf: (sandboxId: string) => string;
  readonly record: RecordChange;
  readonly recordGateway: (change: ConfigChange) => Promise<void>;
  readonly recordProvider: (state: string, message: string) => Promise<void>;
}

export function openRecorders({ embedded, gatewayEvents }: StatePaths, version: string): Recorders {
  const hostname = Deno.hostname();
  const folderOf = (sandboxId: string) => `${embedded}/${sandboxId}`;
  const recordGateway = gatewayRecorder({ folder: gatewayEvents, hostname, version });
  return {
    folderOf,
    record: changeRecorder({ folderOf, hostname, version }),
    recordGateway,
    recordProvider: (state, message) => recordGateway({ state, message }),
  };
}
