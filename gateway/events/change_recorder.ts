/**
 * Records what the gateway did about a sandbox, in the chain of its own.
 *
 * @module
 */

import { KeyedGate } from "../sandbox/keyed_gate.ts";
import { type ConfigChange, GatewayLog } from "./gateway_log.ts";

/** A sandbox, as far as its events need it. */
export interface AuditedSandbox {
  readonly id: string;
  readonly name: string;
}

/**
 * Records one change.
 *
 * @throws {CodedError} when it cannot be recorded: then it is not to happen, or not to be told
 */
export type RecordChange = (sandbox: AuditedSandbox, change: ConfigChange) => Promise<void>;

export interface RecorderOptions {
  /** Folder of a sandbox's events. */
  readonly folderOf: (sandboxId: string) => string;
  readonly hostname: string;
  readonly version: string;
}

/** Returns what records. One for a gateway, since a log has one writer at a time. */
export function changeRecorder({ folderOf, hostname, version }: RecorderOptions): RecordChange {
  const gate = new KeyedGate();
  return ({ id, name }, change) =>
    gate.run(id, async () => {
      let failure: Error | null = null;
      const log = GatewayLog.open({
        folder: folderOf(id),
        sandboxId: id,
        sandboxName: name,
        hostname,
        version,
        onFailure: (error) => failure = error,
      });
      log.record(change);
      await log.close();
      if (failure !== null) throw failure;
    });
}

/** Returns what records changes that belong to no sandbox, in a chain of their own. */
export function gatewayRecorder(
  { folder, ...options }: Omit<RecorderOptions, "folderOf"> & { readonly folder: string },
): (change: ConfigChange) => Promise<void> {
  const record = changeRecorder({ ...options, folderOf: () => folder });
  return (change) => record({ id: "gateway", name: "gateway" }, change);
}
