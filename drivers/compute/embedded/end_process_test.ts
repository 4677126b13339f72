import assert from "node:assert/strict";
import { endProcess } from "./end_process.ts";

const PROCESS = { pid: 2 ** 30, startTime: "1" };
const TIMES = { graceMs: 0, killMs: 0 };

/** A process that ends at the first signal that is in the list. */
function fake(endsBy: readonly string[]) {
  const signals: string[] = [];
  return {
    signals,
    isRunning: () => !signals.some((signal) => endsBy.includes(signal)),
    signal: (_pid: number, name: Deno.Signal) => void signals.push(name),
  };
}

Deno.test.each<{ name: string; endsBy: string[]; want: string[] }>([
  { name: "asks one that ends", endsBy: ["SIGTERM", "SIGKILL"], want: ["SIGTERM"] },
  { name: "kills one that does not", endsBy: ["SIGKILL"], want: ["SIGTERM", "SIGKILL"] },
])("endProcess() $name", async ({ endsBy, want }) => {
  const { signals, ...ports } = fake(endsBy);
  await endProcess(PROCESS, { ...TIMES, ...ports });
  assert.deepEqual(signals, want);
});

const REFUSAL = { name: "ProcessEndError", code: "unavailable" };

Deno.test("endProcess() does not wait for ever for one that cannot be killed", async () => {
  const { signals, ...ports } = fake([]);
  await assert.rejects(endProcess(PROCESS, { ...TIMES, ...ports }), REFUSAL);
  assert.deepEqual(signals, ["SIGTERM", "SIGKILL"]);
});

Deno.test("endProcess() says that a process may not be signalled", async () => {
  const signal = () => {
    throw new Deno.errors.PermissionDenied();
  };
  const ports = { isRunning: () => true, signal };
  await assert.rejects(endProcess(PROCESS, { ...TIMES, ...ports }), REFUSAL);
});

Deno.test("endProcess() takes one for ended that ends before its signal", async () => {
  let isThere = true;
  const signal = () => {
    isThere = false;
    throw new Deno.errors.NotFound();
  };
  await endProcess(PROCESS, { ...TIMES, isRunning: () => isThere, signal });
});
