/**
 * Writes rows to a store until it is killed, and says each that was acknowledged.
 *
 * @module
 */

import { put } from "../../gateway/store/contract.ts";
import { openSqliteStore } from "../../gateway/store/sqlite_store.ts";

const [path, run] = Deno.args;
const store = openSqliteStore({ path: path!, now: Date.now });
const encoder = new TextEncoder();
for (let index = 0;; index++) {
  const id = `${run}-${index}`;
  await put(store, {
    id,
    type: "sandbox",
    workspace: "default",
    name: id,
    scope: null,
    version: null,
    status: "ready",
    payload: new Uint8Array(1024).fill(index),
    labels: {},
  }, "create");
  Deno.stdout.writeSync(encoder.encode(`${id}\n`));
}
