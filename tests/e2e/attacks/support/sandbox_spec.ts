/**
 * The sandbox that attacks run in, and what its policy says in each mode.
 *
 * @module
 */

import { type Endpoint, policy, type Rule } from "../../support/policies.ts";
import type { World } from "../../support/world.ts";
import type { Mode } from "./attack.ts";

export interface SandboxSpec {
  /** At most 19 characters. */
  readonly name: string;
  /** Documents; a mode that is missing here is not tried. */
  readonly policies: Partial<Readonly<Record<Mode, string>>>;
  readonly flags?: readonly string[];
  /** Prepares the sandbox before the first script. */
  readonly prepare?: (world: World, sandbox: string) => Promise<void>;
  /** What reached servers besides those of the world: bytes, and names that were asked for. */
  readonly received?: () => Promise<readonly string[]>;
  /** Further proof from outside of the sandbox, after all attacks. Throws where one has worked. */
  readonly check?: (world: World) => Promise<void>;
}

/** What an inspected host still allows after a reload: nothing that a script asks for. */
const KEPT = { allow: { method: "GET", path: "/kept-after-reload" } } as const;

/**
 * Returns the policy of each mode. After the reload inspected hosts still let connections through,
 * so that an attack gets as far as its requests; all other hosts are gone.
 */
export function policiesOf(rules: Readonly<Record<string, Rule>>): Readonly<Record<Mode, string>> {
  return {
    enforce: policy(rules),
    audit: policy(mapEndpoints(rules, (endpoint) => [
      isInspected(endpoint) ? { ...endpoint, enforcement: "audit" } : endpoint,
    ])),
    "after-reload": policy(mapEndpoints(rules, (endpoint) => {
      if (!isInspected(endpoint)) return [];
      const { host, port, protocol } = endpoint;
      return [{ host, port, protocol, enforcement: "enforce", rules: [KEPT] }];
    })),
  };
}

function isInspected(endpoint: Endpoint): boolean {
  return endpoint.protocol !== undefined;
}

function mapEndpoints(
  rules: Readonly<Record<string, Rule>>,
  change: (endpoint: Endpoint) => readonly Endpoint[],
): Readonly<Record<string, Rule>> {
  const changed = Object.entries(rules).map(([key, rule]) =>
    [key, { ...rule, endpoints: rule.endpoints.flatMap(change) }] as const
  );
  return Object.fromEntries(changed.filter(([, { endpoints }]) => endpoints.length > 0));
}
