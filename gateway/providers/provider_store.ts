/**
 * Records of providers in the gateway's store, and which sandboxes have them.
 *
 * @module
 */

import { PAGE_OBJECTS_MAX } from "../../proto/limits.ts";
import { fromStored as sandboxFromStored, type SandboxRecord } from "../sandbox/sandbox_record.ts";
import {
  ConflictError,
  type ObjectStore,
  put,
  type StoredObject,
  type Write,
} from "../store/contract.ts";
import { ProviderExistsError, ProviderNotFoundError } from "./provider_errors.ts";
import { fromStored, type ProviderRecord, toStored } from "./provider_record.ts";

export class ProviderStore {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async find(workspace: string, name: string): Promise<ProviderRecord | null> {
    const object = await this.#store.find("provider", workspace, name);
    return object === null ? null : fromStored(object);
  }

  /** @throws {ProviderNotFoundError} */
  async get(workspace: string, name: string): Promise<ProviderRecord> {
    const record = await this.find(workspace, name);
    if (record === null) throw new ProviderNotFoundError(name);
    return record;
  }

  /** Those that a sandbox has; a name without a provider is left out. */
  async attached({ workspace, spec }: SandboxRecord): Promise<readonly ProviderRecord[]> {
    const found = await Promise.all(spec.providers.map((name) => this.find(workspace, name)));
    return found.filter((record) => record !== null);
  }

  /** Oldest first; `null` is every workspace. */
  async list(
    { workspace, limit, offset }: {
      readonly workspace: string | null;
      readonly limit: number;
      readonly offset: number;
    },
  ): Promise<readonly ProviderRecord[]> {
    const scope = workspace === null ? {} : { workspace };
    const query = { type: "provider", ...scope, limit, offset } as const;
    return (await this.#store.list(query)).map(fromStored);
  }

  async all(): Promise<readonly ProviderRecord[]> {
    return (await this.#everything("provider")).map(fromStored);
  }

  /** @throws {ProviderExistsError} */
  async create(record: ProviderRecord): Promise<ProviderRecord> {
    try {
      return fromStored(await put(this.#store, toStored(record), "create"));
    } catch (error) {
      const isTaken = error instanceof ConflictError && error.conflict === "exists";
      throw isTaken ? new ProviderExistsError(record.name) : error;
    }
  }

  /** @throws {ConflictError} where somebody else was first. */
  async replace(record: ProviderRecord, parts: readonly Write[] = []): Promise<ProviderRecord> {
    const expected = record.resourceVersion;
    const write = { kind: "put", object: toStored(record), expected } as const;
    const [stored] = await this.#store.apply([write, ...parts]);
    return fromStored(stored!);
  }

  /** Removes it, and what is a part of it, as one. */
  async remove(
    { id, resourceVersion }: ProviderRecord,
    parts: readonly Write[] = [],
  ): Promise<void> {
    const write = { kind: "delete", type: "provider", id, expected: resourceVersion } as const;
    await this.#store.apply([write, ...parts]);
  }

  async sandbox(id: string): Promise<SandboxRecord | null> {
    const object = await this.#store.get("sandbox", id);
    return object === null ? null : sandboxFromStored(object);
  }

  /** Sandboxes that have a provider, those that end included. */
  async sandboxesWith(workspace: string, name: string): Promise<readonly SandboxRecord[]> {
    return (await this.sandboxes(workspace)).filter(({ spec }) => spec.providers.includes(name));
  }

  async sandboxes(workspace: string | null): Promise<readonly SandboxRecord[]> {
    return (await this.#everything("sandbox", workspace)).map(sandboxFromStored);
  }

  async #everything(
    type: "provider" | "sandbox",
    workspace: string | null = null,
  ): Promise<readonly StoredObject[]> {
    const all: StoredObject[] = [];
    const scope = workspace === null ? {} : { workspace };
    for (;;) {
      const query = { type, ...scope, limit: PAGE_OBJECTS_MAX, offset: all.length };
      const page = await this.#store.list(query);
      all.push(...page);
      if (page.length < PAGE_OBJECTS_MAX) return all;
    }
  }
}
