/**
 * When a value ends for us, and when the next one is due.
 *
 * Pure: no I/O, no clock, no module state.
 *
 * @module
 */

import {
  REFRESH_GAP_MS_MIN,
  REFRESH_LEAD_SECONDS,
  REFRESH_LIFETIME_SECONDS,
  REFRESH_LIFETIME_SECONDS_MAX,
} from "../../../proto/refresh_limits.ts";

/** What a profile says; 0 is the usual. */
export interface Lifetimes {
  readonly leadSeconds: number;
  readonly lifetimeSecondsMax: number;
}

export interface Schedule {
  readonly expiresAtMs: number;
  readonly nextRefreshAtMs: number;
}

/** Returns the longest that a value is used, in seconds. */
export function longestLifetime({ lifetimeSecondsMax }: Lifetimes): number {
  return Math.min(lifetimeSecondsMax || REFRESH_LIFETIME_SECONDS, REFRESH_LIFETIME_SECONDS_MAX);
}

/** Returns the times of a value that was made now; `null` where nobody says how long it lives. */
export function scheduleMinted(
  lifetimes: Lifetimes,
  nowMs: number,
  lifetimeSeconds: number | null,
): Schedule {
  const longest = longestLifetime(lifetimes);
  const seconds = Math.min(lifetimeSeconds ?? longest, longest);
  return scheduleEnd(lifetimes, nowMs, nowMs + seconds * 1000);
}

/** Returns the times of a value with a known end. */
export function scheduleEnd(lifetimes: Lifetimes, nowMs: number, expiresAtMs: number): Schedule {
  const leadMs = (lifetimes.leadSeconds || REFRESH_LEAD_SECONDS) * 1000;
  // One that lives shorter than the lead would be due the moment it is made.
  const lead = Math.min(leadMs, Math.max(0, expiresAtMs - nowMs) / 2);
  const due = Math.floor(expiresAtMs - lead);
  return { expiresAtMs, nextRefreshAtMs: Math.max(due, nowMs + REFRESH_GAP_MS_MIN) };
}
