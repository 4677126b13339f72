/**
 * Reports and judgements for tests of the renderers.
 *
 * @module
 */

import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import type { ProofInput } from "../../prover/input.ts";
import { prove } from "../../prover/prove.ts";
import { judge, type Judgement, type JudgeOptions } from "./judge.ts";
import { parseRisks, type Risk } from "./parse_risks.ts";

/** 2026-11-24. */
export const NOW = Date.UTC(2026, 10, 24, 12);

/** One rule beyond the ceiling (an error), one that is shadowed (a warning). */
export const POLICY = `version: 1
network_policies:
  api:
    endpoints:
      - host: api.example.com
        port: 443
        protocol: rest
        enforcement: enforce
        rules:
          - allow: { method: GET, path: "/v1/**" }
          - allow: { method: GET, path: "/v1/a" }
          - allow: { method: DELETE, path: "/v1/a&b" }
    binaries:
      - path: /usr/bin/curl
`;

/** Allows what {@link POLICY} does but for the deletion. */
export const CEILING = POLICY.replace(/ +- allow: \{ method: DELETE.*\n/, "");

/** A policy that nothing is to be said about. */
export const CLEAN = CEILING.replace(/ +- allow: \{ method: GET, path: "\/v1\/a" \}\n/, "");

/** Returns a risk as a document has it. */
export function riskOf(text: string, now = NOW): Risk {
  const { risks } = parseRisks(`version: 1\nrisks:\n  - ${text}\n`, { now, claims: [] });
  return risks![0]!;
}

/** Proves {@link POLICY} under {@link CEILING} and judges it. */
export async function judgementOf(
  change: Partial<JudgeOptions> & { readonly input?: Partial<ProofInput> } = {},
): Promise<Judgement> {
  const { input, ...options } = change;
  const subject = { policy: parsePolicy(POLICY), ceiling: parsePolicy(CEILING), ...input };
  return judge(await prove(subject), {
    files: { policy: "policies/p.yaml", ceiling: "c.yaml" },
    levels: {},
    risks: [],
    risksFile: null,
    isStrict: false,
    ...options,
  });
}
