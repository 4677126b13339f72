/**
 * The tables of the SQLite store, and the way from each version of them to the next.
 *
 * @module
 */

/** Says in the file's header that it is ours: "OSh1". */
export const APPLICATION_ID = 0x4f536831;

/**
 * One step for each version, applied in order within one transaction. A released step is never
 * edited: a change is a further step.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE objects (
    id TEXT NOT NULL,
    object_type TEXT NOT NULL,
    name TEXT NOT NULL,
    scope TEXT,
    version INTEGER,
    status TEXT NOT NULL,
    dedup_key TEXT,
    hit_count INTEGER NOT NULL DEFAULT 0,
    payload BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    labels TEXT NOT NULL,
    resource_version INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    PRIMARY KEY (object_type, id),
    UNIQUE (object_type, workspace, name),
    UNIQUE (object_type, scope, version),
    UNIQUE (object_type, scope, dedup_key)
  ) STRICT;
  CREATE INDEX objects_by_age ON objects (object_type, created_at_ms, id);`,
];
