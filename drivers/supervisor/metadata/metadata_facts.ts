/**
 * What a sandbox may know of the Google account that it works for.
 *
 * Made from the credentials in force. A placeholder takes the place of the token, as in every other
 * variable of a sandbox: what is read here never has been a value.
 *
 * Pure: no I/O, no clock, no module state.
 *
 * @module
 */

import { METADATA_ADDRESS } from "../../../proto/metadata_server.ts";
import type { CredentialSet } from "../credentials/credential_set.ts";

export interface MetadataFacts {
  /** `null` where the provider's config has none. */
  readonly projectId: string | null;
  /** `default` where the provider's config has none: programs cannot do without a name. */
  readonly email: string;
  /** `null` where no token is bound to a place. */
  readonly token: MetadataToken | null;
}

export interface MetadataToken {
  readonly placeholder: string;
  /** Milliseconds since 1970; `null` is no end. */
  readonly expiresAtMs: number | null;
}

/** The account that every metadata server has, whatever its real name. */
export const DEFAULT_ACCOUNT = "default";

/** Keys of tokens. That of a service account is the account's own, so it comes first. */
const TOKEN_KEYS = ["GCP_SA_ACCESS_TOKEN", "GCP_ADC_ACCESS_TOKEN"] as const;

/** Returns `null` where no provider of the sandbox leads programs to the metadata server. */
export function metadataFacts(credentials: CredentialSet): MetadataFacts | null {
  const environment = credentials.environment();
  if (environment["GCE_METADATA_HOST"] !== METADATA_ADDRESS) return null;
  const key = TOKEN_KEYS.find((candidate) => credentials.providerOf(candidate) !== null);
  const placeholder = key === undefined ? undefined : environment[key];
  return {
    projectId: environment["GOOGLE_CLOUD_PROJECT"] ?? null,
    email: environment["GCP_SERVICE_ACCOUNT_EMAIL"] ?? DEFAULT_ACCOUNT,
    token: key === undefined || placeholder === undefined
      ? null
      : { placeholder, expiresAtMs: credentials.expiryOf(key) },
  };
}
