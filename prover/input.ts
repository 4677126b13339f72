/**
 * What a proof is about, and how it is to be done.
 *
 * @module
 */

import type { ParsedPolicy } from "../policy-wasm/parse_policy.ts";
import type { Policy } from "../policy-wasm/policy.ts";
import { PROOF_MS_DEFAULT } from "../proto/proof_limits.ts";
import { type Caps, DEFAULT_CAPS } from "./atoms/limits.ts";
import type { Claim } from "./claims/claim.ts";
import { UnprovablePolicyError } from "./errors.ts";
import type { Replay } from "./exact/replay.ts";
import type { Provider } from "./questions/credentials.ts";
import type { Registry } from "./registry/registry.ts";
import type { Level, Role } from "./report.ts";
import type { SolverPort } from "./solver/port.ts";

/** A policy and where its parts are written: what `parsePolicy` and `checkPolicy` return. */
export type Subject = Pick<ParsedPolicy, "policy" | "locate">;

/** What is asked about. */
export interface ProofInput {
  readonly policy: Subject;
  /** The policy may allow nothing beyond it. */
  readonly ceiling?: Subject;
  /** The policy has to allow all of it. */
  readonly floor?: Subject;
  /** The policy is compared with it. */
  readonly baseline?: Subject;
  /** Credentials in scope. Left out, the questions about credentials are not asked. */
  readonly providers?: readonly Provider[];
  readonly claims?: readonly Claim[];
  /** Hosts, besides those of credentials, that data may be written to. */
  readonly trustedHosts?: readonly string[];
  /** Link-local address of the host machine that sandboxes are started with. */
  readonly trustedGatewayIp?: string;
}

/** How it is done. Every part has a default. */
export interface ProofOptions {
  /** `exact` is the fast engine alone; `both` has z3 confirm it. */
  readonly engine?: "exact" | "both";
  /** Beyond it what is not answered is `unknown`, in milliseconds. */
  readonly timeoutMs?: number;
  readonly caps?: Partial<Caps>;
  /** Levels other than those of the catalogue, by question. */
  readonly levels?: Readonly<Record<string, Level>>;
  readonly registry?: Registry;
  /** Ports, for tests. */
  readonly now?: () => number;
  readonly replay?: Replay;
  /** The second engine; left out, z3 in WebAssembly. */
  readonly solver?: SolverPort;
}

/** Fills in the caps. */
export function capsOf({ caps }: ProofOptions): Caps {
  return { ...DEFAULT_CAPS, ...caps };
}

/** Time of the proof, in milliseconds. */
export function timeoutOf({ timeoutMs }: ProofOptions): number {
  return timeoutMs ?? PROOF_MS_DEFAULT;
}

/**
 * Returns the policies that were given, by role.
 *
 * @throws {UnprovablePolicyError} One of them has errors.
 */
export function policiesOf(
  input: ProofInput,
): { readonly policy: Policy } & Readonly<Partial<Record<Role, Policy>>> {
  const result: Partial<Record<Role, Policy>> = {};
  for (const role of ["policy", "ceiling", "floor", "baseline"] as const) {
    const subject = input[role];
    if (subject === undefined) continue;
    if (subject.policy === null) throw new UnprovablePolicyError(role);
    result[role] = subject.policy;
  }
  const { policy } = result;
  if (policy === undefined) throw new UnprovablePolicyError("policy");
  return { ...result, policy };
}
