/**
 * Where credentials belong to a host, and the policy would let something go there that nobody reads.
 *
 * A supervisor does not load such a policy. Said before, it is the change that is refused, and
 * whoever makes it hears why.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { hostPatternsIntersect } from "../../policy-wasm/host_pattern.ts";
import type { Endpoint, Policy } from "../../policy-wasm/policy.ts";
import type { ProfiledProvider } from "./layered_policies.ts";
import { boundEndpoints } from "./sandbox_environment.ts";

/** Says each case in words, for a person. */
export function findUninspected(
  { rules }: Policy,
  providers: readonly ProfiledProvider[],
): readonly string[] {
  const all = rules.flatMap(({ endpoints }) => endpoints);
  const bound = providers
    .filter(({ record: { handles } }) => Object.keys(handles).length > 0)
    .flatMap((provider) =>
      boundEndpoints(provider, all).map((place) => ({ ...place, provider: provider.record.name }))
    );
  return rules.flatMap(({ key, endpoints }) =>
    endpoints.filter(isUnread).flatMap(({ host, ports }) =>
      // An endpoint of addresses alone takes any host.
      bound.filter((place) =>
        ports.includes(place.port) && hostPatternsIntersect(host || "**", place.host.toLowerCase())
      ).map(({ provider }) =>
        `rule "${key}" relays ${host || "addresses"}, port ${ports.join(", ")}, unread, and ` +
        `credentials of provider "${provider}" belong there: it needs protocol: rest, or ` +
        "allow_uninspected_credentials"
      )
    )
  );
}

/** Nothing reads what goes there, and nobody said that it is meant. */
function isUnread({ protocol, tls, allowUninspectedCredentials }: Endpoint): boolean {
  if (allowUninspectedCredentials) return false;
  return protocol === "l4" || protocol === "tcp" || tls === "skip";
}
