/**
 * The event sink of a supervisor: each event becomes a line of the sandbox's chained log.
 *
 * @module
 */

import type { ChainHead } from "../../system/event_log/chain.ts";
import { EventLog, type EventLogError } from "../../system/event_log/event_log.ts";
import type { AuditEvent, EventSink } from "./audit_event.ts";
import { type EventContext, sourceOf, toOcsf } from "./to_ocsf.ts";

export interface AuditLogOptions {
  readonly context: EventContext;
  /** Called once: from then on nothing is recorded, so the sandbox has to end. */
  readonly onFailure: (error: EventLogError) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Writes `events.jsonl` of a sandbox. */
export class AuditLog implements EventSink {
  readonly #log: EventLog;
  readonly #context: EventContext;
  readonly #now: () => number;

  private constructor(log: EventLog, { context, now = Date.now }: AuditLogOptions) {
    this.#log = log;
    this.#context = context;
    this.#now = now;
  }

  /**
   * Opens the log of a sandbox, or goes on with it.
   *
   * @throws {EventLogBusyError}
   * @throws {EventLogError}
   * @throws {EventLogDamagedError}
   */
  static open(path: string, options: AuditLogOptions): AuditLog {
    const { context, onFailure, now = Date.now } = options;
    return new AuditLog(
      EventLog.open(path, { source: sourceOf(context), onFailure, now }),
      options,
    );
  }

  get head(): ChainHead {
    return this.#log.head;
  }

  /** What could not be written, `null` while all is well. */
  get failure(): EventLogError | null {
    return this.#log.failure;
  }

  record(event: AuditEvent): void {
    this.#log.record(toOcsf(event, this.#context, this.#now()));
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}
