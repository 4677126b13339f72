/**
 * What a change of providers, profiles, settings or policies would mean for each sandbox, before it
 * happens.
 *
 * A sandbox's own policy is what counts, also while a global one is in force: that one ends without
 * anybody asking about providers.
 *
 * @module
 */

import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import type { PolicyRevisions } from "../policy/revisions.ts";
import type { SettingChange } from "../policy/settings.ts";
import type { SandboxRecord } from "../sandbox/sandbox_record.ts";
import { composeLayers, type PolicyLayer } from "./compose_layers.ts";
import { findUninspected } from "./credential_gate.ts";
import {
  type LayeredPolicies,
  layersOf,
  type ProfiledProvider,
  type UpcomingProfiles,
} from "./layered_policies.ts";
import { PLATFORM } from "./profile_catalogue.ts";
import type { ProviderRecord } from "./provider_record.ts";
import type { ProviderStore } from "./provider_store.ts";

/** A sandbox before a change or after it. */
export interface SandboxSide {
  /** Text of the sandbox's own policy. */
  readonly policy: string;
  readonly providers: readonly ProfiledProvider[];
  /** Empty where the setting is off. */
  readonly layers: readonly PolicyLayer[];
}

/** What happens to one sandbox. */
export interface SandboxChange {
  readonly sandbox: string;
  /** `null` for a sandbox that is being made. */
  readonly before: SandboxSide | null;
  readonly after: SandboxSide;
}

/** `prove`: nothing is wrong with the text itself, which the sandbox did not have before. */
export type Judgement =
  | { readonly kind: "refused"; readonly problem: string; readonly hint: string }
  | { readonly kind: "prove"; readonly text: string }
  | { readonly kind: "fine" };

export interface PreflightPorts {
  readonly layered: LayeredPolicies;
  readonly policies: Pick<PolicyRevisions, "own">;
  readonly providers: ProviderStore;
}

export class LayerPreflight {
  readonly #ports: PreflightPorts;

  constructor(ports: PreflightPorts) {
    this.#ports = ports;
  }

  /** A sandbox that is made with providers. */
  async ofNew(policy: Uint8Array, records: readonly ProviderRecord[]): Promise<SandboxChange> {
    const text = new TextDecoder().decode(policy);
    return { sandbox: "", before: null, after: await this.#side(null, text, records) };
  }

  /** A sandbox that gets other providers. */
  async ofProviders(
    sandboxId: string,
    records: readonly ProviderRecord[],
  ): Promise<readonly SandboxChange[]> {
    const sandbox = await this.#ports.providers.sandbox(sandboxId);
    return await this.#changes([sandbox], (policy) => this.#side(sandboxId, policy, records));
  }

  /** A sandbox that gets another policy. */
  async ofPolicy(sandboxId: string, policy: string): Promise<readonly SandboxChange[]> {
    const sandbox = await this.#ports.providers.sandbox(sandboxId);
    return await this.#changes([sandbox], (_, records) => this.#side(sandboxId, policy, records));
  }

  /** All that have a provider which is about to change. */
  async ofRecord(after: ProviderRecord): Promise<readonly SandboxChange[]> {
    const sandboxes = await this.#ports.providers.sandboxesWith(after.workspace, after.name);
    return await this.#changes(
      sandboxes,
      (policy, records, id) =>
        this.#side(id, policy, records.map((record) => record.id === after.id ? after : record)),
    );
  }

  /** All that feel a setting. */
  async ofSetting(setting: SettingChange): Promise<readonly SandboxChange[]> {
    const { providers } = this.#ports;
    const sandboxes = setting.scope === "global"
      ? await providers.sandboxes(null)
      : [await providers.sandbox(setting.scope.sandboxId)];
    return await this.#changes(
      sandboxes,
      (policy, records, id) => this.#side(id, policy, records, { setting }),
    );
  }

  /** All that have a provider of one of these types. */
  async ofProfiles(upcoming: UpcomingProfiles): Promise<readonly SandboxChange[]> {
    const { workspace } = upcoming;
    const types = new Set(upcoming.profiles.map(({ id }) => id));
    const all = (await this.#ports.providers.sandboxes(workspace === PLATFORM ? null : workspace))
      .filter(({ spec }) => spec.providers.length > 0);
    const changes = await this.#changes(
      all,
      (policy, records, id) => this.#side(id, policy, records, { upcoming }),
    );
    return changes.filter(({ after }) =>
      after.providers.some(({ record }) => types.has(record.type))
    );
  }

  /** A sandbox without providers, without a policy, or that is gone, feels nothing. */
  async #changes(
    sandboxes: readonly (SandboxRecord | null)[],
    after: (
      policy: string,
      records: readonly ProviderRecord[],
      sandboxId: string,
    ) => Promise<SandboxSide>,
  ): Promise<readonly SandboxChange[]> {
    const changes: SandboxChange[] = [];
    for (const sandbox of sandboxes) {
      const own = sandbox === null ? null : await this.#ports.policies.own(sandbox.id);
      if (sandbox === null || own === null) continue;
      const { id, name } = sandbox;
      const records = await this.#ports.providers.attached(sandbox);
      changes.push({
        sandbox: name,
        before: await this.#side(id, own.document, records),
        after: await after(own.document, records, id),
      });
    }
    return changes;
  }

  async #side(
    sandboxId: string | null,
    policy: string,
    records: readonly ProviderRecord[],
    { setting, upcoming }: {
      readonly setting?: SettingChange;
      readonly upcoming?: UpcomingProfiles;
    } = {},
  ): Promise<SandboxSide> {
    const { layered } = this.#ports;
    const providers = await layered.profiled(records, upcoming);
    const isOn = await layered.isOn(sandboxId, setting);
    return { policy, providers, layers: isOn ? layersOf(providers) : [] };
  }
}

/**
 * Judges what a change means for one sandbox. What was wrong before does not count: taking something
 * away must always be possible.
 */
export function judgeChange({ before, after }: SandboxChange): Judgement {
  if (after.providers.length === 0) return FINE;
  const isNew = before === null || before.policy !== after.policy ||
    !contains(before.layers, after.layers);
  if (!isNew && JSON.stringify(before.providers) === JSON.stringify(after.providers)) return FINE;
  const composed = composeLayers(after.policy, after.layers);
  if (!composed.ok && isNew) {
    const hint = "Change the policy so that it says one thing, or leave the provider out";
    return { kind: "refused", problem: composed.problem, hint };
  }
  const problems = uninspected(after);
  const known = before === null || problems.length === 0 ? [] : uninspected(before);
  const problem = problems.find((each) => !known.includes(each));
  if (problem !== undefined) {
    const hint = "Have these requests read, or leave the provider out";
    return { kind: "refused", problem, hint };
  }
  if (!composed.ok || !isNew || after.layers.length === 0) return FINE;
  return { kind: "prove", text: composed.text };
}

const FINE: Judgement = { kind: "fine" };

function contains(layers: readonly PolicyLayer[], others: readonly PolicyLayer[]): boolean {
  const known = new Set(layers.map((layer) => JSON.stringify(layer)));
  return others.every((layer) => known.has(JSON.stringify(layer)));
}

/** Asks about what a supervisor is given: layers that do not fit are left out. */
function uninspected({ policy, layers, providers }: SandboxSide): readonly string[] {
  const composed = layers.length === 0 ? null : composeLayers(policy, layers);
  const given = composed?.ok === true ? composed.policy : parsePolicy(policy).policy;
  return given === null ? [] : findUninspected(given, providers);
}
