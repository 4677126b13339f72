/**
 * What a client sees of providers and their profiles, as plain values.
 *
 * @module
 */

import type { RefreshCalls } from "./refresh_types.ts";

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

/** A profile: what a type of provider is made of. */
export interface ProfileView {
  readonly id: string;
  readonly displayName: string;
  readonly category: string;
  readonly endpoints: number;
  readonly inferenceCapable: boolean;
  readonly source: string;
  readonly scope: string;
  /** As a file has it. */
  readonly document: { readonly [key: string]: unknown };
}

/** A profile document that was checked, and its file. */
export interface ProfileText {
  readonly text: string;
  readonly source: string;
}

/** What the gateway found wrong with a profile. */
export interface ProfileProblem {
  readonly source: string;
  readonly field: string;
  readonly message: string;
  readonly severity: string;
}

/** Ids of what was done, or why nothing was. */
export interface ProfileOutcome {
  readonly ids: readonly string[];
  readonly problems: readonly ProfileProblem[];
  readonly isDone: boolean;
}

/** Calls about profiles. An empty workspace means those that are for all. */
export interface ProfileCalls {
  listProfiles(workspace: string): Promise<readonly ProfileView[]>;
  getProfile(workspace: string, id: string): Promise<ProfileView>;
  importProfiles(workspace: string, profiles: readonly ProfileText[]): Promise<ProfileOutcome>;
  /** Replaces the one that was read at the version in its text. */
  updateProfile(workspace: string, id: string, profile: ProfileText): Promise<ProfileOutcome>;
  /** Returns false where there was none. */
  deleteProfile(workspace: string, id: string): Promise<boolean>;
}

/** Calls about providers. Each throws a `GatewayError` when the gateway says no. */
export interface ProviderCalls extends ProfileCalls, RefreshCalls {
  /** Changes the key that encrypts credentials. Returns how many were changed. */
  rekeyCredentials(): Promise<number>;
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
