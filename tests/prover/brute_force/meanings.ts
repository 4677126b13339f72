/**
 * What each question with a set-like meaning asks about one request: true where the request refutes
 * it. Written from `architecture/prover.md`, without anything of the prover.
 *
 * @module
 */

import type { Policy } from "../../../policy-wasm/policy.ts";
import { matchesGlob, matchesHost } from "../../../policy-wasm/reference_glob.ts";
import type { Tried } from "./every_request.ts";

/** What is asked about beside the policies: `policies[0]` is the policy, `[1]` the other one. */
export interface Setting {
  readonly policies: readonly Policy[];
  /** Host patterns of the only credential, on port 1. */
  readonly credential: string;
  readonly trusted: string;
  readonly never: ClaimPattern;
  readonly always: ClaimPattern;
}

/** Parts of a claim; what is left out is any. */
export interface ClaimPattern {
  readonly binary?: string;
  readonly host?: string;
  readonly port?: number;
  readonly method?: readonly string[];
  readonly path?: string;
}

/** Tells whether a request refutes a question. */
export type Meaning = (tried: Tried, setting: Setting) => boolean;

/** By question. */
export const MEANINGS: Readonly<Record<string, Meaning>> = {
  within_ceiling: ({ said }) => goesBeyond(said, 0, 1),
  above_floor: ({ said }) => goesBeyond(said, 1, 0),
  same_as_baseline: ({ said }) => goesBeyond(said, 0, 1) || goesBeyond(said, 1, 0),
  write_bypass: ({ said: [own], target, request }, { policies: [policy] }) =>
    isWrite(request.method) && own!.passes &&
    (own!.isAudited || (own!.isOpaque && isInspectedHost(policy!, target.host))),
  uninspected_credentials: ({ said: [own], target }, setting) =>
    own!.passes && own!.isOpaque && hasCredential(target, setting),
  exfiltration: ({ said: [own], target, request }, setting) =>
    own!.passes && !isTrusted(target, setting) && (own!.isOpaque || isWrite(request.method)),
  read_carries_data: ({ said: [own], target, request }, setting) =>
    own!.passes && !own!.isOpaque && !isTrusted(target, setting) && !isWrite(request.method),
  "claim:never": (tried, { never }) => tried.said[0]!.passes && isClaimed(tried, never),
  "claim:always": (tried, { always }) => {
    const { query = [], graphql, rpc } = tried.request;
    const isPlain = query.length === 0 && graphql === undefined && rpc === undefined;
    return isPlain && !tried.said[0]!.passes && isClaimed(tried, always);
  },
};

function goesBeyond(said: Tried["said"], wide: number, narrow: number): boolean {
  const [first, second] = [said[wide]!, said[narrow]!];
  return (first.passes && !second.passes) || (first.isOpaque && !second.isOpaque);
}

/** Methods that read, of those that are tried. */
function isWrite(method: string): boolean {
  return !["GET", "HEAD", "OPTIONS"].includes(method);
}

export function isInspectedHost({ rules }: Policy, host: string): boolean {
  return rules.some(({ endpoints }) =>
    endpoints.some((endpoint) => endpoint.protocol !== "l4" && matchesHost(endpoint.host, host))
  );
}

export function hasCredential({ host, port }: Tried["target"], { credential }: Setting): boolean {
  return port === 1 && matchesHost(credential, host);
}

export function isTrusted(target: Tried["target"], setting: Setting): boolean {
  return hasCredential(target, setting) || matchesHost(setting.trusted, target.host);
}

export function isClaimed({ caller, target, request }: Tried, claim: ClaimPattern): boolean {
  const { binary, host, port, method, path } = claim;
  return (binary === undefined || matchesGlob(binary, caller.binary, "path")) &&
    (host === undefined || matchesHost(host, target.host)) &&
    (port === undefined || port === target.port) &&
    (method === undefined || method.includes(request.method)) &&
    (path === undefined || matchesGlob(path, request.path, "path"));
}
