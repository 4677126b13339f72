import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { testStore } from "../../tests/conformance/store_suite.ts";
import { type ObjectStore, put, StoreError } from "./contract.ts";
import { openSqliteStore } from "./sqlite_store.ts";

const now = () => 0;

testStore("sqlite in memory", (now) => Promise.resolve(openSqliteStore({ path: ":memory:", now })));

testStore("sqlite in a file", async (now) => {
  const folder = await Deno.makeTempDir();
  const store = openSqliteStore({ path: `${folder}/openshell.db`, now });
  const close = async () => {
    await store.close();
    await Deno.remove(folder, { recursive: true });
  };
  return Object.assign(Object.create(store) as ObjectStore, bound(store), { close });
});

/** Private members are reached through the store itself alone. */
function bound(store: ObjectStore): Omit<ObjectStore, "close"> {
  return {
    get: (type, id) => store.get(type, id),
    find: (type, workspace, name) => store.find(type, workspace, name),
    list: (query) => store.list(query),
    apply: (writes) => store.apply(writes),
    ping: () => store.ping(),
  };
}

function fileTest(name: string, body: (path: string) => Promise<void>): void {
  Deno.test(`openSqliteStore() ${name}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await body(`${folder}/openshell.db`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

function refusal(code: string, detail: RegExp) {
  return (error: unknown) =>
    error instanceof StoreError && error.code === code && detail.test(error.message) &&
    error.hint !== undefined;
}

fileTest("keeps everything from others, also what it left open before", async (path) => {
  await Deno.writeTextFile(path, "");
  await Deno.chmod(path, 0o644);
  const store = openSqliteStore({ path, now });
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600, file);
  }
  await store.close();
});

fileTest("finds after a restart what was written", async (path) => {
  const object = {
    id: "1",
    type: "sandbox",
    workspace: "w",
    name: "n",
    scope: null,
    version: null,
    status: "",
    payload: new Uint8Array([7]),
    labels: {},
  } as const;
  const first = openSqliteStore({ path, now });
  const written = await put(first, object, "create");
  await first.close();
  const second = openSqliteStore({ path, now });
  assert.deepEqual(await second.get("sandbox", "1"), written);
  await second.close();
});

fileTest("loses nothing acknowledged when its process is killed", async (path) => {
  const acknowledged: string[] = [];
  // Spread over start, first transactions, and a WAL that has been checkpointed.
  for (const lines of [1, 3, 17, 120]) {
    acknowledged.push(...await writeAndKill(path, `run${lines}`, lines));
  }
  assert.ok(acknowledged.length >= 141);
  const store = openSqliteStore({ path, now });
  for (const id of acknowledged) assert.ok(await store.get("sandbox", id), `${id} is lost`);
  await store.close();
});

/** Returns the rows that the writer said it had written until it was killed. */
async function writeAndKill(path: string, run: string, lines: number): Promise<readonly string[]> {
  const script = fileURLToPath(
    new URL("../../tests/conformance/store_crash_writer.ts", import.meta.url),
  );
  const writer = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, path, run],
    stdout: "piped",
  }).spawn();
  let text = "";
  let killed = false;
  for await (const chunk of writer.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (!killed && text.split("\n").length > lines) {
      writer.kill("SIGKILL");
      killed = true;
    }
  }
  await writer.status;
  return text.split("\n").slice(0, -1);
}

fileTest("refuses a file that is no database", async (path) => {
  await Deno.writeTextFile(path, "this is a diary, not a database\n".repeat(100));
  assert.throws(() => openSqliteStore({ path, now }), refusal("failed_precondition", /damaged/));
});

fileTest("refuses a database whose pages are damaged", async (path) => {
  await openSqliteStore({ path, now }).close();
  const file = await Deno.open(path, { write: true, read: true });
  const { size } = await file.stat();
  await file.seek(4096, Deno.SeekMode.Start);
  await file.write(new Uint8Array(size - 4096).fill(0x5a));
  file.close();
  assert.throws(() => openSqliteStore({ path, now }), refusal("failed_precondition", /damaged/));
});

fileTest("refuses a later format", async (path) => {
  await openSqliteStore({ path, now }).close();
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 999");
  database.close();
  assert.throws(() => openSqliteStore({ path, now }), refusal("failed_precondition", /format 999/));
});

fileTest("refuses the database of another program", (path) => {
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE diary (line TEXT)");
  database.close();
  assert.throws(
    () => openSqliteStore({ path, now }),
    refusal("failed_precondition", /another program/),
  );
  return Promise.resolve();
});

fileTest("says that its folder does not exist", (path) => {
  assert.throws(
    () => openSqliteStore({ path: `${path}/none/x.db`, now }),
    refusal("failed_precondition", /No such file/),
  );
  return Promise.resolve();
});
