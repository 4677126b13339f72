/**
 * Policies of any size for the prover's bench: hosts with three request rules each, a tenth of them
 * patterns, for a few programs.
 *
 * @module
 */

import { stringify } from "yaml";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import { parsePolicy } from "../../../policy-wasm/parse_policy.ts";
import type { Policy } from "../../../policy-wasm/policy.ts";
import type { ProofInput, Subject } from "../../../prover/input.ts";
import { CodedError } from "../../../proto/errors.ts";

/** A policy of the bench has errors. */
class BenchPolicyError extends CodedError {
  override readonly name = "BenchPolicyError";
  override readonly code = "internal";
}

const PROGRAMS = ["curl", "git", "node", "python3"];

/** Returns a policy with so many request rules; each third host is one more rule of the document. */
function policyOfSize(rules: number, change: { readonly isWider: boolean }): Subject {
  const entries = Array.from({ length: Math.ceil(rules / 3) }, (_, at) => [
    `r${at}`,
    {
      endpoints: [{
        host: at % 10 === 9 ? `*.zone${at}.example.com` : `host${at}.example.com`,
        port: 443,
        protocol: "rest",
        rules: requestRules(at, change.isWider).slice(0, rules - at * 3),
      }],
      binaries: [{ path: `/usr/bin/${PROGRAMS[at % PROGRAMS.length]}` }],
    },
  ]);
  const document = { version: 1, network_policies: Object.fromEntries(entries) };
  const parsed = parsePolicy(stringify(document));
  if (parsed.policy === null) {
    throw new BenchPolicyError(`Cannot make the policy: ${parsed.diagnostics[0]?.message}`);
  }
  return parsed;
}

/** The wider form lets one component more pass. */
function requestRules(at: number, isWider: boolean) {
  return [
    { allow: { method: "GET", path: isWider ? `/v1/items${at}/**` : `/v1/items${at}/*` } },
    { allow: { method: "POST", path: `/v1/items${at}/*/notes` } },
    { allow: { method: "GET", path: "/status", query: { verbose: "[01]" } } },
  ];
}

/** Returns rules for one host whose paths overlap, where texts have to be told apart. */
export function oneHost(rules: number, isWider: boolean): Policy {
  const allow = Array.from({ length: rules }, (_, at) => {
    const tail = isWider ? "**" : "*";
    return httpRuleOf({ path: `/*/a*${at}/notes/${tail}` });
  });
  return policyOf(ruleOf({ endpoints: [endpointOf({ allow })] }));
}

/** What is asked, by name. */
export type Asked = "policy alone" | "ceiling" | "floor" | "baseline" | "credentials";

export const ASKED: readonly Asked[] = [
  "policy alone",
  "ceiling",
  "floor",
  "baseline",
  "credentials",
];

/** Returns the input of one proof: everything that holds is proved, which is the harder half. */
export function inputOf(asked: Asked, rules: number): ProofInput {
  const policy = policyOfSize(rules, { isWider: false });
  switch (asked) {
    case "policy alone":
      return { policy };
    case "ceiling":
      return { policy, ceiling: policyOfSize(rules, { isWider: true }) };
    case "floor":
      return { policy: policyOfSize(rules, { isWider: true }), floor: policy };
    case "baseline":
      return { policy, baseline: policyOfSize(rules, { isWider: false }) };
    case "credentials":
      return {
        policy,
        providers: [{ name: "token", endpoints: [{ host: "host0.example.com", ports: null }] }],
        trustedHosts: ["**.example.com"],
      };
  }
}
