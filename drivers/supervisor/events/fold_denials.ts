/**
 * Keeps a flood of denials from pushing older events out of the bounded log.
 *
 * Each is written at once, as long as the same does not come too often: beyond `EVENT_REPEATS_MAX`
 * within `EVENT_FOLD_MS` it is counted, and becomes one event with the count when the time is over.
 * Denials that differ are written as long
 * as there is room in a budget of bytes; beyond it, they are counted, and one event says how many
 * there were and why they were refused.
 *
 * Whatever let something through is none of this module's business: it is written as it is.
 *
 * @module
 */

import {
  EVENT_DENIAL_BYTES_MAX,
  EVENT_DENIAL_BYTES_PER_S,
  EVENT_FOLD_KINDS_MAX,
  EVENT_FOLD_MS,
  EVENT_REPEATS_MAX,
} from "../../../proto/flood_limits.ts";
import { SEVERITY } from "../../../proto/ocsf.ts";
import type { AuditEvent } from "./audit_event.ts";
import { severityOf } from "./denials.ts";

/** Several events that became one. Times are in milliseconds since 1970. */
export interface Span {
  readonly count: number;
  readonly startTime: number;
  readonly endTime: number;
}

export interface FoldPorts {
  /** Writes one event, and returns the bytes that it took. */
  readonly write: (event: AuditEvent, span?: Span) => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds that no change of the clock touches. */
  readonly elapsed: () => number;
  /** Calls once, later; returns what calls it off. */
  readonly after: (ms: number, call: () => void) => () => void;
}

interface Fold {
  /** How many were written one by one. */
  written: number;
  /** The newest of those that are counted. */
  event: AuditEvent;
  count: number;
  startTime: number;
  endTime: number;
}

/** Folds denials of one sandbox. */
export class DenialFolder {
  readonly #ports: FoldPorts;
  readonly #repeatsMax: number;
  readonly #folds = new Map<string, Fold>();
  readonly #omitted = new Map<string, number>();
  #omittedSince = 0;
  #isGraveOmitted = false;
  #budget = EVENT_DENIAL_BYTES_MAX;
  #budgetAt: number;
  #cancel: (() => void) | null = null;

  constructor(ports: FoldPorts, repeatsMax: number = EVENT_REPEATS_MAX) {
    this.#ports = ports;
    this.#repeatsMax = repeatsMax;
    this.#budgetAt = ports.elapsed();
  }

  /** Takes an event, in the order of decisions. */
  record(event: AuditEvent): void {
    const kind = kindOf(event);
    if (kind === null) {
      // What is counted belongs to the policy that it was refused under.
      if (event.kind === "config") this.flush();
      this.#ports.write(event);
      return;
    }
    this.#cancel ??= this.#ports.after(EVENT_FOLD_MS, () => this.flush());
    const time = this.#ports.now();
    const fold = this.#folds.get(kind.key);
    if (fold !== undefined && fold.written < this.#repeatsMax && this.#hasBudget()) {
      fold.written++;
      this.#charge(this.#ports.write(event));
    } else if (fold !== undefined) {
      if (fold.count === 0) fold.startTime = time;
      fold.event = event;
      fold.count++;
      fold.endTime = time;
    } else if (this.#hasBudget()) {
      this.#charge(this.#ports.write(event));
      if (this.#folds.size < EVENT_FOLD_KINDS_MAX) {
        this.#folds.set(kind.key, {
          ...{ written: 1, event, count: 0 },
          ...{ startTime: time, endTime: time },
        });
      }
    } else {
      if (this.#omitted.size === 0) this.#omittedSince = time;
      this.#isGraveOmitted ||= kind.isGrave;
      this.#omitted.set(kind.reason, (this.#omitted.get(kind.reason) ?? 0) + 1);
    }
  }

  /** Writes what was counted. Due at the end, too, since a count that nobody wrote is lost. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    for (const { event, count, startTime, endTime } of this.#folds.values()) {
      if (count === 0) continue;
      this.#charge(this.#ports.write(event, { count, startTime, endTime }));
    }
    this.#folds.clear();
    if (this.#omitted.size > 0) this.#writeOmitted();
  }

  #writeOmitted(): void {
    const reasons = [...this.#omitted].sort(([, a], [, b]) => b - a);
    const count = reasons.reduce((sum, [, each]) => sum + each, 0);
    const severity = this.#isGraveOmitted ? "high" : "medium";
    this.#omitted.clear();
    this.#isGraveOmitted = false;
    this.#ports.write({
      kind: "finding",
      uid: "denials-omitted",
      title: "More different denials than are recorded one by one",
      detail: `${count} denials: ${
        reasons.map(([reason, each]) => `${each} ${reason}`).join(", ")
      }`,
      severity,
    }, { count, startTime: this.#omittedSince, endTime: this.#ports.now() });
  }

  /** Refills by the time that has passed, then looks. */
  #hasBudget(): boolean {
    const at = this.#ports.elapsed();
    const refill = (at - this.#budgetAt) / 1000 * EVENT_DENIAL_BYTES_PER_S;
    this.#budgetAt = at;
    this.#budget = Math.min(EVENT_DENIAL_BYTES_MAX, this.#budget + refill);
    return this.#budget > 0;
  }

  /** May go below nothing by what is in the table: that waits longer for the next, then. */
  #charge(bytes: number): void {
    this.#budget -= bytes;
  }
}

/** Findings that a program can cause as often as it likes. Others are written always. */
const CAUSED_BY_PROGRAMS: readonly string[] = [
  "malformed-request",
  "proxy-error",
  "too-many-connections",
];

interface Kind {
  /** Equal for denials that say the same. */
  readonly key: string;
  readonly reason: string;
  readonly isGrave: boolean;
}

/** Returns of which kind a denial is; `null` for an event that is written as it is. */
function kindOf(event: AuditEvent): Kind | null {
  switch (event.kind) {
    case "connection":
    case "request": {
      if (event.outcome.kind !== "denied") return null;
      const { reason, rule } = event.outcome;
      const { host, port } = event.destination;
      const who = event.actor?.binary ?? null;
      const what = event.kind === "request" ? [event.scheme, event.method, event.path] : [];
      const key = JSON.stringify([
        event.kind,
        who,
        host,
        port,
        ...what,
        reason,
        rule,
        event.generation,
      ]);
      return { key, reason, isGrave: severityOf(reason)[0] >= SEVERITY.high[0] };
    }
    case "inference": {
      // What reached a backend has cost something, and is counted call by call.
      if (event.problem === null || event.attempts > 0) return null;
      const { actor, method, path, problem } = event;
      const key = JSON.stringify([event.kind, actor?.binary ?? null, method, path, problem]);
      return { key, reason: problem, isGrave: false };
    }
    case "finding":
      if (!CAUSED_BY_PROGRAMS.includes(event.uid)) return null;
      return {
        key: JSON.stringify([event.uid, event.detail]),
        reason: event.uid,
        isGrave: event.severity !== "medium",
      };
    default:
      return null;
  }
}
