/**
 * Finds the endpoints that take one connection, without comparing every pair of a policy.
 *
 * Endpoints with one host and port stand in one place. Exact hosts meet only themselves, patterns
 * meet what shares their two last labels, and an endpoint without host meets everything on its
 * port. So 10,000 endpoints with distinct hosts cost 10,000 insertions.
 *
 * @module
 */

import { hostComparisonSteps, hostPatternsIntersect } from "../host_pattern.ts";
import type { CheckedEndpoint } from "./endpoint.ts";

/** Endpoints with the same host on the same port, in the author's order. */
export interface Place {
  readonly host: string;
  readonly members: readonly CheckedEndpoint[];
}

/** Counts what a comparison costs, so that a policy made to be slow is refused instead. */
export class Budget {
  #left: number;
  #spentAt: CheckedEndpoint | null = null;

  constructor(units: number) {
    this.#left = units;
  }

  get isSpent(): boolean {
    return this.#left < 0;
  }

  /** The endpoint that was compared when nothing was left. */
  get spentAt(): CheckedEndpoint | null {
    return this.#spentAt;
  }

  spend(units: number, at?: Place): void {
    this.#left -= units;
    if (this.isSpent) this.#spentAt ??= at?.members[0] ?? null;
  }
}

/** Yields each pair of places that share a port and a host, a place with itself included. */
export function* overlappingPlaces(
  endpoints: readonly CheckedEndpoint[],
  budget: Budget,
): Generator<readonly [Place, Place]> {
  for (const places of placesByPort(endpoints).values()) yield* overlapsOnPort(places, budget);
}

interface MutablePlace {
  readonly host: string;
  readonly members: CheckedEndpoint[];
}

function placesByPort(endpoints: readonly CheckedEndpoint[]): Map<number, Map<string, Place>> {
  const byPort = new Map<number, Map<string, MutablePlace>>();
  for (const checked of endpoints) {
    const { host, ports } = checked.endpoint;
    for (const port of ports) {
      const places = byPort.get(port) ?? new Map<string, MutablePlace>();
      byPort.set(port, places);
      const place = places.get(host) ?? { host, members: [] };
      places.set(host, place);
      place.members.push(checked);
    }
  }
  return byPort;
}

function* overlapsOnPort(
  places: ReadonlyMap<string, Place>,
  budget: Budget,
): Generator<readonly [Place, Place]> {
  const byEnding = new Map<string, { patterns: Place[]; exact: Place[] }>();
  const anyHost = places.get("");
  for (const place of places.values()) {
    if (place.members.length > 1) yield [place, place];
    if (place.host === "") continue;
    if (anyHost !== undefined) yield [anyHost, place];
    const ending = place.host.split(".").slice(-2).join(".");
    const group = byEnding.get(ending) ?? { patterns: [], exact: [] };
    byEnding.set(ending, group);
    (place.host.includes("*") ? group.patterns : group.exact).push(place);
  }
  for (const { patterns, exact } of byEnding.values()) {
    for (const [index, pattern] of patterns.entries()) {
      for (const other of [...patterns.slice(index + 1), ...exact]) {
        const steps = hostComparisonSteps(pattern.host, other.host);
        budget.spend(HOST_UNITS + Math.ceil(steps / STEPS_PER_UNIT), other);
        if (budget.isSpent) return;
        if (hostPatternsIntersect(pattern.host, other.host)) yield [pattern, other];
      }
    }
  }
}

/** A comparison of two hosts, in units of about a tenth of a microsecond. */
const HOST_UNITS = 10;

/** Steps of an alignment in such a unit. */
const STEPS_PER_UNIT = 16;
