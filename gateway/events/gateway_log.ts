/**
 * What the gateway records about a sandbox: changes of its policy, who approved what.
 *
 * It has a chain of its own beside the supervisor's, since a chain has one writer.
 *
 * @module
 */

import type { ChainHead } from "../../drivers/system/event_log/chain.ts";
import { EventLog, type EventLogError } from "../../drivers/system/event_log/event_log.ts";
import {
  DEVICE_CONFIG_STATE_CHANGE,
  enumMembers,
  GATEWAY_PRODUCT,
  ocsfHead,
  type OcsfSource,
  OTHER_ID,
  SEVERITY,
  STATUS,
} from "../../proto/ocsf.ts";
import { EVENT_FILE_NAMES } from "./event_store.ts";

export interface GatewayLogOptions {
  /** Folder of the sandbox. */
  readonly folder: string;
  readonly sandboxId: string;
  readonly sandboxName: string;
  readonly hostname: string;
  /** Of OpenShell. */
  readonly version: string;
  /** Called once; nothing is recorded from then on, so nothing may be changed either. */
  readonly onFailure: (error: EventLogError) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A change that the gateway made or refused. No secret is in it. */
export interface ConfigChange {
  /** `loaded`, `merged`, `approved`, `rejected`, `removed`, `failed` and the like. */
  readonly state: string;
  readonly message: string;
  readonly failed?: boolean;
  /** Policy version and hash, and where the change came from. */
  readonly version?: number;
  readonly hash?: string;
  readonly source?: string;
}

/** Writes `gateway.jsonl` of a sandbox. */
export class GatewayLog {
  readonly #log: EventLog;
  readonly #source: OcsfSource;
  readonly #options: GatewayLogOptions;
  readonly #now: () => number;

  private constructor(log: EventLog, source: OcsfSource, options: GatewayLogOptions) {
    this.#log = log;
    this.#source = source;
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * @throws {EventLogBusyError}
   * @throws {EventLogError}
   * @throws {EventLogDamagedError}
   */
  static open(options: GatewayLogOptions): GatewayLog {
    const { folder, sandboxId, version, onFailure, now = Date.now } = options;
    const source = { sandboxId, product: GATEWAY_PRODUCT, version };
    const path = `${folder}/${EVENT_FILE_NAMES.gateway}`;
    return new GatewayLog(EventLog.open(path, { source, onFailure, now }), source, options);
  }

  get head(): ChainHead {
    return this.#log.head;
  }

  get failure(): EventLogError | null {
    return this.#log.failure;
  }

  record({ state, message, failed = false, version, hash, source }: ConfigChange): void {
    const { activities } = DEVICE_CONFIG_STATE_CHANGE;
    this.#log.record({
      ...ocsfHead(DEVICE_CONFIG_STATE_CHANGE, {
        activity: activities.log,
        severity: failed ? SEVERITY.medium : SEVERITY.informational,
        time: this.#now(),
        source: this.#source,
      }),
      device: { hostname: this.#options.hostname, os: { name: "Linux" } },
      container: { name: this.#options.sandboxName, uid: this.#options.sandboxId },
      ...enumMembers("status", failed ? STATUS.failure : STATUS.success),
      message,
      ...enumMembers("state", [OTHER_ID, state]),
      unmapped: {
        ...(source !== undefined && { source }),
        ...(version !== undefined && { version }),
        ...(hash !== undefined && { hash }),
      },
    });
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}
