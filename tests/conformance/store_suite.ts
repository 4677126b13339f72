/**
 * What every store of the gateway has to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  ConflictError,
  type ObjectFields,
  type ObjectStore,
  put,
  type Write,
} from "../../gateway/store/contract.ts";

/** Opens a new, empty store whose clock is given. */
export type OpenStore = (now: () => number) => Promise<ObjectStore>;

const NAMED: ObjectFields = {
  id: "id-a",
  type: "sandbox",
  workspace: "default",
  name: "a",
  scope: null,
  version: null,
  status: "provisioning",
  payload: new Uint8Array([0, 1, 255]),
  labels: { team: "docs", 'odd"key.$': "1" },
};

function named(name: string, change: Partial<ObjectFields> = {}): ObjectFields {
  return { ...NAMED, id: `id-${name}`, name, ...change };
}

function revision(scope: string, version: number): ObjectFields {
  const name = `${scope}/${version}`;
  return named(name, { type: "sandbox_policy", scope, version, status: "pending" });
}

/** Registers the suite under a name. */
export function testStore(implementation: string, open: OpenStore): void {
  for (const [name, body] of CASES) {
    Deno.test(`${implementation} ${name}`, async () => {
      const clock = { ms: 1_000 };
      const store = await open(() => clock.ms);
      try {
        await body(store, clock);
      } finally {
        await store.close();
      }
    });
  }
}

type Body = (store: ObjectStore, clock: { ms: number }) => Promise<void>;

function conflict(kind: string) {
  return (error: unknown) => error instanceof ConflictError && error.conflict === kind;
}

async function names(store: ObjectStore, query: Parameters<ObjectStore["list"]>[0]) {
  return (await store.list(query)).map(({ name }) => name);
}

const CASES: readonly (readonly [string, Body])[] = [
  ["gives back what was put", async (store, clock) => {
    const stored = await put(store, NAMED, "create");
    assert.deepEqual(stored, {
      ...NAMED,
      createdAtMs: 1_000,
      updatedAtMs: 1_000,
      resourceVersion: 1,
    });
    assert.deepEqual(await store.get("sandbox", "id-a"), stored);
    assert.deepEqual(await store.find("sandbox", "default", "a"), stored);
    clock.ms = 2_000;
    const changed = await put(store, { ...NAMED, status: "ready" }, 1);
    assert.deepEqual(changed, {
      ...stored,
      status: "ready",
      updatedAtMs: 2_000,
      resourceVersion: 2,
    });
    assert.deepEqual(await store.get("sandbox", "id-a"), changed);
  }],
  ["finds nothing that is not there", async (store) => {
    await put(store, NAMED, "create");
    assert.equal(await store.get("sandbox", "id-b"), null);
    assert.equal(await store.get("sandbox_policy", "id-a"), null);
    assert.equal(await store.find("sandbox", "other", "a"), null);
    assert.deepEqual(await store.list({ type: "workspace" }), []);
  }],
  ["refuses to create what is there", async (store) => {
    await put(store, NAMED, "create");
    await assert.rejects(put(store, NAMED, "create"), conflict("exists"));
    await assert.rejects(put(store, { ...NAMED, id: "id-2" }, "create"), conflict("exists"));
    await put(store, { ...NAMED, id: "id-2", workspace: "other" }, "create");
  }],
  ["refuses a second revision of one number", async (store) => {
    await put(store, revision("s", 1), "create");
    const second = { ...revision("s", 1), id: "x", name: "x" };
    await assert.rejects(put(store, second, "create"), conflict("exists"));
    await put(store, revision("t", 1), "create");
  }],
  ["refuses a write to another version", async (store) => {
    await assert.rejects(put(store, NAMED, 1), conflict("missing"));
    await put(store, NAMED, "create");
    await put(store, NAMED, 1);
    await assert.rejects(put(store, NAMED, 1), conflict("changed"));
    await assert.rejects(put(store, NAMED, 3), conflict("changed"));
  }],
  ["deletes on its condition alone", async (store) => {
    const remove = (expected: number | "any"): Promise<unknown> =>
      store.apply([{ kind: "delete", type: "sandbox", id: "id-a", expected }]);
    await remove("any");
    await assert.rejects(remove(1), conflict("missing"));
    await put(store, NAMED, "create");
    await assert.rejects(remove(2), conflict("changed"));
    await remove(1);
    assert.equal(await store.get("sandbox", "id-a"), null);
    await put(store, NAMED, "create");
    await remove("any");
    assert.equal(await store.get("sandbox", "id-a"), null);
  }],
  ["writes a batch as a whole or not at all", async (store) => {
    await put(store, named("b"), "create");
    const batch: Write[] = [
      { kind: "put", object: NAMED, expected: "create" },
      { kind: "delete", type: "sandbox", id: "id-b", expected: 1 },
      { kind: "put", object: named("c"), expected: 7 },
    ];
    await assert.rejects(store.apply(batch), conflict("missing"));
    assert.deepEqual(await names(store, { type: "sandbox" }), ["b"]);
    const stored = await store.apply(batch.slice(0, 2));
    assert.deepEqual(stored.map(({ name }) => name), ["a"]);
    assert.deepEqual(await names(store, { type: "sandbox" }), ["a"]);
  }],
  ["sees its own writes within a batch", async (store) => {
    await store.apply([
      { kind: "put", object: NAMED, expected: "create" },
      { kind: "put", object: NAMED, expected: 1 },
    ]);
    assert.equal((await store.get("sandbox", "id-a"))?.resourceVersion, 2);
  }],
  ["lists by type, workspace, scope, status and labels", async (store, clock) => {
    for (const [index, name] of ["c", "a", "b"].entries()) {
      clock.ms = 1_000 + index;
      const labels: Record<string, string> = { team: name === "b" ? "ops" : "docs", n: name };
      const workspace = name === "c" ? "other" : "default";
      await put(store, named(name, { labels, workspace }), "create");
    }
    await put(store, { ...named("b"), workspace: "default", status: "ready" }, 1);
    const list = (query: object) => names(store, { type: "sandbox", ...query });
    assert.deepEqual(await list({}), ["c", "a", "b"]);
    assert.deepEqual(await list({ workspace: "default" }), ["a", "b"]);
    assert.deepEqual(await list({ status: "ready" }), ["b"]);
    assert.deepEqual(await list({ labels: { team: "docs" } }), ["c", "a", "b"]);
    assert.deepEqual(await list({ labels: { team: "docs", n: "a" } }), ["a"]);
    assert.deepEqual(await list({ labels: { "team' OR 1": "x" } }), []);
    assert.deepEqual(await list({ labels: { 'odd"key.$': "1" } }), ["b"]);
    assert.deepEqual(await list({ limit: 1, offset: 1 }), ["a"]);
    assert.deepEqual(await list({ limit: 0 }), []);
    assert.deepEqual(await list({ offset: 3 }), []);
  }],
  ["lists the newest version first where asked", async (store) => {
    for (const version of [1, 2, 10]) await put(store, revision("s", version), "create");
    await put(store, revision("t", 3), "create");
    const query = { type: "sandbox_policy", scope: "s", order: "newest_version" } as const;
    assert.deepEqual(await names(store, query), ["s/10", "s/2", "s/1"]);
  }],
  ["lets one of several writers win", async (store) => {
    await put(store, NAMED, "create");
    const writers = ["x", "y", "z"].map((status) => put(store, { ...NAMED, status }, 1));
    const results = await Promise.allSettled(writers);
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((await store.get("sandbox", "id-a"))?.resourceVersion, 2);
  }],
  ["answers a ping with its time", async (store) => {
    assert.ok(await store.ping() >= 0);
  }],
];
