import assert from "node:assert/strict";
import { identifyProcess, isRunning } from "./process_identity.ts";

/** Fields 3 to 22; the name before them is anything that a program gives itself. */
function stat(name: string, state: string, startTime: string): string {
  return `7 (${name}) ${state} ${Array(18).fill("0").join(" ")} ${startTime} 0\n`;
}

Deno.test.each([
  { name: "one that runs", text: stat("sh", "S", "4711"), want: "4711" },
  { name: "one with a name to confuse", text: stat("a) R 1 (b", "R", "4711"), want: "4711" },
  { name: "a zombie", text: stat("sh", "Z", "4711"), want: undefined },
  { name: "a dead one", text: stat("sh", "X", "4711"), want: undefined },
])("identifyProcess() of $name", ({ text, want }) => {
  assert.equal(identifyProcess(7, () => text)?.startTime, want);
});

Deno.test.each([
  { name: "there is none", error: new Deno.errors.NotFound("os error 2") },
  { name: "it ends meanwhile", error: new Error("No such process (os error 3)") },
])("identifyProcess() finds none where $name", ({ error }) => {
  const read = () => {
    throw error;
  };
  assert.equal(identifyProcess(7, read), null);
});

Deno.test.each([
  { name: "no file is left", error: new Error("Too many open files (os error 24)") },
  { name: "it may not be looked at", error: new Deno.errors.PermissionDenied("os error 13") },
  { name: "memory is short", error: new Error("Cannot allocate memory (os error 12)") },
])("identifyProcess() takes no process for ended where $name", ({ error }) => {
  const read = () => {
    throw error;
  };
  assert.throws(() => identifyProcess(7, read), { name: "ProcessLookError", code: "unavailable" });
});

Deno.test("identifyProcess() takes no process for ended whose state says nothing", () => {
  assert.throws(() => identifyProcess(7, () => "7 (sh) S"), { name: "ProcessLookError" });
});

Deno.test("isRunning() tells a process from a later one of the same id", () => {
  const own = identifyProcess(Deno.pid);
  assert.ok(own !== null);
  assert.equal(isRunning(own), true);
  assert.equal(isRunning({ ...own, startTime: "1" }), false);
  assert.equal(isRunning({ pid: 2 ** 30, startTime: "1" }), false);
});
