/**
 * Where credentials belong to a host and nothing would read what goes there.
 *
 * On a connection that is relayed unread a placeholder is not replaced, and a key of an attacker is
 * not seen. A policy has to say that this is meant: `allow_uninspected_credentials`.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import type { Endpoint, Rule } from "../../../policy-wasm/policy.ts";
import type { CredentialSet } from "../credentials/credential_set.ts";

/** An endpoint and a credential that do not go together. */
export interface UninspectedCredential {
  readonly rule: string;
  readonly endpoint: Endpoint;
  readonly key: string;
}

/** Returns all that do not go together. */
export function findUninspected(
  rules: Iterable<Rule>,
  credentials: CredentialSet,
): readonly UninspectedCredential[] {
  if (credentials.isEmpty) return [];
  return [...rules].flatMap(({ key: rule, endpoints }) =>
    endpoints.filter(isUnread).flatMap((endpoint) =>
      // An endpoint of addresses alone takes any host.
      credentials.keysAt(endpoint.host === "" ? "**" : endpoint.host, endpoint.ports)
        .map((key) => ({ rule, endpoint, key }))
    )
  );
}

/** Nothing reads what goes there, and nobody said that it is meant. */
export function isUnread({ protocol, tls, allowUninspectedCredentials }: Endpoint): boolean {
  if (allowUninspectedCredentials) return false;
  return protocol === "l4" || protocol === "tcp" || tls === "skip";
}
