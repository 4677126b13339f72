/**
 * Keeps the envelopes of credentials in the gateway's own store. What is in them is encrypted.
 *
 * @module
 */

import { PAGE_OBJECTS_MAX } from "../../proto/limits.ts";
import { type ObjectStore, put } from "../store/contract.ts";

/** What the driver that encrypts asks of whoever keeps its envelopes. */
export interface EnvelopeTable {
  get(id: string): Promise<string | null>;
  put(id: string, text: string): Promise<void>;
  delete(id: string): Promise<void>;
  ids(): Promise<readonly string[]>;
}

const TYPE = "credential_envelope";

export function envelopeTable(store: ObjectStore): EnvelopeTable {
  return {
    async get(id) {
      const object = await store.get(TYPE, id);
      return object === null ? null : new TextDecoder().decode(object.payload);
    },
    async put(id, text) {
      const before = await store.get(TYPE, id);
      await put(store, {
        id,
        type: TYPE,
        workspace: "",
        name: id,
        scope: null,
        version: null,
        status: "",
        payload: new TextEncoder().encode(text),
        labels: {},
      }, before?.resourceVersion ?? "create");
    },
    async delete(id) {
      await store.apply([{ kind: "delete", type: TYPE, id, expected: "any" }]);
    },
    async ids() {
      const ids: string[] = [];
      for (;;) {
        const query = { type: TYPE, limit: PAGE_OBJECTS_MAX, offset: ids.length } as const;
        const page = await store.list(query);
        ids.push(...page.map(({ id }) => id));
        if (page.length < PAGE_OBJECTS_MAX) return ids;
      }
    },
  };
}
