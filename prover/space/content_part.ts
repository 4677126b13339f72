/**
 * What the classes of queries, operations and messages have in common.
 *
 * @module
 */

import type { Budget } from "../atoms/limits.ts";
import type { Matcher } from "./matcher.ts";

/** One class of one part of a request. */
export interface Part<T> {
  readonly value: T;
  /** Numbers of the rules whose condition on this part is met. */
  readonly met: readonly number[];
}

/** What classes of content are made with. */
export interface ContentTools {
  readonly matcher: Matcher;
  readonly budget: Budget;
}

/** Keeps one part for each set of conditions and key, the first. */
export function distinct<T>(parts: Iterable<Part<T>>, keyOf: (value: T) => string): Part<T>[] {
  const found = new Map<string, Part<T>>();
  for (const part of parts) {
    const key = `${keyOf(part.value)} ${part.met.join()}`;
    if (!found.has(key)) found.set(key, part);
  }
  return [...found.values()];
}
