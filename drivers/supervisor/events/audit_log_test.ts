import assert from "node:assert/strict";
import { EventLogBusyError } from "../../system/event_log/event_log.ts";
import { verifyChain } from "../../system/event_log/verify_chain.ts";
import { AuditLog, type AuditLogOptions } from "./audit_log.ts";

const OPTIONS: AuditLogOptions = {
  context: { sandboxId: "id-1", sandboxName: "box", hostname: "host-1", version: "0.1.0" },
  onFailure: (error) => {
    throw error;
  },
  now: () => 5,
};

async function inFolder(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/events.jsonl`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("AuditLog writes each event as a line that others can read at once", () =>
  inFolder(async (path) => {
    const log = AuditLog.open(path, OPTIONS);
    log.record({ kind: "lifecycle", activity: "start", message: "Running" });
    log.record({ kind: "config", state: "loaded", message: "Policy loaded", version: 1 });
    const lines = Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ class_uid: type, time }) => [type, time]), [[6002, 5], [
      5019,
      5,
    ]]);
    const { head } = await verifyChain(path, { id: "id-1" });
    assert.deepEqual(head, log.head);
    assert.throws(() => AuditLog.open(path, OPTIONS), EventLogBusyError);
    await log.close();
    assert.equal(log.failure, null);
  }));

Deno.test("AuditLog tells once that it cannot write", () =>
  inFolder(async (path) => {
    const codes: string[] = [];
    const log = AuditLog.open(path, { ...OPTIONS, onFailure: ({ code }) => codes.push(code) });
    await log.close();
    log.record({ kind: "lifecycle", activity: "stop", message: "x" });
    log.record({ kind: "lifecycle", activity: "stop", message: "x" });
    assert.deepEqual(codes, ["unavailable"]);
  }));
