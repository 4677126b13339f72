import assert from "node:assert/strict";
import { KeyedGate } from "./keyed_gate.ts";

Deno.test("KeyedGate runs one piece of work a key at a time, in order", async () => {
  const gate = new KeyedGate();
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const a = gate.run("a", async () => {
    log.push("a1");
    await first.promise;
    log.push("a1 done");
  });
  const b = gate.run("a", () => Promise.resolve(void log.push("a2")));
  await gate.run("b", () => Promise.resolve(void log.push("b1")));
  first.resolve();
  await Promise.all([a, b]);
  assert.deepEqual(log, ["a1", "b1", "a1 done", "a2"]);
  assert.equal(gate.size, 0);
});

Deno.test("KeyedGate goes on after work that failed", async () => {
  const gate = new KeyedGate();
  const failing = gate.run("a", () => Promise.reject(new TypeError("x")));
  const next = gate.run("a", () => Promise.resolve(7));
  await assert.rejects(failing, TypeError);
  assert.equal(await next, 7);
  assert.equal(gate.size, 0);
});
