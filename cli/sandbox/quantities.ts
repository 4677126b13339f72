/**
 * Reads amounts of processor time and memory as a person writes them.
 *
 * @module
 */

import { UsageError } from "../usage_error.ts";

/**
 * Returns the amount of processors, as `500m`, `1` or `2.5`, unchanged.
 *
 * @throws {UsageError} for anything else, and for none at all
 */
export function parseCpu(text: string): string {
  const isAmount = /^\d{1,6}m$/.test(text) || /^\d{1,6}(\.\d{1,3})?$/.test(text);
  if (isAmount && Number.parseFloat(text) > 0) return text;
  throw new UsageError(`Cannot use "${text}" as an amount of processors: it should be above 0`, {
    hint: "Write it as 500m, 1 or 2.5",
  });
}

/**
 * Returns the amount of memory, a whole number with or without a unit, unchanged.
 *
 * @throws {UsageError} for anything else, and for none at all
 */
export function parseMemory(text: string): string {
  if (/^\d{1,15}([KMGTPE]i?)?$/.test(text) && Number.parseInt(text) > 0) return text;
  throw new UsageError(`Cannot use "${text}" as an amount of memory: it should be a whole number`, {
    hint: "Write it as 512Mi or 4Gi (units of 1024), or as 500M or 4G (units of 1000)",
  });
}
