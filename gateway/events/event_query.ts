/**
 * Which audit events somebody asks for.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import { EVENT_ORIGINS, type EventOrigin } from "./event_origin.ts";
import type { StoredEvent } from "./stored_event.ts";

/** Empty and absent parts do not restrict. */
export interface EventQuery {
  /** Newest events that fit the rest, at most `EVENT_READ_LINES_MAX`. */
  readonly lines: number;
  /** Milliseconds since 1970. 0 does not restrict. */
  readonly sinceMs?: number;
  /** `sandbox`, `gateway` or `all`. */
  readonly sources?: readonly string[];
  /** `error`, `warn`, `info`, `debug` or `trace`. */
  readonly minLevel?: string;
}

/** The question is not one that can be answered. */
export class EventQueryError extends CodedError {
  override readonly name = "EventQueryError";
  override readonly code = "invalid_argument";

  constructor(detail: string) {
    super(`Cannot read events: ${detail}`);
  }
}

/** A query that was checked. */
export interface EventFilter {
  readonly origins: readonly EventOrigin[];
  readonly sinceMs: number;
  /** Smallest severity that passes. */
  readonly severityMin: number;
}

/**
 * Severities by level. What a person has to look at passes `warn`: denials and worse. All events
 * pass a level that lets information pass.
 */
const SEVERITY_MIN: Readonly<Record<string, number>> = {
  error: 4,
  warn: 3,
  info: 0,
  debug: 0,
  trace: 0,
  "": 0,
};

/** @throws {EventQueryError} */
export function filterOf({ sinceMs = 0, sources = [], minLevel = "" }: EventQuery): EventFilter {
  const level = minLevel.toLowerCase();
  if (!Object.hasOwn(SEVERITY_MIN, level)) {
    const levels = Object.keys(SEVERITY_MIN).filter((name) => name !== "").join(", ");
    throw new EventQueryError(`level ${JSON.stringify(minLevel)} is unknown, should be ${levels}`);
  }
  const isAll = sources.length === 0 || sources.includes("all");
  const unknown = sources.find((name) => name !== "all" && !isOrigin(name));
  if (unknown !== undefined) {
    const detail = `source ${
      JSON.stringify(unknown)
    } is unknown, should be sandbox, gateway or all`;
    throw new EventQueryError(detail);
  }
  return {
    origins: isAll ? EVENT_ORIGINS : EVENT_ORIGINS.filter((name) => sources.includes(name)),
    sinceMs,
    severityMin: SEVERITY_MIN[level]!,
  };
}

/** What cannot be read always passes: nobody should miss it. */
export function passes(event: StoredEvent, { sinceMs, severityMin }: EventFilter): boolean {
  if (event.record === null) return true;
  return event.timeMs >= sinceMs && event.record.severity_id >= severityMin;
}

function isOrigin(name: string): name is EventOrigin {
  return (EVENT_ORIGINS as readonly string[]).includes(name);
}
