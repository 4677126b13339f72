import assert from "node:assert/strict";
import { EncryptedCredentialDriver, type EnvelopeTable } from "./encrypted_driver.ts";
import { commitKeyFile, makeNextKey, openKeyFile, readNextKey } from "./key_file.ts";

const OWNER = { providerId: "p-1", key: "TOKEN" };
const SECRET = "the-value-itself";

class MemoryTable implements EnvelopeTable {
  readonly rows = new Map<string, string>();

  get(id: string): Promise<string | null> {
    return Promise.resolve(this.rows.get(id) ?? null);
  }
  put(id: string, text: string): Promise<void> {
    this.rows.set(id, text);
    return Promise.resolve();
  }
  delete(id: string): Promise<void> {
    this.rows.delete(id);
    return Promise.resolve();
  }
  ids(): Promise<readonly string[]> {
    return Promise.resolve([...this.rows.keys()]);
  }
}

async function withKey(body: (path: string, table: MemoryTable) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "openshell-credentials-" });
  try {
    await body(`${folder}/key`, new MemoryTable());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("EncryptedCredentialDriver keeps a value, and nothing of it in the table", () =>
  withKey(async (path, table) => {
    const driver = new EncryptedCredentialDriver(table, await openKeyFile(path), null);
    const handle = await driver.store(OWNER, SECRET);
    assert.match(handle, /^v1:[0-9a-f]{64}$/);
    assert.equal(await driver.resolve(OWNER, handle), SECRET);
    const stored = [...table.rows.values()].join();
    assert.ok(!stored.includes(SECRET) && !stored.includes(btoa(SECRET).slice(0, 12)));
    const again = new EncryptedCredentialDriver(table, await openKeyFile(path), null);
    assert.equal(await again.resolve(OWNER, handle), SECRET);
    await again.delete(handle);
    await again.delete(handle);
    await assert.rejects(again.resolve(OWNER, handle), { code: "not_found" });
  }));

Deno.test("EncryptedCredentialDriver gives a value to its owner alone", () =>
  withKey(async (path, table) => {
    const driver = new EncryptedCredentialDriver(table, await openKeyFile(path), null);
    const handle = await driver.store(OWNER, SECRET);
    for (const owner of [{ ...OWNER, providerId: "p-2" }, { ...OWNER, key: "OTHER" }]) {
      await assert.rejects(driver.resolve(owner, handle), { code: "permission_denied" });
    }
    // The record says another owner: what is authenticated does not.
    const [id = "", text = ""] = [...table.rows][0] ?? [];
    table.rows.set(id, text.replace('"p-1"', '"p-2"'));
    const other = { ...OWNER, providerId: "p-2" };
    await assert.rejects(driver.resolve(other, handle), { code: "failed_precondition" });
  }));

Deno.test.each([
  {
    name: "an envelope of another id",
    change: (text: string) => text.replace(/"id":"\w/, '"id":"z'),
  },
  {
    name: "a changed value",
    change: (text: string) => text.replace(/("value":.*"ciphertext":")(.)/, "$1A$2"),
  },
  {
    name: "a changed key",
    change: (text: string) => text.replace(/("wrappedKey":\{"nonce":")(.)/, "$1A$2"),
  },
  { name: "another key file", change: (text: string) => text.replace(/"keyId":"\w/, '"keyId":"z') },
])("EncryptedCredentialDriver refuses $name", ({ change }) =>
  withKey(async (path, table) => {
    const driver = new EncryptedCredentialDriver(table, await openKeyFile(path), null);
    const handle = await driver.store(OWNER, SECRET);
    const [id = "", text = ""] = [...table.rows][0] ?? [];
    assert.notEqual(change(text), text);
    table.rows.set(id, change(text));
    const failure = await driver.resolve(OWNER, handle).catch((error: Error) => error);
    assert.ok(failure instanceof Error && !failure.message.includes(SECRET));
    assert.equal((failure as Error & { code: string }).code, "failed_precondition");
  }));

Deno.test("EncryptedCredentialDriver.rekey() goes on after it was interrupted", () =>
  withKey(async (path, table) => {
    const driver = new EncryptedCredentialDriver(table, await openKeyFile(path), null);
    const handles = await Promise.all(
      ["a", "b", "c"].map((value) => driver.store(OWNER, value)),
    );
    const next = await makeNextKey(path);
    // The second write fails: as if the power went.
    let writes = 0;
    const put = table.put.bind(table);
    table.put = (id, text) =>
      ++writes === 2 ? Promise.reject(new Deno.errors.Interrupted()) : put(id, text);
    await assert.rejects(driver.rekey(next));
    table.put = put;
    const other = await readNextKey(path);
    assert.equal(other?.id, next.id);
    const again = new EncryptedCredentialDriver(table, await openKeyFile(path), other);
    assert.equal(await again.resolve(OWNER, handles[1]!), "b");
    assert.equal(await again.rekey(next), 2);
    await commitKeyFile(path);
    const after = new EncryptedCredentialDriver(table, await openKeyFile(path), null);
    for (const [at, value] of ["a", "b", "c"].entries()) {
      assert.equal(await after.resolve(OWNER, handles[at]!), value);
    }
  }));

Deno.test("openKeyFile() refuses a file that others can read, or that is no key", () =>
  withKey(async (path) => {
    const { id } = await openKeyFile(path);
    assert.equal((await openKeyFile(path)).id, id);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    await Deno.chmod(path, 0o640);
    await assert.rejects(openKeyFile(path), { code: "failed_precondition", hint: /chmod 600/ });
    await Deno.remove(path);
    await Deno.writeFile(path, new Uint8Array(16), { mode: 0o600 });
    await assert.rejects(openKeyFile(path), { code: "failed_precondition" });
  }));
