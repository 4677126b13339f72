/**
 * What the gateway asks of its store: one table of versioned objects.
 *
 * Every write is conditional, on the object not being there or on the version that the writer has
 * read. A batch of writes happens as a whole or not at all, and once its promise has resolved it
 * survives the end of the process, however that comes.
 *
 * The payload is opaque to the store. Where the wire has a message for an object (`sandbox`) it is
 * that message in binary; everything else (`sandbox_policy`, settings) is JSON as UTF-8.
 *
 * @module
 */

import { CodedError, type ErrorCode } from "../../proto/errors.ts";

export type ObjectType =
  | "inference_route"
  | "sandbox"
  | "sandbox_policy"
  | "sandbox_settings"
  | "gateway_settings"
  | "workspace"
  | "provider"
  | "provider_profile"
  | "provider_refresh"
  | "credential_envelope";

/** What a writer says of an object. */
export interface ObjectFields {
  readonly id: string;
  readonly type: ObjectType;
  /** Empty for what belongs to no workspace. */
  readonly workspace: string;
  /** Unique for its type in its workspace. */
  readonly name: string;
  /** What the object is a part of: the id of a sandbox, or `__global__`. */
  readonly scope: string | null;
  /** Number within its scope, as of a policy revision. Unique for its type and scope. */
  readonly version: number | null;
  readonly status: string;
  readonly payload: Uint8Array;
  readonly labels: Readonly<Record<string, string>>;
}

/** An object as stored. */
export interface StoredObject extends ObjectFields {
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** From 1, one more with each write. */
  readonly resourceVersion: number;
}

export type Write =
  | {
    readonly kind: "put";
    readonly object: ObjectFields;
    /** `create`: it must not be there. A number: the version that it must have. */
    readonly expected: "create" | number;
  }
  | {
    readonly kind: "delete";
    readonly type: ObjectType;
    readonly id: string;
    /** `any`: whatever version it has, also where it is gone already. */
    readonly expected: "any" | number;
  };

export interface ListQuery {
  readonly type: ObjectType;
  /** Left out: all workspaces. */
  readonly workspace?: string;
  readonly scope?: string;
  readonly status?: string;
  /** Labels that an object has to have, all of them. */
  readonly labels?: Readonly<Record<string, string>>;
  /** `created`: oldest first, the default. `newest_version`: highest version first. */
  readonly order?: "created" | "newest_version";
  /** At most `PAGE_OBJECTS_MAX`, which is the default. */
  readonly limit?: number;
  readonly offset?: number;
}

export interface ObjectStore {
  get(type: ObjectType, id: string): Promise<StoredObject | null>;
  find(type: ObjectType, workspace: string, name: string): Promise<StoredObject | null>;
  list(query: ListQuery): Promise<readonly StoredObject[]>;
  /**
   * Applies writes as one. Returns the objects that were put, in order.
   *
   * @throws {ConflictError} where a condition does not hold; nothing is written.
   * @throws {StoreError}
   */
  apply(writes: readonly Write[]): Promise<readonly StoredObject[]>;
  /** Asks the database; returns how long that took, in milliseconds. @throws {StoreError} */
  ping(): Promise<number>;
  close(): Promise<void>;
}

/** Writes one object. */
export async function put(
  store: ObjectStore,
  object: ObjectFields,
  expected: "create" | number,
): Promise<StoredObject> {
  const [stored] = await store.apply([{ kind: "put", object, expected }]);
  return stored!;
}

/** Why a conditional write was refused. */
export type Conflict = "exists" | "changed" | "missing";

/** Someone else was first: nothing of the batch was written. */
export class ConflictError extends CodedError {
  override readonly name = "ConflictError";
  override readonly code: ErrorCode;

  constructor(readonly conflict: Conflict, readonly type: ObjectType, readonly objectName: string) {
    super(`Cannot write ${type} "${objectName}": ${CONFLICTS[conflict]}`, {
      hint: "Read it again and repeat the change",
    });
    this.code = conflict === "exists" ? "already_exists" : "failed_precondition";
  }
}

const CONFLICTS: Readonly<Record<Conflict, string>> = {
  exists: "it exists already",
  changed: "it was changed by someone else",
  missing: "it was deleted by someone else",
};

/** The store cannot be used. */
export class StoreError extends CodedError {
  override readonly name = "StoreError";

  constructor(
    override readonly code: ErrorCode,
    detail: string,
    options: ErrorOptions & { readonly hint?: string } = {},
  ) {
    super(`Cannot use the gateway's database: ${detail}`, options);
  }
}
