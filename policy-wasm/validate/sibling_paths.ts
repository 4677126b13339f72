/**
 * Warns of requests that pass beside the endpoint that was meant to judge them.
 *
 * An endpoint for GraphQL, JSON-RPC or MCP often has one fixed path, as `/mcp`. Many servers answer
 * `/mcp/` the same way, which is another path here. Where a `rest` endpoint of the same host and
 * port allows it, nobody reads the calls in it.
 *
 * @module
 */

import { pathsIntersect } from "../glob/automaton.ts";
import type { Findings } from "../parse/findings.ts";
import { quote, rangeOf } from "../parse/source.ts";
import type { Endpoint } from "../policy.ts";
import { pathSpecificity } from "../traits.ts";
import type { CheckedEndpoint } from "./endpoint.ts";

/** Reports each pair of such endpoints once. */
export function warnSiblingPaths(
  endpoints: readonly CheckedEndpoint[],
  findings: Findings,
): void {
  const places = callsByPlace(endpoints);
  if (places.size === 0) return;
  const seen = new Map<CheckedEndpoint, Set<CheckedEndpoint>>();
  let comparisons = 0;
  for (const rest of endpoints) {
    if (rest.endpoint.protocol !== "rest") continue;
    for (const place of placesOf(rest.endpoint)) {
      const calls = places.get(place) ?? [];
      for (const call of calls) {
        const known = seen.get(rest) ?? new Set();
        seen.set(rest, known);
        if (known.has(call) || call.endpoint.path.endsWith("/")) continue;
        known.add(call);
        comparisons += rest.endpoint.allow.length + rest.endpoint.deny.length + calls.length;
        if (comparisons > COMPARISONS_MAX) return;
        if (passesBeside(rest.endpoint, call.endpoint, calls)) warn(rest, call, findings);
      }
    }
  }
}

/** Paths that are compared; a policy with more gets its first warnings only. */
const COMPARISONS_MAX = 10_000;

function callsByPlace(
  endpoints: readonly CheckedEndpoint[],
): ReadonlyMap<string, readonly CheckedEndpoint[]> {
  const places = new Map<string, CheckedEndpoint[]>();
  for (const checked of endpoints) {
    const { protocol, path } = checked.endpoint;
    if (!["graphql", "json-rpc", "mcp"].includes(protocol) || !isFixed(path)) continue;
    for (const place of placesOf(checked.endpoint)) {
      const calls = places.get(place) ?? [];
      places.set(place, calls);
      calls.push(checked);
    }
  }
  return places;
}

function placesOf({ host, ports }: Endpoint): string[] {
  return ports.map((port) => `${host} ${port}`);
}

function isFixed(path: string): boolean {
  return !/[*?[{\\]/.test(path);
}

function passesBeside(rest: Endpoint, call: Endpoint, calls: readonly CheckedEndpoint[]): boolean {
  const sibling = `${call.path}/`;
  if (!meets(rest.path, sibling)) return false;
  const isCovered = calls.some(({ endpoint }) => endpoint.path === sibling);
  if (isCovered && pathSpecificity(rest.path) < pathSpecificity(sibling)) return false;
  const isAllowed = rest.allow.some((rule) => rule.kind === "http" && meets(rule.path, sibling));
  if (!isAllowed) return false;
  return !rest.deny.some((rule) =>
    rule.kind === "http" && (rule.method === "*" || rule.method === "POST") &&
    rule.query.length === 0 && meets(rule.path, sibling)
  );
}

function meets(pattern: string, path: string): boolean {
  const literal = pattern.split(/[*?[{\\]/, 1)[0]!;
  return pattern === "**" || (path.startsWith(literal) && pathsIntersect(pattern, path));
}

function warn(rest: CheckedEndpoint, call: CheckedEndpoint, findings: Findings): void {
  const { path, protocol } = call.endpoint;
  const { line } = rangeOf(findings.source, rest.field.span);
  const message =
    `Rule ${quote(call.ruleKey)} reads ${protocol} at ${quote(path)} only, and rule ` +
    `${quote(rest.ruleKey)} (line ${line}) allows ${quote(`${path}/`)}, which many servers take ` +
    "for the same; add an endpoint for it, or deny it";
  findings.add("sibling_path_not_covered", call.field.child("path") ?? call.field, message);
}
