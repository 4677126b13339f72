/**
 * Providers: credentials by name, of a type whose profile says where they belong.
 *
 * Values go in and come out for supervisors and inference alone; whoever asks for a provider is
 * told its keys. A change is told at once to the sandboxes that have the provider.
 *
 * @module
 */

import { PROVIDERS_MAX, SANDBOX_PROVIDERS_MAX } from "../../proto/provider_limits.ts";
import type { ProofOutcome } from "../policy/policy_proofs.ts";
import type { HeldPolicy, HeldProviders, ProviderGuard } from "../sandbox/provider_guard.ts";
import { ConflictError } from "../store/contract.ts";
import {
  checkConfig,
  checkCredentials,
  checkExpiries,
  checkProviderName,
} from "./check_provider.ts";
import { configEnvironment } from "./config_environment.ts";
import type { CredentialVault } from "./credential_vault.ts";
import { typeOf } from "./profile/builtin_profiles.ts";
import { judgeAll, type LayerGuard } from "./layer_guard.ts";
import type { ProfileCatalogue } from "./profile_catalogue.ts";
import { InvalidProviderError, ProviderRefusedError } from "./provider_errors.ts";
import type { ProviderRecord } from "./provider_record.ts";
import type { ProviderStore } from "./provider_store.ts";
import { deleteRefresh, type RefreshStore } from "./refresh/refresh_store.ts";

type Texts = Readonly<Record<string, string>>;

export interface ProviderPorts {
  readonly providers: ProviderStore;
  readonly refreshes: RefreshStore;
  readonly vault: CredentialVault;
  readonly profiles: ProfileCatalogue;
  readonly guard: LayerGuard;
  readonly uuid: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Tells who follows a sandbox that something of it has changed. */
  readonly notify: (sandboxId: string) => void;
}

/** What a client says of a provider. */
export interface ProviderChange {
  readonly name: string;
  readonly workspace: string;
  /** In an update, empty keeps it. */
  readonly type: string;
  /** In an update, a key that is left out keeps its value, and an empty value removes the key. */
  readonly credentials: Texts;
  readonly config: Texts;
  /** Milliseconds since 1970, by key; 0 is no end. */
  readonly expiresAtMs: Readonly<Record<string, bigint>>;
  readonly labels: Texts;
  readonly annotations: Texts;
  readonly profileWorkspace: string;
  /** Version that the writer has read; 0 for whichever. */
  readonly expectedResourceVersion: number;
}

/** A provider as inference needs it, with its values. */
export interface InferenceProvider {
  readonly type: string;
  readonly config: Texts;
  readonly credentials: ReadonlyMap<string, string>;
}

export class ProviderService implements ProviderGuard {
  readonly #ports: ProviderPorts;
  readonly #listeners = new Set<(workspace: string, name: string) => void>();

  constructor(ports: ProviderPorts) {
    this.#ports = ports;
  }

  /** @throws {CodedError} and nothing of it is kept then. */
  async create(change: ProviderChange): Promise<ProviderRecord> {
    const { providers, vault, profiles, guard, uuid, now } = this.#ports;
    const { name, workspace, credentials, config } = change;
    checkProviderName(name);
    checkCredentials(credentials);
    checkConfig(config);
    const type = typeOf(change.type);
    const values = withoutEmpty(credentials);
    checkExpiries(change.expiresAtMs, new Set(Object.keys(values)));
    return await guard.exclusive(async () => {
      if (!await profiles.isType(workspace, type)) throw unknownType(change.type);
      const page = { workspace, limit: 1, offset: PROVIDERS_MAX - 1 };
      if ((await providers.list(page)).length > 0) {
        const detail = `the workspace has ${PROVIDERS_MAX} already`;
        throw new ProviderRefusedError("resource_exhausted", `create "${name}"`, detail);
      }
      const id = uuid();
      const made = await vault.withStored(id, values, (handles) =>
        providers.create({
          id,
          name,
          workspace,
          type,
          config: withoutEmpty(config),
          handles,
          expiresAtMs: mergeExpiries({}, change.expiresAtMs),
          profileWorkspace: change.profileWorkspace,
          labels: change.labels,
          annotations: change.annotations,
          createdAtMs: now(),
          resourceVersion: 0,
        }));
      this.#tell(workspace, name);
      return made;
    });
  }

  /** @throws {ProviderNotFoundError} */
  async get(workspace: string, name: string): Promise<ProviderRecord> {
    return await this.#ports.providers.get(workspace, name);
  }

  /** Oldest first; `null` is every workspace. */
  async list(query: {
    readonly workspace: string | null;
    readonly limit: number;
    readonly offset: number;
  }): Promise<readonly ProviderRecord[]> {
    return await this.#ports.providers.list(query);
  }

  /** Changes what is said and keeps the rest. @throws {CodedError} and all stays as it was. */
  async update(change: ProviderChange): Promise<ProviderRecord> {
    const { providers, vault, guard } = this.#ports;
    const { name, workspace, credentials, config } = change;
    checkCredentials(credentials);
    checkConfig(config);
    return await guard.exclusive(async () => {
      const before = await providers.get(workspace, name);
      checkUnchanged(before, change);
      await this.#checkNotOwned(before, change);
      const values = withoutEmpty(credentials);
      const written = await vault.withStored(before.id, values, async (stored) => {
        const handles = mergeHandles(before.handles, credentials, stored);
        const keys = new Set(Object.keys(handles));
        checkExpiries(change.expiresAtMs, keys);
        const expiresAtMs = Object.fromEntries(
          Object.entries(mergeExpiries(before.expiresAtMs, change.expiresAtMs))
            // The end of the former value is not that of a new one.
            .filter(([key]) => keys.has(key) && (!values[key] || change.expiresAtMs[key])),
        );
        const after: ProviderRecord = {
          ...before,
          config: withoutEmpty({ ...before.config, ...config }),
          handles,
          expiresAtMs,
          labels: Object.keys(change.labels).length > 0 ? change.labels : before.labels,
        };
        checkConfig(after.config);
        checkCredentials(Object.fromEntries([...keys].map((key) => [key, ""])));
        await this.checkTogether(after);
        return await providers.replace(after);
      });
      const gone = Object.entries(before.handles)
        .filter(([key, { handle }]) => written.handles[key]?.handle !== handle);
      await vault.remove(Object.fromEntries(gone));
      await this.changed(workspace, name);
      return written;
    });
  }

  /** Returns false where there was none. @throws {ProviderRefusedError} while a sandbox has it. */
  async delete(workspace: string, name: string): Promise<boolean> {
    const { providers, vault, guard } = this.#ports;
    return await guard.exclusive(async () => {
      const record = await providers.find(workspace, name);
      if (record === null) return false;
      const [first, ...others] = await providers.sandboxesWith(workspace, name);
      if (first !== undefined) {
        const more = others.length === 0 ? "" : ` and ${others.length} more`;
        throw new ProviderRefusedError(
          "failed_precondition",
          `delete provider "${name}"`,
          `sandbox "${first.name}"${more} has it`,
          `Run: openshell sandbox provider detach ${first.name} ${name}`,
        );
      }
      const refreshes = await this.#ports.refreshes.ofProvider(record.id);
      await providers.remove(record, refreshes.map(deleteRefresh));
      for (
        const { handles } of [record, ...refreshes.map(({ secrets }) => ({ handles: secrets }))]
      ) {
        await vault.remove(handles);
      }
      this.#tell(workspace, name);
      return true;
    });
  }

  /** @throws {CodedError} where a sandbox may not have all of them together. */
  async hold<T>(held: HeldProviders, work: () => Promise<T>): Promise<T> {
    const { workspace, names } = held;
    if (names.length > SANDBOX_PROVIDERS_MAX) {
      const detail = `it would have more than ${SANDBOX_PROVIDERS_MAX}`;
      throw new InvalidProviderError("the providers of the sandbox", detail);
    }
    if (new Set(names).size !== names.length) {
      throw new InvalidProviderError("the providers of the sandbox", "one is there twice");
    }
    const plan = async () => {
      const records = await Promise.all(
        names.map((name) => this.#ports.providers.get(workspace, name)),
      );
      await this.#checkKeys(records);
      const { preflight } = this.#ports.guard;
      return held.sandboxId === null
        ? [await preflight.ofNew(held.policy, records)]
        : await preflight.ofProviders(held.sandboxId, records);
    };
    return await this.#ports.guard.change({ operation: "use these providers", plan }, work);
  }

  /** @throws {CodedError} where the providers of a sandbox do not go together with the policy. */
  async holdPolicy<T>(
    { sandboxId, policy, isForced }: HeldPolicy,
    work: (overruled: ProofOutcome | null) => Promise<T>,
  ): Promise<T> {
    const { guard } = this.#ports;
    const plan = () => guard.preflight.ofPolicy(sandboxId, policy);
    return await guard.change({ operation: "use the policy", plan, isForced }, work);
  }

  /** Tells the sandboxes that have a provider of a type that its profile is another one. */
  async profileChanged(workspace: string | null, type: string): Promise<void> {
    const { providers, notify } = this.#ports;
    for (const sandbox of await providers.sandboxes(workspace)) {
      const records = await providers.attached(sandbox);
      if (records.some((record) => record.type === type)) notify(sandbox.id);
    }
  }

  /** Names of providers of a type; `null` is every workspace. */
  async namesOfType(workspace: string | null, type: string): Promise<readonly string[]> {
    return (await this.#ports.providers.all())
      .filter((record) => record.type === type)
      .filter((record) => workspace === null || record.workspace === workspace)
      .map(({ name }) => name);
  }

  /** Values of one provider that have not ended, for calls to models. @throws {ProviderNotFoundError} */
  async resolveForInference(workspace: string, name: string): Promise<InferenceProvider> {
    const { providers, vault, now } = this.#ports;
    const record = await providers.get(workspace, name);
    const { type, config, expiresAtMs } = record;
    const values = [...await vault.resolve(record)];
    const isOver = (key: string) => (expiresAtMs[key] ?? Infinity) <= now();
    return { type, config, credentials: new Map(values.filter(([key]) => !isOver(key))) };
  }

  /** Calls `listener` whenever a provider was made, changed or removed. */
  subscribe(listener: (workspace: string, name: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Does something about providers while nobody else does. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    return await this.#ports.guard.exclusive(work);
  }

  /** Checks that a provider, with further variables, goes together with all others of its sandboxes. */
  async checkTogether(after: ProviderRecord, more: readonly string[] = []): Promise<void> {
    const { providers, guard } = this.#ports;
    for (const sandbox of await providers.sandboxesWith(after.workspace, after.name)) {
      const others = (await providers.attached(sandbox)).filter(({ id }) => id !== after.id);
      await this.#checkKeys([...others, after], new Map([[after.id, more]]));
    }
    judgeAll(`change provider "${after.name}"`, await guard.preflight.ofRecord(after));
  }

  /** Tells everybody whom a change of a provider concerns. */
  async changed(workspace: string, name: string): Promise<void> {
    const { providers, notify } = this.#ports;
    for (const { id } of await providers.sandboxesWith(workspace, name)) notify(id);
    this.#tell(workspace, name);
  }

  /** One variable has one value: two providers must not both give it, now or when it is made. */
  async #checkKeys(
    records: readonly ProviderRecord[],
    more: ReadonlyMap<string, readonly string[]> = new Map(),
  ): Promise<void> {
    const given = await Promise.all(records.map(async (record) => ({
      name: record.name,
      keys: [
        ...Object.keys(record.handles),
        ...Object.keys(configEnvironment(record)),
        ...(await this.#ports.refreshes.ownersOf(record.id)).keys(),
        ...more.get(record.id) ?? [],
      ],
    })));
    checkKeys(given);
  }

  /** What a refresh makes is nobody else's to set. */
  async #checkNotOwned(before: ProviderRecord, change: ProviderChange): Promise<void> {
    const owners = await this.#ports.refreshes.ownersOf(before.id);
    for (const key of [...Object.keys(change.credentials), ...Object.keys(change.expiresAtMs)]) {
      const owner = owners.get(key);
      if (owner === undefined) continue;
      throw new ProviderRefusedError(
        "failed_precondition",
        `set "${key}" of provider "${before.name}"`,
        "the gateway makes its values itself",
        `Run first: openshell provider refresh delete ${before.name} --credential-key ${owner.key}`,
      );
    }
  }

  #tell(workspace: string, name: string): void {
    for (const listener of [...this.#listeners]) listener(workspace, name);
  }
}

function checkKeys(
  given: readonly { readonly name: string; readonly keys: readonly string[] }[],
): void {
  const owners = new Map<string, string>();
  for (const { name, keys } of given) {
    for (const key of new Set(keys)) {
      const owner = owners.get(key);
      if (owner !== undefined) {
        throw new ProviderRefusedError(
          "failed_precondition",
          `use providers "${owner}" and "${name}" in one sandbox`,
          `both give ${key}`,
          "Detach one of them, or give one another key",
        );
      }
      owners.set(key, name);
    }
  }
}

function checkUnchanged(before: ProviderRecord, change: ProviderChange): void {
  const { expectedResourceVersion: expected } = change;
  if (expected !== 0 && expected !== before.resourceVersion) {
    throw new ConflictError("changed", "provider", before.name);
  }
  if (change.type !== "" && typeOf(change.type) !== before.type) {
    const detail = `it is "${before.type}", and a type does not change`;
    const hint = "Create another provider of the other type";
    throw new InvalidProviderError(`type "${change.type.slice(0, 64)}"`, detail, hint);
  }
}

function unknownType(type: string): InvalidProviderError {
  return new InvalidProviderError(
    `type "${type.slice(0, 64)}"`,
    "there is no such type",
    'See them with "openshell provider list-profiles", or use "generic"',
  );
}

function withoutEmpty(texts: Texts): Texts {
  return Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== ""));
}

function mergeHandles(
  before: ProviderRecord["handles"],
  credentials: Texts,
  stored: ProviderRecord["handles"],
): ProviderRecord["handles"] {
  const kept = Object.entries(before).filter(([key]) => credentials[key] !== "");
  return { ...Object.fromEntries(kept), ...stored };
}

function mergeExpiries(
  before: Readonly<Record<string, number>>,
  change: Readonly<Record<string, bigint>>,
): Readonly<Record<string, number>> {
  const merged = { ...before };
  for (const [key, at] of Object.entries(change)) merged[key] = Number(at);
  return Object.fromEntries(Object.entries(merged).filter(([, at]) => at > 0));
}
