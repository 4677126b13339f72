/**
 * Keeps a flood of allowed requests from pushing older events out of the bounded log.
 *
 * What is let through is written one by one, in a budget of bytes that no usual work exceeds.
 * Beyond it, it is counted: a finding says how many there were, of which program, for which host,
 * by which rule. So the record of what an agent did before outlives whatever it does then.
 *
 * @module
 */

import {
  EVENT_ALLOWED_BYTES_MAX,
  EVENT_ALLOWED_BYTES_PER_S,
  EVENT_ALLOWED_KINDS_MAX,
  EVENT_FOLD_MS,
} from "../../../proto/flood_limits.ts";
import type { AuditEvent } from "./audit_event.ts";
import type { FoldPorts } from "./fold_denials.ts";

/** Bounds what is written of what was let through. */
export class AllowedBudget {
  readonly #ports: FoldPorts;
  /** Numbers by kind. */
  readonly #omitted = new Map<string, number>();
  #others = 0;
  #since = 0;
  #budget = EVENT_ALLOWED_BYTES_MAX;
  #budgetAt: number;
  #cancel: (() => void) | null = null;

  constructor(ports: FoldPorts) {
    this.#ports = ports;
    this.#budgetAt = ports.elapsed();
  }

  /** Takes an event for which `isLetThrough` holds, in the order of decisions. */
  record(event: AuditEvent): void {
    if (this.#hasBudget()) {
      this.#budget -= this.#ports.write(event);
      return;
    }
    this.#cancel ??= this.#ports.after(EVENT_FOLD_MS, () => this.flush());
    if (this.#omitted.size === 0) this.#since = this.#ports.now();
    const kind = kindOf(event);
    const count = this.#omitted.get(kind);
    if (count === undefined && this.#omitted.size >= EVENT_ALLOWED_KINDS_MAX) this.#others++;
    else this.#omitted.set(kind, (count ?? 0) + 1);
  }

  /** Writes what was counted. Due at the end, too, since a count that nobody wrote is lost. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    if (this.#omitted.size === 0) return;
    const kinds = [...this.#omitted].sort(([, a], [, b]) => b - a);
    const count = kinds.reduce((sum, [, each]) => sum + each, this.#others);
    const named = kinds.map(([kind, each]) => `${each} ${kind}`);
    if (this.#others > 0) named.push(`${this.#others} others`);
    this.#omitted.clear();
    this.#others = 0;
    this.#ports.write({
      kind: "finding",
      uid: "allowed-omitted",
      title: "More was let through than is recorded one by one",
      detail: `${count} let through: ${named.join(", ")}`,
      severity: "medium",
    }, { count, startTime: this.#since, endTime: this.#ports.now() });
  }

  /** Refills by the time that has passed, then looks. */
  #hasBudget(): boolean {
    const at = this.#ports.elapsed();
    const refill = (at - this.#budgetAt) / 1000 * EVENT_ALLOWED_BYTES_PER_S;
    this.#budgetAt = at;
    this.#budget = Math.min(EVENT_ALLOWED_BYTES_MAX, this.#budget + refill);
    return this.#budget > 0;
  }
}

/** Whether an event is about something that was let through, which programs cause at will. */
export function isLetThrough(event: AuditEvent): boolean {
  if (event.kind === "websocket") return true;
  return (event.kind === "connection" || event.kind === "request") &&
    event.outcome.kind !== "denied";
}

/** Without the path: an agent makes up as many as it likes. */
function kindOf(event: AuditEvent): string {
  if (event.kind !== "connection" && event.kind !== "request") return event.kind;
  const { actor, destination: { host, port }, outcome } = event;
  const verb = event.kind === "request" ? `${event.method} ` : "";
  const rule = outcome.rule ?? "no rule";
  const how = outcome.kind === "audited" ? `audited, ${outcome.reason}` : rule;
  return `${verb}${host}:${port} by ${actor?.binary ?? "an unknown program"} (${how})`;
}
