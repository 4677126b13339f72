/**
 * What a client sees of credentials that the gateway makes anew, as plain values.
 *
 * @module
 */

export const REFRESH_STRATEGIES = [
  "oauth2-refresh-token",
  "oauth2-client-credentials",
  "google-service-account-jwt",
  "aws-sts-assume-role",
] as const;

export type RefreshStrategyName = typeof REFRESH_STRATEGIES[number];

/** One credential of a provider. */
export interface RefreshName {
  readonly workspace: string;
  readonly provider: string;
  /** Variable. */
  readonly credentialKey: string;
}

/** What the gateway needs to make values. It holds secrets. */
export interface RefreshInput extends RefreshName {
  readonly strategy: RefreshStrategyName;
  readonly material: Readonly<Record<string, string>>;
  /** Names of pieces that are secret besides those that always are. */
  readonly secretMaterialKeys: readonly string[];
  /** End of the value that the provider has, in milliseconds since 1970; 0 where nobody knows. */
  readonly expiresAtMs: number;
}

/** How a refresh fares. Milliseconds are since 1970, and 0 is never. */
export interface RefreshView {
  readonly provider: string;
  readonly providerId: string;
  readonly credentialKey: string;
  /** As in {@link REFRESH_STRATEGIES}. */
  readonly strategy: string;
  /** `configured`, `refreshed` or `error`. */
  readonly status: string;
  readonly expiresAtMs: number;
  readonly nextRefreshAtMs: number;
  readonly lastRefreshAtMs: number;
  /** Empty where the last attempt has not failed. */
  readonly lastError: string;
}

/** Calls about refreshes. Each throws a `GatewayError` when the gateway says no. */
export interface RefreshCalls {
  /** Those of a provider, or the one of a key that is not empty. */
  refreshStatus(name: RefreshName): Promise<readonly RefreshView[]>;
  configureRefresh(refresh: RefreshInput): Promise<RefreshView>;
  /** Makes a new value now. */
  rotateCredential(name: RefreshName): Promise<RefreshView>;
  /** Returns false where there was none. */
  deleteRefresh(name: RefreshName): Promise<boolean>;
}
