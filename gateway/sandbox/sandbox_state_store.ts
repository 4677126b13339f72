/**
 * Reads and writes the records of sandboxes, one change of each at a time, and tells who follows.
 *
 * What happens to a sandbox must not wait for what is being done with it: a supervisor connects
 * while its start is still awaited. So changes have a queue of their own, and are short.
 *
 * @module
 */

import { STORE_ATTEMPTS_MAX } from "../../proto/limits.ts";
import {
  ConflictError,
  type ListQuery,
  type ObjectStore,
  put,
  type Write,
} from "../store/contract.ts";
import { KeyedGate } from "./keyed_gate.ts";
import { advance, type SandboxEvent } from "./phase.ts";
import { fromStored, type SandboxRecord, toStored } from "./sandbox_record.ts";
import type { SandboxWatchers } from "./sandbox_watchers.ts";

export interface SandboxStateOptions {
  readonly store: ObjectStore;
  readonly watchers: SandboxWatchers;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class SandboxStateStore {
  readonly #store: ObjectStore;
  readonly #watchers: SandboxWatchers;
  readonly #now: () => number;
  readonly #changes = new KeyedGate();

  constructor({ store, watchers, now }: SandboxStateOptions) {
    this.#store = store;
    this.#watchers = watchers;
    this.#now = now;
  }

  async get(sandboxId: string): Promise<SandboxRecord | null> {
    const object = await this.#store.get("sandbox", sandboxId);
    return object === null ? null : fromStored(object);
  }

  async find(workspace: string, name: string): Promise<SandboxRecord | null> {
    const object = await this.#store.find("sandbox", workspace, name);
    return object === null ? null : fromStored(object);
  }

  async list(query: Omit<ListQuery, "type">): Promise<readonly SandboxRecord[]> {
    return (await this.#store.list({ type: "sandbox", ...query })).map(fromStored);
  }

  /** Writes a new record together with what belongs to it. @throws {ConflictError} */
  async create(record: SandboxRecord, writes: readonly Write[]): Promise<SandboxRecord> {
    const [stored] = await this.#store.apply([
      { kind: "put", object: toStored(record), expected: "create" },
      ...writes,
    ]);
    return fromStored(stored!);
  }

  /** Removes a record together with what belongs to it. */
  async remove(sandboxId: string, writes: readonly Write[]): Promise<void> {
    await this.#changes.run(sandboxId, async () => {
      await this.#store.apply([
        { kind: "delete", type: "sandbox", id: sandboxId, expected: "any" },
        ...writes,
      ]);
    });
    this.#watchers.tell(sandboxId, { kind: "deleted" });
  }

  /** Lets an event happen to a sandbox. Returns its record after it, `null` where it is gone. */
  advance(sandboxId: string, event: SandboxEvent): Promise<SandboxRecord | null> {
    const at = new Date(this.#now());
    return this.update(sandboxId, (record) => {
      const state = advance(record.state, event, at);
      if (state === record.state) return record;
      const isEnd = event.type === "delete_requested";
      const deletionTimestampMs = isEnd ? at.getTime() : record.deletionTimestampMs;
      return { ...record, state, deletionTimestampMs };
    });
  }

  /**
   * Changes a record; returning the same one changes nothing. Further writes happen with it, as a
   * whole or not at all.
   */
  update(
    sandboxId: string,
    change: (record: SandboxRecord) => SandboxRecord,
  ): Promise<SandboxRecord | null> {
    return this.#changes.run(sandboxId, async () => {
      for (let attempt = 1;; attempt++) {
        const before = await this.get(sandboxId);
        if (before === null) return null;
        const after = change(before);
        if (after === before) return before;
        try {
          const stored = await put(this.#store, toStored(after), before.resourceVersion);
          return this.#told(fromStored(stored));
        } catch (error) {
          // Another gateway on the same database was first.
          if (!(error instanceof ConflictError) || attempt === STORE_ATTEMPTS_MAX) throw error;
        }
      }
    });
  }

  /**
   * Applies what `prepare` returns, and marks the sandbox as changed with it. Nothing happens where
   * that is nothing.
   */
  async applyWith(
    sandboxId: string,
    prepare: (record: SandboxRecord | null) => Promise<readonly Write[]>,
  ): Promise<void> {
    await this.#changes.run(sandboxId, async () => {
      const record = await this.get(sandboxId);
      const writes = await prepare(record);
      if (writes.length === 0 || record === null) return;
      const touched = toStored(record);
      const [stored] = await this.#store.apply([
        { kind: "put", object: touched, expected: record.resourceVersion },
        ...writes,
      ]);
      this.#told(fromStored(stored!));
    });
  }

  #told(record: SandboxRecord): SandboxRecord {
    this.#watchers.tell(record.id, { kind: "changed", record });
    return record;
  }
}
