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
import type { SettingsStore } from "../policy/settings.ts";
import { composeLayers, type PolicyLayer } from "./compose_layers.ts";
import type { ProfileCatalogue } from "./profile_catalogue.ts";
import { ProviderRefusedError } from "./provider_errors.ts";
import type { ProviderRecord } from "./provider_record.ts";
import type { ProviderStore } from "./provider_store.ts";

/** Setting that lets providers add to policies. */
const SETTING = "providers_v2_enabled";

export interface LayeredPorts {
  readonly policies: PolicyRevisions;
  readonly settings: SettingsStore;
  readonly providers: ProviderStore;
  readonly profiles: ProfileCatalogue;
  /** Told of layers that are left out, since the policy would say two things with them. */
  readonly onProblem: (error: unknown) => void;
}

export class LayeredPolicies {
  readonly #ports: LayeredPorts;

  constructor(ports: LayeredPorts) {
    this.#ports = ports;
  }

  /** Returns what a sandbox has to load. Layers that do not fit are left out, all of them. */
  async effective(sandboxId: string): Promise<EffectivePolicy> {
    const base = await this.#ports.policies.effective(sandboxId);
    if (base.isGlobal || !await this.#isOn(sandboxId)) return base;
    const sandbox = await this.#ports.providers.sandbox(sandboxId);
    const records = sandbox === null ? [] : await this.#ports.providers.attached(sandbox);
    const layers = await this.layersOf(records);
    if (layers.length === 0) return base;
    const composed = composeLayers(new TextDecoder().decode(base.document), layers);
    if (!composed.ok) {
      this.#ports.onProblem(refused("add providers to the policy", composed.problem));
      return base;
    }
    const document = new TextEncoder().encode(composed.text);
    return { ...base, document, hash: hashPolicy(composed.policy) };
  }

  /** Checks that providers go together with a policy. @throws {ProviderRefusedError} */
  async check(
    sandboxId: string | null,
    records: readonly ProviderRecord[],
    policy: Uint8Array,
  ): Promise<void> {
    if (!await this.#isOn(sandboxId)) return;
    const layers = await this.layersOf(records);
    if (layers.length === 0) return;
    const composed = composeLayers(new TextDecoder().decode(policy), layers);
    if (composed.ok) return;
    throw refused("use these providers with the policy", composed.problem);
  }

  /** What providers bring: those whose profile names endpoints, and programs that may reach them. */
  async layersOf(records: readonly ProviderRecord[]): Promise<readonly PolicyLayer[]> {
    const layers: PolicyLayer[] = [];
    for (const { workspace, name, type } of records) {
      const found = await this.#ports.profiles.find(workspace, type);
      if (found === null) continue;
      const { rule } = found.profile;
      if (rule.endpoints.length === 0 || rule.binaries.length === 0) continue;
      layers.push({ provider: name, rule });
    }
    return layers;
  }

  async #isOn(sandboxId: string | null): Promise<boolean> {
    const { settings } = this.#ports;
    if (sandboxId === null) return (await settings.read("global")).values[SETTING] === true;
    return (await settings.effective(sandboxId))[SETTING]?.value === true;
  }
}

function refused(operation: string, problem: string): ProviderRefusedError {
  return new ProviderRefusedError(
    "failed_precondition",
    operation,
    problem,
    "Change the policy so that it says one thing, or leave the provider out",
  );
}
