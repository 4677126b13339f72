/**
 * The event sink of a supervisor: each event becomes a line of the sandbox's chained log, but for
 * denials that repeat and floods of whatever is let through.
 *
 * @module
 */

import type { ChainHead } from "../../system/event_log/chain.ts";
import { EventLog, type EventLogError } from "../../system/event_log/event_log.ts";
import type { AuditEvent, EventSink } from "./audit_event.ts";
import { AllowedBudget, isLetThrough } from "./bound_allowed.ts";
import { DenialFolder, type FoldPorts } from "./fold_denials.ts";
import { type EventContext, sourceOf, toOcsf } from "./to_ocsf.ts";

export interface AuditLogOptions {
  readonly context: EventContext;
  /** Called once: from then on nothing is recorded, so the sandbox has to end. */
  readonly onFailure: (error: EventLogError) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Calls once, later; returns what calls it off. */
  readonly after?: FoldPorts["after"];
}

/** Writes `events.jsonl` of a sandbox. */
export class AuditLog implements EventSink {
  readonly #log: EventLog;
  readonly #folder: DenialFolder;
  readonly #allowed: AllowedBudget;

  private constructor(
    log: EventLog,
    { context, now = Date.now, after = callLater }: AuditLogOptions,
  ) {
    this.#log = log;
    const ports: FoldPorts = {
      write: (event, span) => log.record(toOcsf(event, context, { time: now(), span })),
      now,
      elapsed: () => performance.now(),
      after,
    };
    this.#folder = new DenialFolder(ports);
    this.#allowed = new AllowedBudget(ports);
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
    if (isLetThrough(event)) {
      if (this.failure === null) this.#allowed.record(event);
      if (this.failure !== null) throw this.failure;
      return;
    }
    // What is counted belongs to the policy that let it through.
    if (event.kind === "config") this.#allowed.flush();
    this.#folder.record(event);
  }

  /** Writes what was counted, too. */
  async close(): Promise<void> {
    this.#folder.flush();
    this.#allowed.flush();
    await this.#log.close();
  }
}

function callLater(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  Deno.unrefTimer(timer);
  return () => clearTimeout(timer);
}
