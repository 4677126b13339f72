/**
 * Which credentials are in scope of what: providers as plain input, without any secret.
 *
 * @module
 */

import type { Region } from "../space/member.ts";

/** A credential that a sandbox may use, and the hosts that it is for. */
export interface Provider {
  /** Name of the provider, for findings and claims. */
  readonly name: string;
  readonly endpoints: readonly ProviderEndpoint[];
}

/** Where a credential is used. */
export interface ProviderEndpoint {
  /** Canonical host or host pattern. */
  readonly host: string;
  /** `null` for every port. */
  readonly ports: readonly number[] | null;
}

/** Returns the regions of all credentials, in order. */
export function credentialRegions(providers: readonly Provider[]): readonly Region[] {
  return providers.flatMap(({ endpoints }) =>
    endpoints.map(({ host, ports }) => ({ ...EVERYTHING, host, ports }))
  );
}

/** The region of all requests, to be narrowed. */
export const EVERYTHING: Region = {
  host: null,
  ports: null,
  binary: null,
  methods: null,
  path: null,
  isComplete: false,
};
