/**
 * Policies of the tests: the file rules that all share, and what may be reached.
 *
 * @module
 */

import { stringify } from "yaml";

/** An endpoint as a policy writes it. */
export type Endpoint = Readonly<Record<string, unknown>>;

export interface Rule {
  readonly endpoints: readonly Endpoint[];
  /** Paths of programs; `curl` alone by default. */
  readonly binaries?: readonly string[];
}

/** The path that the kernel reports, with links resolved. */
export const CURL = "/usr/bin/curl";
export const BASH = "/usr/bin/bash";
/** Any program: for cases that are not about who asks. */
export const ANYONE = ["/**"];

/** Returns a policy document. */
export function policy(rules: Readonly<Record<string, Rule>>): string {
  const networkPolicies = Object.fromEntries(
    Object.entries(rules).map(([name, { endpoints, binaries = [CURL] }]) => [name, {
      endpoints,
      binaries: binaries.map((path) => ({ path })),
    }]),
  );
  return stringify({
    version: 1,
    filesystem_policy: {
      include_workdir: true,
      read_only: ["/usr", "/lib", "/etc", "/proc", "/dev/urandom"],
      read_write: ["/tmp", "/dev/null"],
    },
    landlock: { compatibility: "hard_requirement" },
    network_policies: networkPolicies,
  }, { aliasDuplicateObjects: false });
}

/** A host whose requests are judged one by one. */
export function rest(host: string, port: number, more: Endpoint): Endpoint {
  return { host, port, protocol: "rest", enforcement: "enforce", ...more };
}
