import assert from "node:assert/strict";
import { InstanceLock, writeEndpoint } from "./instance_lock.ts";

Deno.test("InstanceLock lets one hold it, and the next when it is released", async () => {
  const folder = await Deno.makeTempDir();
  const lock = await InstanceLock.take(`${folder}/lock`);
  await assert.rejects(InstanceLock.take(`${folder}/lock`), { name: "GatewayRunningError" });
  lock.release();
  (await InstanceLock.take(`${folder}/lock`)).release();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("writeEndpoint() replaces the file, which others cannot read", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/endpoint.json`;
  await writeEndpoint(path, { endpoint: "https://127.0.0.1:1", pid: 1, version: "1" });
  await writeEndpoint(path, { endpoint: "https://127.0.0.1:2", pid: 2, version: "1" });
  assert.equal(JSON.parse(await Deno.readTextFile(path)).pid, 2);
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), [
    "endpoint.json",
  ]);
  await Deno.remove(folder, { recursive: true });
});
