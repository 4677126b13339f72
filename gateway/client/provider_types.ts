/**
 * What a client sees of providers and their profiles, as plain values.
 *
 * @module
 */

type Texts = Readonly<Record<string, string>>;

export interface ProviderView {
  /** UUID. */
  readonly id: string;
  readonly name: string;
  readonly workspace: string;
  readonly type: string;
  /** Names alone: a gateway never tells a value. */
  readonly credentialKeys: readonly string[];
  readonly config: Texts;
  readonly labels: Texts;
  readonly resourceVersion: number;
  /** Since 1970, in milliseconds. */
  readonly createdAtMs: number;
  /** By key, since 1970, in milliseconds. */
  readonly expiresAtMs: Readonly<Record<string, number>>;
}

export interface ProviderName {
  readonly name: string;
  readonly workspace: string;
}

/** What a provider is to have. In an update, what is left out stays, and an empty value goes. */
export interface ProviderInput extends ProviderName {
  /** Empty in an update. */
  readonly type: string;
  readonly credentials: Texts;
  readonly config: Texts;
  /** By key, since 1970, in milliseconds; 0 takes an end away. */
  readonly expiresAtMs: Readonly<Record<string, number>>;
  /** Binds to the profile that is for all workspaces. */
  readonly usesGlobalProfile: boolean;
}

export interface ProviderQuery {
  readonly workspace: string;
  readonly allWorkspaces: boolean;
  readonly limit: number;
  readonly offset: number;
}

/** Calls about providers. Each throws a `GatewayError` when the gateway says no. */
export interface ProviderCalls {
  createProvider(provider: ProviderInput): Promise<ProviderView>;
  getProvider(name: ProviderName): Promise<ProviderView>;
  listProviders(query: ProviderQuery): Promise<readonly ProviderView[]>;
  updateProvider(provider: ProviderInput): Promise<ProviderView>;
  /** Returns false where there was none. */
  deleteProvider(name: ProviderName): Promise<boolean>;
  listSandboxProviders(sandbox: ProviderName): Promise<readonly ProviderView[]>;
  /** Returns false where the sandbox has it already. */
  attachProvider(sandbox: ProviderName, provider: string, version: number): Promise<boolean>;
  /** Returns false where the sandbox does not have it. */
  detachProvider(sandbox: ProviderName, provider: string, version: number): Promise<boolean>;
}
