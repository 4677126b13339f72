/**
 * What sets of values can do together: several values of one query key, the root fields of one
 * operation, the ancestors of one caller.
 *
 * An allow rule wants every member to match, a deny rule some member. So of a set only two things
 * matter, what all members share and what some member has, and these are closed under union: a
 * few members give all that any number can.
 *
 * @module
 */

import { type Budget, BudgetSpent } from "./limits.ts";

/** One member, or the union of several. */
export interface Union<T> {
  /** Conditions that every member meets, ascending. */
  readonly every: readonly number[];
  /** Conditions that some member meets, ascending. */
  readonly some: readonly number[];
  readonly members: readonly T[];
}

/**
 * Returns one union for each pair of conditions that a set of at least one member can have, those
 * with fewer members first.
 *
 * @throws {BudgetSpent}
 */
export function closeUnderUnion<T>(
  singles: readonly Union<T>[],
  budget: Budget,
): readonly Union<T>[] {
  const found = new Map<string, Union<T>>();
  for (const single of singles) {
    const key = keyOf(single);
    if (!found.has(key)) found.set(key, single);
  }
  const generators = [...found.values()];
  const all = [...generators];
  for (let at = 0; at < all.length; at++) {
    budget.step(generators.length);
    for (const generator of generators) {
      const joined = join(all[at]!, generator);
      const key = keyOf(joined);
      if (found.has(key)) continue;
      if (found.size >= budget.caps.atoms) {
        throw new BudgetSpent(`More than ${budget.caps.atoms} kinds of lists in one place`);
      }
      found.set(key, joined);
      all.push(joined);
    }
  }
  return all;
}

function join<T>(a: Union<T>, b: Union<T>): Union<T> {
  const inB = new Set(b.every);
  return {
    every: a.every.filter((condition) => inB.has(condition)),
    some: [...new Set([...a.some, ...b.some])].sort((x, y) => x - y),
    members: [...a.members, ...b.members],
  };
}

function keyOf({ every, some }: Union<unknown>): string {
  return `${every.join()};${some.join()}`;
}
