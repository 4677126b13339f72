/**
 * Reads the events of `openshell logs NAME -o jsonl`, and finds the one of a decision.
 *
 * @module
 */

import assert from "node:assert/strict";

/** One OCSF event, as it is. */
export type AuditRecord = Readonly<Record<string, unknown>>;

/** Class numbers of OCSF. */
export const CLASSES = { connection: 4001, request: 4002, process: 1007, config: 5019 } as const;

/** What tells a decision apart from all others of a test, and what it should have come to. */
export interface WantedEvent {
  readonly kind: "connection" | "request";
  readonly host: string;
  readonly port: number;
  /** Only for requests. */
  readonly method?: string;
  /** Only for requests: canonical, without the query. */
  readonly path?: string;
  readonly verdict: "allowed" | "denied" | "audited";
  /** Code of the refusal. */
  readonly reason?: string;
  readonly rule?: string;
  /** Executable of the caller. */
  readonly binary?: string;
}

/** A decision, read out of an event. */
export interface Decision {
  readonly kind: string;
  readonly host: string;
  readonly port: number;
  readonly method: string | null;
  readonly path: string | null;
  readonly verdict: string;
  readonly reason: string | null;
  readonly rule: string | null;
  readonly binary: string | null;
}

/** Parses lines of JSON. */
export function parseEvents(text: string): readonly AuditRecord[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/**
 * Returns the one event of a decision.
 *
 * @throws {assert.AssertionError} when there is none, more than one, or another outcome
 */
export function assertOneEvent(events: readonly AuditRecord[], want: WantedEvent): AuditRecord {
  const found = events.filter((event) => isAbout(readDecision(event), want));
  const listed = events.map(readDecision).filter((each) => each !== null)
    .map((each) => JSON.stringify(each)).join("\n");
  assert.equal(found.length, 1, `one event of ${JSON.stringify(want)}, not so: \n${listed}`);
  const event = found[0]!;
  const decision = readDecision(event)!;
  for (const name of ["verdict", "reason", "rule", "binary"] as const) {
    if (want[name] === undefined) continue;
    assert.equal(decision[name], want[name], `${name} of ${JSON.stringify(event)}`);
  }
  return event;
}

/** Returns what an event of the network decided, `null` for other events. */
export function readDecision(event: AuditRecord): Decision | null {
  const kind = event.class_uid === CLASSES.connection
    ? "connection"
    : event.class_uid === CLASSES.request
    ? "request"
    : null;
  const verdict = VERDICTS[text(event, "action") ?? ""];
  if (kind === null || verdict === undefined) return null;
  return {
    kind,
    host: text(event, "dst_endpoint", "domain") ?? text(event, "dst_endpoint", "hostname") ??
      text(event, "dst_endpoint", "ip") ?? "",
    port: Number(at(event, "dst_endpoint", "port") ?? 0),
    method: text(event, "http_request", "http_method"),
    path: text(event, "http_request", "url", "path"),
    verdict,
    reason: text(event, "unmapped", "reason"),
    rule: text(event, "firewall_rule", "name"),
    binary: text(event, "actor", "process", "file", "path") ??
      text(event, "actor", "process", "name"),
  };
}

const VERDICTS: Readonly<Record<string, WantedEvent["verdict"]>> = {
  Allowed: "allowed",
  Denied: "denied",
  Observed: "audited",
};

function isAbout(decision: Decision | null, want: WantedEvent): boolean {
  return decision !== null && decision.kind === want.kind && decision.host === want.host &&
    decision.port === want.port &&
    (want.method === undefined || decision.method === want.method) &&
    (want.path === undefined || decision.path === want.path);
}

function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (inner, key) => (inner as Record<string, unknown> | undefined)?.[key],
    value,
  );
}

function text(value: unknown, ...keys: readonly string[]): string | null {
  const found = at(value, ...keys);
  return typeof found === "string" ? found : null;
}
