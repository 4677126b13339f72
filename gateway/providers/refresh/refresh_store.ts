/**
 * Records of refreshes in the gateway's store.
 *
 * @module
 */

import { PAGE_OBJECTS_MAX } from "../../../proto/limits.ts";
import type { ObjectStore, StoredObject, Write } from "../../store/contract.ts";
import {
  fromStored,
  ownedKeys,
  refreshId,
  type RefreshRecord,
  toStored,
} from "./refresh_record.ts";

export class RefreshStore {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async find(providerId: string, key: string): Promise<RefreshRecord | null> {
    const object = await this.#store.get("provider_refresh", refreshId({ providerId, key }));
    return object === null ? null : fromStored(object);
  }

  /** Those of one provider, by variable. */
  async ofProvider(providerId: string): Promise<readonly RefreshRecord[]> {
    const found = await this.#pages({ scope: providerId });
    return found.toSorted((a, b) => a.key < b.key ? -1 : 1);
  }

  async all(): Promise<readonly RefreshRecord[]> {
    return await this.#pages({});
  }

  /** Variables of a provider that refreshes make, each with its refresh. */
  async ownersOf(providerId: string): Promise<ReadonlyMap<string, RefreshRecord>> {
    const records = await this.ofProvider(providerId);
    return new Map(
      records.flatMap((record) => ownedKeys(record).map((key) => [key, record] as const)),
    );
  }

  async #pages(part: { readonly scope?: string }): Promise<readonly RefreshRecord[]> {
    const all: StoredObject[] = [];
    for (;;) {
      const query = { type: "provider_refresh", ...part, offset: all.length } as const;
      const page = await this.#store.list({ ...query, limit: PAGE_OBJECTS_MAX });
      all.push(...page);
      if (page.length < PAGE_OBJECTS_MAX) return all.map(fromStored);
    }
  }
}

/** Writes a record that was read at its version, or is new. */
export function putRefresh(record: RefreshRecord): Write {
  const { resourceVersion } = record;
  const expected = resourceVersion === 0 ? "create" : resourceVersion;
  return { kind: "put", object: toStored(record), expected };
}

export function deleteRefresh(record: RefreshRecord): Write {
  return { kind: "delete", type: "provider_refresh", id: refreshId(record), expected: "any" };
}
