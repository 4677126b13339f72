/**
 * Hosts as atoms: each exact host, what patterns share, and one host that nothing names.
 *
 * Patterns end in two literal labels, so only hosts that end in the tail of a pattern can meet
 * it, and a thousand hosts cost a thousand insertions.
 *
 * @module
 */

import { canonicalHost } from "../../policy-wasm/canonical/host.ts";
import { hostPatternsIntersect } from "../../policy-wasm/host_pattern.ts";
import { HOST_BYTES_MAX } from "../../proto/limits.ts";
import { type Budget, BudgetSpent } from "../atoms/limits.ts";
import { splitIntoAtoms } from "../atoms/minterms.ts";
import type { Matcher } from "./matcher.ts";

/** Hosts that the same names and patterns match. */
export interface HostAtom {
  readonly host: string;
  /** The names and patterns that match, as they are written. */
  readonly written: readonly string[];
}

/**
 * Returns the atoms of these names and patterns, and last one that none of them matches.
 *
 * @throws {BudgetSpent}
 */
export function hostAtoms(
  written: readonly string[],
  matcher: Matcher,
  budget: Budget,
): readonly HostAtom[] {
  const atoms: HostAtom[] = [];
  for (const hosts of groupsOf([...new Set(written)])) {
    if (hosts.some((host) => host.includes("*"))) {
      atoms.push(...atomsWithPatterns(hosts, { matcher, budget }));
    } else {
      atoms.push(...hosts.map((host) => ({ host, written: [host] })));
    }
  }
  return [...atoms, { host: unnamedHost(written), written: [] }];
}

/** Shares hosts out so that no two groups have a host in common. */
function groupsOf(hosts: readonly string[]): readonly (readonly string[])[] {
  const tails = new Set(hosts.filter((host) => host.includes("*")).map(tailOf));
  const parents = new Map<string, string>();
  const rootOf = (name: string): string => {
    let root = name;
    while (parents.has(root)) root = parents.get(root)!;
    return root;
  };
  const keyOf = (host: string) => host.includes("*") ? tailOf(host) : host;
  for (const host of hosts) {
    const labels = keyOf(host).split(".");
    // A pattern with this tail may cover what ends in it.
    for (let at = 0; at < labels.length; at++) {
      const tail = labels.slice(at).join(".");
      if (!tails.has(tail)) continue;
      const [own, other] = [rootOf(keyOf(host)), rootOf(tail)];
      if (own !== other) parents.set(own, other);
    }
  }
  return [...Map.groupBy(hosts, (host) => rootOf(keyOf(host))).values()];
}

/** Returns the literal labels at the end of a pattern. */
function tailOf(pattern: string): string {
  const labels = pattern.split(".");
  return labels.slice(labels.findLastIndex((label) => label.includes("*")) + 1).join(".");
}

function atomsWithPatterns(
  hosts: readonly string[],
  { matcher, budget }: { readonly matcher: Matcher; readonly budget: Budget },
): HostAtom[] {
  const tails = hosts.filter((host) => host.includes("*")).map(tailOf);
  const ending = tails[0]!;
  if (tails.some((tail) => tail.split(".").length < 2)) {
    throw new BudgetSpent(
      `Host pattern ${JSON.stringify(hosts[0])} is wild in its last two labels`,
    );
  }
  // Names first, so that an exact host is its own witness.
  const globs = hosts.map((host) => matcher.host(host));
  const names = hosts.filter((host) => !host.includes("*"));
  const preferred = [...names, `host.${ending}`, `a.host.${ending}`, `www.${ending}`];
  const atoms = splitIntoAtoms(globs, matcher.language("host"), { budget, preferred });
  const result: HostAtom[] = [];
  for (const { patterns, witness } of atoms) {
    if (patterns.length === 0 || witness.length > HOST_BYTES_MAX) continue;
    const form = canonicalHost(witness);
    if (!form.ok || form.host !== witness) {
      // An exact address is not a name, and the pattern that would cover it is refused elsewhere.
      throw new BudgetSpent(
        `Host pattern ${JSON.stringify(hosts[patterns[0]!])} has no short host`,
      );
    }
    result.push({ host: witness, written: patterns.map((index) => hosts[index]!) });
  }
  return result;
}

/** Returns a host that nothing matches. */
function unnamedHost(written: readonly string[]): string {
  const taken = (host: string) => written.some((other) => hostPatternsIntersect(other, host));
  for (let number = 0;; number++) {
    const host = number === 0 ? "unlisted.example" : `unlisted${number}.example`;
    if (!taken(host)) return host;
  }
}
