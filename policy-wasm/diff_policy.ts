/**
 * The structural difference of two policies: what was added, removed or changed, by meaning.
 *
 * Order, comments, spelling and presets do not count. What the change lets through is a question
 * for the prover.
 *
 * @module
 */

import { describeRule } from "./near_misses.ts";
import type { Endpoint, Policy, Rule } from "./policy.ts";

/** One difference. */
export interface PolicyChange {
  readonly kind: "added" | "removed" | "changed";
  /** Place in the policy, as in `network_policies.github.endpoints.api.github.com:443.allow`. */
  readonly path: string;
  /** Value before and after as short text, `null` where there is none. */
  readonly before: string | null;
  readonly after: string | null;
}

/** A policy as names and values, in which equal things have equal names. */
type Tree = { readonly [name: string]: Tree | string };

/** Returns the differences in the order of the documents: sections, then rules by key. */
export function diffPolicies(before: Policy, after: Policy): PolicyChange[] {
  return [...compare(treeOf(before), treeOf(after), "")];
}

function* compare(before: Tree, after: Tree, parent: string): Generator<PolicyChange> {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const name of names) {
    const path = parent === "" ? name : `${parent}.${name}`;
    const old = Object.hasOwn(before, name) ? before[name]! : null;
    const now = Object.hasOwn(after, name) ? after[name]! : null;
    if (old !== null && now !== null && typeof old !== "string" && typeof now !== "string") {
      yield* compare(old, now, path);
    } else if (old === null) {
      yield { kind: "added", path, before: null, after: summarise(now!) };
    } else if (now === null) {
      yield { kind: "removed", path, before: summarise(old), after: null };
    } else if (old !== now) {
      yield { kind: "changed", path, before: summarise(old), after: summarise(now) };
    }
  }
}

function summarise(value: Tree | string): string {
  if (typeof value === "string") return value;
  return Object.entries(value)
    .map(([name, inner]) => inner === "" ? name : `${name}: ${summarise(inner)}`)
    .join("; ");
}

function treeOf(policy: Policy): Tree {
  return {
    filesystem_policy: {
      include_workdir: String(policy.filesystem.includeWorkdir),
      read_only: setOf(policy.filesystem.readOnly),
      read_write: setOf(policy.filesystem.readWrite),
    },
    landlock: { compatibility: policy.landlock.compatibility },
    process: {
      run_as_user: policy.process.runAsUser ?? "unset",
      run_as_group: policy.process.runAsGroup ?? "unset",
    },
    network_policies: Object.fromEntries(policy.rules.map((rule) => [rule.key, ruleTree(rule)])),
    network_middlewares: Object.fromEntries(
      policy.middlewares.map(({ key, ...config }) => [key, JSON.stringify(config)]),
    ),
  };
}

function ruleTree(rule: Rule): Tree {
  const endpoints: Record<string, Tree> = {};
  for (const endpoint of rule.endpoints) {
    const label = endpointLabel(endpoint);
    let unique = label;
    for (let i = 2; Object.hasOwn(endpoints, unique); i++) unique = `${label}#${i}`;
    endpoints[unique] = endpointTree(endpoint);
  }
  const binaries = rule.binaries.map(({ path, descendants }) =>
    descendants ? `${path} (and descendants)` : path
  );
  return { name: rule.name, endpoints, binaries: setOf(binaries) };
}

function endpointLabel({ host, ports, path }: Endpoint): string {
  return `${host === "" ? "any" : host}:${ports.join(",")}${path === "**" ? "" : ` ${path}`}`;
}

function endpointTree(endpoint: Endpoint): Tree {
  const { host: _host, ports: _ports, path: _path, allow, deny, allowedIps, ...rest } = endpoint;
  const settings = Object.entries(rest).map(([name, value]) => [
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return {
    ...Object.fromEntries(settings),
    allow: setOf(allow.map(describeRule)),
    deny: setOf(deny.map(describeRule)),
    allowed_ips: setOf(allowedIps),
  };
}

function setOf(values: readonly string[]): Tree {
  return Object.fromEntries(values.toSorted().map((value) => [value, ""]));
}
