/**
 * Small facts about endpoints that compiler, reference, validator and explanation share.
 *
 * @module
 */

import type { Endpoint, Protocol } from "./policy.ts";

/** Tells whether requests of the protocol are read and judged one by one. */
export function isInspected(protocol: Protocol): boolean {
  return protocol !== "l4" && protocol !== "tcp" && protocol !== "sql";
}

/** Tells whether the endpoint judges GraphQL operations. */
export function hasGraphqlRules(endpoint: Endpoint): boolean {
  return [...endpoint.allow, ...endpoint.deny].some((rule) => rule.kind === "graphql");
}

/** Characters of an endpoint's path other than `*`: more of them is more specific. */
export function pathSpecificity(path: string): number {
  return path.replaceAll("*", "").length;
}
