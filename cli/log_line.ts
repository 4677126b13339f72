/**
 * One line of a log, for a person.
 *
 * @module
 */

import type { LogLine } from "../gateway/client/types.ts";
import { printableLine } from "./printable.ts";
import { UsageError } from "./usage_error.ts";

/** Longest source, so that lines align. */
const SOURCE_WIDTH = 7;

const LEVEL_WIDTH = 5;

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Returns one line with its line feed: time, source, level, target, message, fields by key. */
export function formatLogLine(line: LogLine): string {
  const { timestampMs, level, target, message } = line;
  const seconds = Math.floor(timestampMs / 1000);
  const fraction = String(timestampMs - seconds * 1000).padStart(3, "0");
  const source = (line.source === "" ? "gateway" : line.source).padEnd(SOURCE_WIDTH);
  const fields = Object.entries(line.fields)
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([key, value]) => ` ${key}=${value}`);
  const text = `[${seconds}.${fraction}] [${source}] [${level.padEnd(LEVEL_WIDTH)}] ` +
    `[${target}] ${message}${fields.join("")}`;
  return `${printableLine(text)}\n`;
}

/**
 * Returns an age in milliseconds.
 *
 * @throws {UsageError} for anything but a number and a unit
 */
export function parseAge(text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (digits !== "") return Number(digits) * UNITS_MS[unit]!;
  throw new UsageError(`Cannot use "${text}" as an age: it should be a number and a unit`, {
    hint: "Write it as 30s, 5m, 1h or 2d",
  });
}
