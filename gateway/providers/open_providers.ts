/**
 * Puts the parts of providers together.
 *
 * @module
 */

import type { CredentialDriver } from "../../drivers/credentials/contract.ts";
import type { PolicyRevisions } from "../policy/revisions.ts";
import type { SettingsStore } from "../policy/settings.ts";
import type { ObjectStore } from "../store/contract.ts";
import { CredentialDelivery } from "./credential_delivery.ts";
import { CredentialVault } from "./credential_vault.ts";
import type { ProvePolicy } from "../policy/policy_proofs.ts";
import { LayerGuard } from "./layer_guard.ts";
import { LayerPreflight } from "./layer_preflight.ts";
import { LayeredPolicies } from "./layered_policies.ts";
import { ProfileCatalogue } from "./profile_catalogue.ts";
import { ProviderService } from "./provider_service.ts";
import { ProviderStore } from "./provider_store.ts";
import { mint, type SignAws } from "./refresh/mint.ts";
import { RefreshService } from "./refresh/refresh_service.ts";
import { RefreshStore } from "./refresh/refresh_store.ts";
import { type SendTokenRequest, sendTokenRequest } from "./refresh/send_token_request.ts";

export interface ProviderPartsOptions {
  readonly store: ObjectStore;
  readonly driver: CredentialDriver;
  /** Handles of all that the driver keeps. */
  readonly handles: () => Promise<readonly string[]>;
  readonly policies: PolicyRevisions;
  readonly settings: SettingsStore;
  readonly signAws: SignAws;
  /** PEM of what this machine trusts; left out: nothing besides the program's own. */
  readonly certificates?: () => Promise<string>;
  /** Left out: over the network. */
  readonly send?: SendTokenRequest;
  /** Asked about policies with what providers add. */
  readonly prove: ProvePolicy;
  readonly uuid: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onProblem: (error: unknown) => void;
}

export interface ProviderParts {
  readonly providers: ProviderService;
  readonly delivery: CredentialDelivery;
  readonly profiles: ProfileCatalogue;
  readonly layered: LayeredPolicies;
  readonly refresh: RefreshService;
  readonly guard: LayerGuard;
  /** Forgets values that a crash has left. First thing when a gateway starts. */
  readonly sweep: () => Promise<number>;
}

export function openProviders(options: ProviderPartsOptions): ProviderParts {
  const { store, driver, handles, policies, settings, uuid, now, onProblem } = options;
  const records = new ProviderStore(store);
  const refreshes = new RefreshStore(store);
  const vault = new CredentialVault({ driver, handles, onProblem });
  const profiles = new ProfileCatalogue(store);
  const layered = new LayeredPolicies({
    policies,
    settings,
    providers: records,
    profiles,
    onProblem,
  });
  const preflight = new LayerPreflight({ layered, policies, providers: records });
  const guard = new LayerGuard({ preflight, prove: options.prove, now });
  const providers = new ProviderService({
    guard,
    ...{ providers: records, refreshes, vault, profiles },
    uuid,
    now,
    notify: (sandboxId) => policies.notify(sandboxId),
  });
  const delivery = new CredentialDelivery({
    ...{ providers: records, refreshes, vault, profiles },
    policyOf: async (sandboxId) => (await policies.effective(sandboxId)).document,
    now,
  });
  const overNetwork: SendTokenRequest = async (request) =>
    await sendTokenRequest(request, { certificates: await options.certificates?.() ?? "" });
  const { signAws, send = overNetwork } = options;
  const refresh = new RefreshService({
    ...{ store, records, refreshes, providers, profiles, settings, vault, uuid, now },
    mint: (request) => mint(request, { send, signAws, now }),
  });
  const sweep = async () => {
    const used = [
      ...(await records.all()).map((record) => record.handles),
      ...(await refreshes.all()).map(({ secrets }) => secrets),
    ].flatMap((kept) => Object.values(kept).map(({ handle }) => handle));
    return await vault.sweep(new Set(used));
  };
  return { providers, delivery, profiles, layered, guard, refresh, sweep };
}
