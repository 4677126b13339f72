/**
 * What the providers of one sandbox give to its supervisor: values, and the places of each.
 *
 * A value without a place is withheld: where it would belong, nobody has said.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import type { Endpoint } from "../../policy-wasm/policy.ts";
import { configEnvironment } from "./config_environment.ts";
import { isInspected } from "./profile/check_profile.ts";
import type { Profile } from "./profile/profile.ts";
import type { ProviderRecord } from "./provider_record.ts";
import { stableHandle } from "./refresh/stable_handle.ts";

/** A provider that a sandbox has, with what its profile says, `null` without one. */
export interface AttachedProvider {
  readonly record: ProviderRecord;
  readonly profile: Profile | null;
  readonly values: ReadonlyMap<string, string>;
  /** Authorizations of credentials whose values change by themselves, by key. */
  readonly epochs: ReadonlyMap<string, string>;
}

/** A place that a credential belongs to. */
export interface BoundEndpoint {
  readonly host: string;
  readonly port: number;
  /** Glob; empty is every path. */
  readonly path: string;
}

/** The message of the wire, as plain values. It holds real credentials. */
export interface SandboxEnvironment {
  readonly environment: Record<string, string>;
  readonly credentialExpiresAtMs: Record<string, bigint>;
  readonly staticCredentialBindings: Record<string, {
    readonly endpoints: BoundEndpoint[];
    readonly credentialIdentity: string;
    readonly workloadCredentialHandle: string;
  }>;
  readonly nonSecretEnvironmentKeys: string[];
}

/** Puts together what all providers of a sandbox give. `endpoints` are those of its policy. */
export function sandboxEnvironment(
  sandboxId: string,
  providers: readonly AttachedProvider[],
  endpoints: readonly Endpoint[],
): SandboxEnvironment {
  const made: SandboxEnvironment = {
    environment: {},
    credentialExpiresAtMs: {},
    staticCredentialBindings: {},
    nonSecretEnvironmentKeys: [],
  };
  for (const provider of providers) {
    addCredentials(made, provider, { sandboxId, endpoints: boundEndpoints(provider, endpoints) });
    for (const [key, value] of Object.entries(configEnvironment(provider.record))) {
      if (Object.hasOwn(made.environment, key)) continue;
      made.environment[key] = value;
      made.nonSecretEnvironmentKeys.push(key);
    }
  }
  return made;
}

/** Returns where the credentials of a provider belong. */
export function boundEndpoints(
  { record, profile }: Pick<AttachedProvider, "record" | "profile">,
  endpoints: readonly Endpoint[],
): BoundEndpoint[] {
  const own = profile?.endpoints ?? [];
  const bound = own.length > 0
    ? own
    : endpoints.filter(({ credentialBindingProvider }) =>
      credentialBindingProvider === record.name
    );
  return bound.filter(isInspected).flatMap(({ host, ports, path }) =>
    ports.map((port) => ({ host, port, path: path === "**" ? "" : path }))
  );
}

function addCredentials(
  made: SandboxEnvironment,
  { record, values, epochs }: AttachedProvider,
  { sandboxId, endpoints }: { readonly sandboxId: string; readonly endpoints: BoundEndpoint[] },
): void {
  if (endpoints.length === 0) return;
  for (const [key, value] of values) {
    const epoch = epochs.get(key);
    made.environment[key] = value;
    made.staticCredentialBindings[key] = {
      endpoints,
      credentialIdentity: record.name,
      workloadCredentialHandle: epoch === undefined
        ? ""
        : stableHandle({ sandboxId, providerId: record.id, key, epoch, endpoints }),
    };
    const expiresAtMs = record.expiresAtMs[key] ?? 0;
    if (expiresAtMs > 0) made.credentialExpiresAtMs[key] = BigInt(expiresAtMs);
  }
}
