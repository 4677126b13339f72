/**
 * The store on SQLite, in a file that only its owner may read, or in memory.
 *
 * WAL with `synchronous=FULL`: a write that was acknowledged has reached the disk. The database is
 * checked when it is opened, so that a damaged one is told at the start and not while it serves.
 *
 * @module
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { LABELS_MAX, PAGE_OBJECTS_MAX, STORE_BUSY_MS_MAX } from "../../proto/limits.ts";
import {
  ConflictError,
  type ListQuery,
  type ObjectFields,
  type ObjectStore,
  type ObjectType,
  type StoredObject,
  StoreError,
  type Write,
} from "./contract.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";

export interface SqliteOptions {
  /** File of the database, or `:memory:`. Its folder has to be there. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Opens the store and brings its tables up to date.
 *
 * @throws {StoreError} where the file is damaged, of a later version, or not ours.
 */
export function openSqliteStore(options: SqliteOptions): ObjectStore {
  return guard(options.path, () => {
    if (options.path !== ":memory:") makePrivate(options.path);
    const database = new DatabaseSync(options.path);
    try {
      prepareDatabase(database, options.path);
      return new SqliteStore(database, options);
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

class SqliteStore implements ObjectStore {
  readonly #database: DatabaseSync;
  readonly #options: SqliteOptions;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, options: SqliteOptions) {
    this.#database = database;
    this.#options = options;
  }

  get(type: ObjectType, id: string): Promise<StoredObject | null> {
    return this.#do(() => this.#get(type, id));
  }

  find(type: ObjectType, workspace: string, name: string): Promise<StoredObject | null> {
    const sql = `${SELECT} WHERE object_type = ? AND workspace = ? AND name = ?`;
    return this.#do(() => this.#rows(sql, [type, workspace, name])[0] ?? null);
  }

  list(query: ListQuery): Promise<readonly StoredObject[]> {
    const { sql, values } = toSql(query);
    return this.#do(() => this.#rows(sql, values));
  }

  apply(writes: readonly Write[]): Promise<readonly StoredObject[]> {
    return this.#do(() => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const stored = writes.flatMap((write) => this.#write(write) ?? []);
        this.#database.exec("COMMIT");
        return stored;
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  ping(): Promise<number> {
    return this.#do(() => {
      const startedAt = performance.now();
      this.#statement("SELECT count(*) FROM sqlite_schema").get();
      return performance.now() - startedAt;
    });
  }

  close(): Promise<void> {
    return this.#do(() => {
      this.#statements.clear();
      this.#database.close();
    });
  }

  #write(write: Write): StoredObject | null {
    if (write.kind === "put") return this.#put(write.object, write.expected);
    const { type, id, expected } = write;
    const current = this.#get(type, id);
    if (current === null && expected === "any") return null;
    if (current === null) throw new ConflictError("missing", type, id);
    if (expected !== "any" && current.resourceVersion !== expected) {
      throw new ConflictError("changed", type, current.name);
    }
    this.#statement("DELETE FROM objects WHERE object_type = ? AND id = ?").run(type, id);
    return null;
  }

  #put(object: ObjectFields, expected: "create" | number): StoredObject {
    const current = this.#get(object.type, object.id);
    if (expected === "create" ? current !== null : current?.resourceVersion !== expected) {
      const conflict = expected === "create" ? "exists" : current === null ? "missing" : "changed";
      throw new ConflictError(conflict, object.type, object.name);
    }
    const now = this.#options.now();
    const stored: StoredObject = {
      ...object,
      createdAtMs: current?.createdAtMs ?? now,
      updatedAtMs: now,
      resourceVersion: (current?.resourceVersion ?? 0) + 1,
    };
    try {
      this.#statement(current === null ? INSERT : UPDATE).run(toParameters(stored));
    } catch (error) {
      if (!/UNIQUE constraint/.test((error as Error).message)) throw error;
      throw new ConflictError("exists", object.type, object.name);
    }
    return stored;
  }

  #get(type: ObjectType, id: string): StoredObject | null {
    return this.#rows(`${SELECT} WHERE object_type = ? AND id = ?`, [type, id])[0] ?? null;
  }

  #rows(sql: string, values: readonly SQLInputValue[]): readonly StoredObject[] {
    return this.#statement(sql).all(...values).map((row) => toObject(row as unknown as Row));
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** A thrown error becomes a rejection, as it would with a database behind a network. */
  #do<T>(work: () => T): Promise<T> {
    try {
      return Promise.resolve(guard(this.#options.path, work));
    } catch (error) {
      return Promise.reject(error);
    }
  }
}

interface Row {
  readonly id: string;
  readonly object_type: ObjectType;
  readonly workspace: string;
  readonly name: string;
  readonly scope: string | null;
  readonly version: number | null;
  readonly status: string;
  readonly payload: Uint8Array;
  readonly labels: string;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
  readonly resource_version: number;
}

const COLUMNS = [
  "id",
  "object_type",
  "workspace",
  "name",
  "scope",
  "version",
  "status",
  "payload",
  "labels",
  "created_at_ms",
  "updated_at_ms",
  "resource_version",
] as const;

const SELECT = `SELECT ${COLUMNS.join(", ")} FROM objects`;

const INSERT = `INSERT INTO objects (${COLUMNS.join(", ")})
  VALUES (${COLUMNS.map((column) => `:${column}`).join(", ")})`;

const UPDATE = `UPDATE objects SET ${COLUMNS.map((column) => `${column} = :${column}`).join(", ")}
  WHERE object_type = :object_type AND id = :id`;

function toParameters(object: StoredObject): Record<string, SQLInputValue> {
  return {
    id: object.id,
    object_type: object.type,
    workspace: object.workspace,
    name: object.name,
    scope: object.scope,
    version: object.version,
    status: object.status,
    payload: object.payload,
    labels: JSON.stringify(object.labels),
    created_at_ms: object.createdAtMs,
    updated_at_ms: object.updatedAtMs,
    resource_version: object.resourceVersion,
  };
}

function toObject(row: Row): StoredObject {
  return {
    id: row.id,
    type: row.object_type,
    workspace: row.workspace,
    name: row.name,
    scope: row.scope,
    version: row.version,
    status: row.status,
    payload: row.payload,
    labels: JSON.parse(row.labels),
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
    resourceVersion: row.resource_version,
  };
}

/** At most `LABELS_MAX` labels are asked for, so that there are few different statements to keep. */
function toSql(query: ListQuery): { sql: string; values: SQLInputValue[] } {
  const { type, workspace, scope, status, labels = {}, order = "created" } = query;
  const conditions = ["object_type = ?"];
  const values: SQLInputValue[] = [type];
  for (const [column, value] of Object.entries({ workspace, scope, status })) {
    if (value === undefined) continue;
    conditions.push(`${column} = ?`);
    values.push(value);
  }
  for (const [key, value] of Object.entries(labels).slice(0, LABELS_MAX)) {
    conditions.push("EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ? AND value = ?)");
    values.push(key, value);
  }
  values.push(Math.min(query.limit ?? PAGE_OBJECTS_MAX, PAGE_OBJECTS_MAX), query.offset ?? 0);
  const sorted = order === "created" ? "created_at_ms, id" : "version DESC, id";
  const sql = `${SELECT} WHERE ${conditions.join(" AND ")} ORDER BY ${sorted} LIMIT ? OFFSET ?`;
  return { sql, values };
}

/** SQLite gives its `-wal` and `-shm` files the mode of the database. */
function makePrivate(path: string): void {
  try {
    Deno.openSync(path, { create: true, write: true, mode: 0o600 }).close();
    Deno.chmodSync(path, 0o600);
  } catch (error) {
    const detail = (error as Error).message;
    throw new StoreError("failed_precondition", detail, {
      cause: error,
      hint: "Make its folder, and make it yours",
    });
  }
}

function prepareDatabase(database: DatabaseSync, path: string): void {
  database.exec(`PRAGMA busy_timeout = ${STORE_BUSY_MS_MAX}; PRAGMA trusted_schema = OFF`);
  const check = readPragma(database, "quick_check(1)");
  if (check !== "ok") throw damaged(path);
  const application = readPragma(database, "application_id");
  const version = Number(readPragma(database, "user_version"));
  if (
    application !== APPLICATION_ID && (application !== 0 || version !== 0 || hasTables(database))
  ) {
    throw new StoreError("failed_precondition", `"${path}" is the database of another program`, {
      hint: "Move it away, or choose another folder for state",
    });
  }
  if (version > MIGRATIONS.length) {
    const detail = `"${path}" has format ${version}, this program knows ${MIGRATIONS.length}`;
    throw new StoreError("failed_precondition", detail, {
      hint: "Use the openshell that wrote it, or a later one",
    });
  }
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  migrate(database, version);
}

function migrate(database: DatabaseSync, from: number): void {
  if (from === MIGRATIONS.length) return;
  database.exec("BEGIN IMMEDIATE");
  for (const step of MIGRATIONS.slice(from)) database.exec(step);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  database.exec("COMMIT");
}

function hasTables(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== undefined;
}

function readPragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

function damaged(path: string, cause?: unknown): StoreError {
  return new StoreError("failed_precondition", `"${path}" is damaged`, {
    cause,
    hint: "Move it away together with its -wal and -shm files, and put a backup in its place",
  });
}

/** The driver gives no codes, so its messages are told apart: they are fixed texts of SQLite. */
function guard<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    if (code !== "ERR_SQLITE_ERROR") throw error;
    if (/malformed|not a database/.test(message)) throw damaged(path, error);
    if (/disk is full|SQLITE_FULL/.test(message)) {
      const hint = "Make room on that disk";
      throw new StoreError("resource_exhausted", "its disk is full", { cause: error, hint });
    }
    if (/locked|busy/.test(message)) {
      const hint = "End the program that holds it, and try again";
      throw new StoreError("unavailable", `"${path}" is locked`, { cause: error, hint });
    }
    throw new StoreError("internal", message, { cause: error });
  }
}
