/**
 * The policy in force for a sandbox, with what its providers bring.
 *
 * Composed whenever it is read, and never stored: a change of a profile is in force at once, and the
 * policy that a person wrote stays as it was written. Only where the setting
 * `providers_v2_enabled` says so: without it a provider lets a sandbox use a credential, and reach
 * nothing that its policy does not allow.
 *
 * @module
 */

import type { EffectivePolicy, PolicyRevisions } from "../policy/revisions.ts";
import { hashPolicy } from "../policy/policy_document.ts";
import type { SettingChange, SettingsStore } from "../policy/settings.ts";
import { composeLayers, type PolicyLayer } from "./compose_layers.ts";
import type { Profile } from "./profile/profile.ts";
import { PLATFORM, type ProfileCatalogue } from "./profile_catalogue.ts";
import { ProviderRefusedError } from "./provider_errors.ts";
import type { ProviderRecord } from "./provider_record.ts";
import type { ProviderStore } from "./provider_store.ts";

/** Setting that lets providers add to policies. */
export const LAYERS_SETTING = "providers_v2_enabled";

export interface LayeredPorts {
  readonly policies: PolicyRevisions;
  readonly settings: SettingsStore;
  readonly providers: ProviderStore;
  readonly profiles: ProfileCatalogue;
  /** Told of layers that are left out, since the policy would say two things with them. */
  readonly onProblem: (error: unknown) => void;
}

/** A provider and the profile of its type, `null` without one. */
export interface ProfiledProvider {
  readonly record: ProviderRecord;
  readonly profile: Profile | null;
}

/** Profiles as they are about to be, in one workspace or for all. */
export interface UpcomingProfiles {
  readonly workspace: string;
  readonly profiles: readonly Profile[];
}

export class LayeredPolicies {
  readonly #ports: LayeredPorts;

  constructor(ports: LayeredPorts) {
    this.#ports = ports;
  }

  /** Returns what a sandbox has to load. Layers that do not fit are left out, all of them. */
  async effective(sandboxId: string): Promise<EffectivePolicy> {
    const base = await this.#ports.policies.effective(sandboxId);
    if (base.isGlobal || !await this.isOn(sandboxId)) return base;
    const sandbox = await this.#ports.providers.sandbox(sandboxId);
    const records = sandbox === null ? [] : await this.#ports.providers.attached(sandbox);
    const layers = layersOf(await this.profiled(records));
    if (layers.length === 0) return base;
    const composed = composeLayers(new TextDecoder().decode(base.document), layers);
    if (!composed.ok) {
      const operation = "add providers to the policy";
      this.#ports.onProblem(
        new ProviderRefusedError("failed_precondition", operation, composed.problem),
      );
      return base;
    }
    const document = new TextEncoder().encode(composed.text);
    return { ...base, document, hash: hashPolicy(composed.policy) };
  }

  /** Returns the providers with the profiles of their types, or with those that are to come. */
  async profiled(
    records: readonly ProviderRecord[],
    upcoming: UpcomingProfiles = { workspace: PLATFORM, profiles: [] },
  ): Promise<readonly ProfiledProvider[]> {
    const { profiles } = this.#ports;
    return await Promise.all(records.map(async (record) => {
      const { workspace, type } = record;
      const isThere = upcoming.workspace === PLATFORM || upcoming.workspace === workspace;
      const next = isThere ? upcoming.profiles.find(({ id }) => id === type) : undefined;
      return { record, profile: next ?? (await profiles.find(workspace, type))?.profile ?? null };
    }));
  }

  /** Whether a sandbox has layers, or will after a change; `null` is one that is being made. */
  async isOn(sandboxId: string | null, change?: SettingChange): Promise<boolean> {
    const { settings } = this.#ports;
    const global = (await settings.read("global")).values[LAYERS_SETTING];
    const own = sandboxId === null
      ? undefined
      : (await settings.read({ sandboxId })).values[LAYERS_SETTING];
    return (afterChange("global", global, change) ?? afterChange(sandboxId, own, change)) === true;
  }
}

/** What providers bring: those whose profile names endpoints, and programs that may reach them. */
export function layersOf(providers: readonly ProfiledProvider[]): readonly PolicyLayer[] {
  return providers.flatMap(({ record: { name }, profile }) => {
    if (profile === null) return [];
    const { rule } = profile;
    if (rule.endpoints.length === 0 || rule.binaries.length === 0) return [];
    return [{ provider: name, rule }];
  });
}

/** Returns the value that holds in one place after the change. */
function afterChange<Value>(
  place: string | null,
  value: Value | undefined,
  change: SettingChange | undefined,
) {
  if (change === undefined || change.key !== LAYERS_SETTING) return value;
  const changed = change.scope === "global" ? "global" : change.scope.sandboxId;
  return changed === place ? change.value ?? undefined : value;
}
