/**
 * Credentials whose values the gateway makes anew: what it needs for that is kept with the driver,
 * and no sandbox ever has it.
 *
 * A new value is kept first, then the records that name it are written as one, then the former one
 * is forgotten. What was made for an authorization that is no more is thrown away.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";
import { PROVIDER_CREDENTIALS_MAX } from "../../../proto/provider_limits.ts";
import { REFRESH_RETRY_MS } from "../../../proto/refresh_limits.ts";
import type { SettingsStore } from "../../policy/settings.ts";
import { KeyedGate } from "../../sandbox/keyed_gate.ts";
import { ConflictError, type ObjectStore } from "../../store/contract.ts";
import type { CredentialVault } from "../credential_vault.ts";
import type { ProfileCatalogue } from "../profile_catalogue.ts";
import { InvalidProviderError, ProviderRefusedError } from "../provider_errors.ts";
import type { CredentialHandle, ProviderRecord } from "../provider_record.ts";
import type { ProviderService } from "../provider_service.ts";
import type { ProviderStore } from "../provider_store.ts";
import { type ConfigureRequest, planRefresh, type RefreshPlan } from "./plan_refresh.ts";
import type { Minted, MintRequest, Output } from "./mint.ts";
import { MintError, RefreshFailedError, RefreshNotFoundError } from "./refresh_errors.ts";
import { materialOwner, ownedKeys, refreshId, type RefreshRecord } from "./refresh_record.ts";
import { deleteRefresh, putRefresh, type RefreshStore } from "./refresh_store.ts";
import { longestLifetime, scheduleMinted } from "./schedule.ts";

export type { ConfigureRequest } from "./plan_refresh.ts";

type Handles = Readonly<Record<string, CredentialHandle>>;

export interface RefreshPorts {
  readonly store: ObjectStore;
  readonly refreshes: RefreshStore;
  readonly records: ProviderStore;
  readonly providers: ProviderService;
  readonly profiles: ProfileCatalogue;
  readonly settings: SettingsStore;
  readonly vault: CredentialVault;
  /** @throws {MintError} */
  readonly mint: (request: MintRequest) => Promise<Minted>;
  readonly uuid: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface RefreshName {
  readonly workspace: string;
  readonly provider: string;
  /** Variable. */
  readonly key: string;
}

export class RefreshService {
  readonly #ports: RefreshPorts;
  /** One attempt at a time for each credential: a refresh token may be good for one only. */
  readonly #gate = new KeyedGate();
  readonly #listeners = new Set<() => void>();

  constructor(ports: RefreshPorts) {
    this.#ports = ports;
  }

  /** Starts an authorization, and ends a former one. @throws {CodedError} and all stays as it was. */
  async configure(request: ConfigureRequest): Promise<RefreshRecord> {
    const { records, profiles, settings, providers, refreshes, vault, uuid, now } = this.#ports;
    const { workspace, provider: name, key } = request;
    const made = await providers.alone(async () => {
      const provider = await records.get(workspace, name);
      const plan = planRefresh(request, {
        provider,
        profile: (await profiles.find(workspace, provider.type))?.profile ?? null,
        addsToPolicies: (await settings.read("global")).values["providers_v2_enabled"] === true,
        nowMs: now(),
      });
      const before = await refreshes.find(provider.id, key);
      await this.#checkKeys(provider, plan);
      const secrets = mapKeys(plan.material.secret, (piece) => materialOwner(key, piece));
      const record = await vault.withStored(provider.id, secrets, async (stored) => {
        const next: RefreshRecord = {
          ...plan.fields,
          ...{ providerId: provider.id, providerName: provider.name, workspace },
          material: plan.material.open,
          secrets: mapKeys(stored, (owner) => owner.slice(materialOwner(key, "").length)),
          ...{ epoch: uuid(), state: "configured", lastError: "" },
          lastRefreshAtMs: before?.lastRefreshAtMs ?? 0,
          createdAtMs: before?.createdAtMs ?? now(),
          resourceVersion: before?.resourceVersion ?? 0,
        };
        await this.#write(withEnd(provider, next), next);
        return next;
      });
      await vault.remove(before?.secrets ?? {});
      await providers.changed(workspace, name);
      return record;
    });
    this.#tell();
    return made;
  }

  /** Makes a new value now, for the same authorization. @throws {CodedError} */
  async rotate({ workspace, provider: name, key }: RefreshName): Promise<RefreshRecord> {
    const provider = await this.#ports.records.get(workspace, name);
    const record = await this.#ports.refreshes.find(provider.id, key);
    if (record === null) throw new RefreshNotFoundError(name, key);
    return await this.#refresh(record);
  }

  /** Those of a provider; an empty key is all of them. @throws {ProviderNotFoundError} */
  async status({ workspace, provider: name, key }: RefreshName): Promise<readonly RefreshRecord[]> {
    const provider = await this.#ports.records.get(workspace, name);
    const all = await this.#ports.refreshes.ofProvider(provider.id);
    return all.filter((record) => key === "" || record.key === key);
  }

  /** Ends it: the last value stays until its end. Returns false where there was none. */
  async delete({ workspace, provider: name, key }: RefreshName): Promise<boolean> {
    const { records, refreshes, providers, vault, store } = this.#ports;
    return await providers.alone(async () => {
      const provider = await records.get(workspace, name);
      const record = await refreshes.find(provider.id, key);
      if (record === null) return false;
      await store.apply([deleteRefresh(record)]);
      await vault.remove(record.secrets);
      await providers.changed(workspace, name);
      return true;
    });
  }

  /** All that there are, for whoever looks what is due. */
  async all(): Promise<readonly RefreshRecord[]> {
    return await this.#ports.refreshes.all();
  }

  /** Calls `listener` when something else may be due. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Makes a new value, unless somebody else was first: then `null`. @throws {CodedError} */
  async refreshDue(asked: RefreshRecord): Promise<RefreshRecord | null> {
    return await this.#refresh(
      asked,
      ({ resourceVersion }) => resourceVersion === asked.resourceVersion,
    );
  }

  async #refresh(asked: RefreshRecord): Promise<RefreshRecord>;
  async #refresh(
    asked: RefreshRecord,
    isStillDue: (record: RefreshRecord) => boolean,
  ): Promise<RefreshRecord | null>;
  /** A failure is written down as well. */
  async #refresh(
    { providerId, providerName: provider, key }: RefreshRecord,
    isStillDue: (record: RefreshRecord) => boolean = () => true,
  ): Promise<RefreshRecord | null> {
    const made = await this.#gate.run(refreshId({ providerId, key }), async () => {
      const record = await this.#ports.refreshes.find(providerId, key);
      if (record === null) throw new RefreshNotFoundError(provider, key);
      if (!isStillDue(record)) return null;
      try {
        return await this.#keep(record, await this.#mint(record));
      } catch (error) {
        const detail = describe(error);
        await this.#fail(record, detail);
        const code = error instanceof CodedError ? error.code : "internal";
        throw new RefreshFailedError(code, { provider, key, detail }, { cause: error });
      }
    });
    this.#tell();
    return made;
  }

  async #mint(record: RefreshRecord): Promise<Minted> {
    const { providerId, key, strategy, tokenUrl, scopes, secrets } = record;
    const handles = mapKeys(secrets, (name) => materialOwner(key, name));
    const values = await this.#ports.vault.resolve({ id: providerId, handles });
    const opened = [...values].map(([owner, value]) =>
      [owner.slice(materialOwner(key, "").length), value] as const
    );
    return await this.#ports.mint({
      strategy,
      tokenUrl,
      scopes,
      lifetimeSecondsMax: longestLifetime(record),
      material: { ...record.material, ...Object.fromEntries(opened) },
    });
  }

  async #keep(before: RefreshRecord, minted: Minted): Promise<RefreshRecord> {
    const { records, refreshes, providers, vault, now } = this.#ports;
    const { workspace, key } = before;
    return await providers.alone(async () => {
      const current = await refreshes.find(before.providerId, key);
      if (current === null || current.epoch !== before.epoch) {
        throw new MintError("failed_precondition", "it was configured anew, or deleted, meanwhile");
      }
      const provider = await records.get(workspace, before.providerName);
      const made = valuesOf(current, minted);
      const material = mapKeys(minted.material, (name) => materialOwner(key, name));
      const values = { ...made, ...material };
      const { written, gone } = await vault.withStored(provider.id, values, async (stored) => {
        const isValue = (owner: string) => Object.hasOwn(made, owner);
        const secrets = mapKeys(
          filterKeys(stored, (owner) => !isValue(owner)),
          (owner) => owner.slice(materialOwner(key, "").length),
        );
        const nowMs = now();
        const next: RefreshRecord = {
          ...current,
          ...scheduleMinted(current, nowMs, minted.lifetimeSeconds),
          ...{ state: "refreshed", lastError: "", lastRefreshAtMs: nowMs },
          secrets: { ...current.secrets, ...secrets },
        };
        const handles = { ...provider.handles, ...filterKeys(stored, isValue) };
        await this.#write(withEnd({ ...provider, handles }, next), next);
        const gone = [
          filterKeys(provider.handles, isValue),
          filterKeys(current.secrets, (name) => Object.hasOwn(secrets, name)),
        ];
        return { written: next, gone };
      });
      for (const handles of gone) await vault.remove(handles);
      await providers.changed(workspace, before.providerName);
      return written;
    });
  }

  /** Another one may have been configured meanwhile: this failure is not that one's. */
  async #fail(record: RefreshRecord, lastError: string): Promise<void> {
    const nextRefreshAtMs = this.#ports.now() + REFRESH_RETRY_MS;
    const failed: RefreshRecord = { ...record, state: "error", lastError, nextRefreshAtMs };
    try {
      await this.#ports.store.apply([putRefresh(failed)]);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
    this.#tell();
  }

  async #write(provider: ProviderRecord, refresh: RefreshRecord): Promise<void> {
    await this.#ports.records.replace(provider, [putRefresh(refresh)]);
  }

  /** No variable has two sources: in the provider, and in each sandbox that has it. */
  async #checkKeys(provider: ProviderRecord, { fields }: RefreshPlan): Promise<void> {
    const { providers, refreshes } = this.#ports;
    const keys = ownedKeys(fields);
    for (const [key, owner] of await refreshes.ownersOf(provider.id)) {
      if (owner.key === fields.key || !keys.includes(key)) continue;
      throw new ProviderRefusedError(
        "failed_precondition",
        `make values of "${key}" of provider "${provider.name}"`,
        `the refresh of "${owner.key}" makes them`,
        `Run first: openshell provider refresh delete ${provider.name} --credential-key ${owner.key}`,
      );
    }
    if (new Set([...Object.keys(provider.handles), ...keys]).size > PROVIDER_CREDENTIALS_MAX) {
      const detail = `it would have more than ${PROVIDER_CREDENTIALS_MAX} credentials`;
      throw new InvalidProviderError(`provider "${provider.name}"`, detail);
    }
    await providers.checkTogether(provider, keys);
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** What is shown of a failure: only errors of ours hold no secret for sure. */
function describe(error: unknown): string {
  if (error instanceof MintError) return error.detail;
  return error instanceof CodedError ? error.message : "something went wrong in the gateway";
}

/** Each variable with its new value. @throws {MintError} where one is missing. */
function valuesOf(record: RefreshRecord, { value, outputs }: Minted): Record<string, string> {
  const made: Record<string, string> = { [record.key]: value };
  for (const [output, key] of Object.entries(record.outputs)) {
    const text = outputs[output as Output];
    if (text === undefined) {
      throw new MintError("failed_precondition", `the strategy makes no ${output}`);
    }
    made[key] = text;
  }
  return made;
}

/** The end of a value is that of the provider's as well. */
function withEnd(provider: ProviderRecord, refresh: RefreshRecord): ProviderRecord {
  const { expiresAtMs } = refresh;
  if (expiresAtMs === 0) return provider;
  const ends = ownedKeys(refresh).filter((key) => Object.hasOwn(provider.handles, key))
    .map((key) => [key, expiresAtMs] as const);
  return { ...provider, expiresAtMs: { ...provider.expiresAtMs, ...Object.fromEntries(ends) } };
}

function mapKeys<T>(
  entries: Readonly<Record<string, T>>,
  change: (key: string) => string,
): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).map(([key, value]) => [change(key), value]));
}

function filterKeys(entries: Handles, isKept: (key: string) => boolean): Handles {
  return Object.fromEntries(Object.entries(entries).filter(([key]) => isKept(key)));
}
