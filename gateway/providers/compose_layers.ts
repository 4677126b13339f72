/**
 * Adds to a policy what the providers of a sandbox bring: one rule for each, of the endpoints and
 * programs of its profile.
 *
 * A layer only adds a rule beside those of the policy. It takes nothing away, and what a rule of the
 * policy denies stays denied.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { parse } from "yaml";
import { checkPolicy } from "../../policy-wasm/check_policy.ts";
import type { Policy } from "../../policy-wasm/policy.ts";
import { ANSWERED_DIAGNOSTICS_MAX, POLICY_NODES_MAX } from "../../proto/limits.ts";
import type { Plain } from "./profile/profile.ts";

/** What one provider brings. */
export interface PolicyLayer {
  /** Name of the provider. */
  readonly provider: string;
  readonly rule: { readonly endpoints: readonly Plain[]; readonly binaries: readonly unknown[] };
}

/** A policy with its layers; or why there is none, for a person. */
export type Composed =
  | { readonly ok: true; readonly text: string; readonly policy: Policy }
  | { readonly ok: false; readonly problem: string };

/** Keys of rules that nobody may write start so. */
const PREFIX = "_provider_";

/** Returns the document with a rule for each layer. */
export function composeLayers(text: string, layers: readonly PolicyLayer[]): Composed {
  const document = parse(text, { maxAliasCount: POLICY_NODES_MAX, logLevel: "silent" }) as Plain;
  const rules: Record<string, unknown> = { ...document["network_policies"] as Plain | undefined };
  for (const { provider, rule } of layers) {
    const endpoints = rule.endpoints;
    rules[freeKey(layerKey(provider), rules)] = { endpoints, binaries: rule.binaries };
  }
  const composed = JSON.stringify({ ...document, network_policies: rules });
  const bytes = new TextEncoder().encode(composed);
  const { policy, diagnostics } = checkPolicy(bytes, { withLayers: true });
  if (policy !== null) return { ok: true, text: composed, policy };
  const problem = diagnostics
    .filter(({ severity }) => severity === "error")
    .slice(0, ANSWERED_DIAGNOSTICS_MAX)
    .map((diagnostic) => diagnostic.message)
    .join("; ");
  return { ok: false, problem };
}

/** Returns the key of a provider's rule. */
export function layerKey(provider: string): string {
  const name = provider.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_").replaceAll(/^_+|_+$/g, "");
  return PREFIX + (name === "" ? "unnamed" : name);
}

function freeKey(key: string, rules: Readonly<Record<string, unknown>>): string {
  if (!Object.hasOwn(rules, key)) return key;
  for (let number = 2;; number++) {
    const next = `${key}_${number}`;
    if (!Object.hasOwn(rules, next)) return next;
  }
}
