import assert from "node:assert/strict";
import { EVENT_REPEATS_MAX } from "../../../proto/flood_limits.ts";
import { EventLogBusyError } from "../../system/event_log/event_log.ts";
import { verifyChain } from "../../system/event_log/verify_chain.ts";
import { ocsfShorthand } from "../../../proto/ocsf_shorthand.ts";
import type { AuditEvent } from "./audit_event.ts";
import { AuditLog, type AuditLogOptions } from "./audit_log.ts";

const OPTIONS: AuditLogOptions = {
  context: { sandboxId: "id-1", sandboxName: "box", hostname: "host-1", version: "0.1.0" },
  onFailure: (error) => {
    throw error;
  },
  now: () => 5,
};

const DENIED: AuditEvent = {
  kind: "connection",
  actor: null,
  destination: { host: "api.example.com", port: 443 },
  outcome: { kind: "denied", rule: null, reason: "host_not_allowed", detail: "No" },
  generation: null,
  handling: null,
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

Deno.test("AuditLog tells how often a denial came, at the latest when it is closed", () =>
  inFolder(async (path) => {
    const log = AuditLog.open(path, { ...OPTIONS, after: () => () => {} });
    for (let count = 0; count < 12_000; count++) {
      log.record(DENIED);
    }
    await log.close();
    const records = Deno.readTextFileSync(path).trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    assert.equal(records.length, EVENT_REPEATS_MAX + 1);
    assert.deepEqual(
      records.slice(-2).map(({ count, start_time: start, end_time: end }) => [count, start, end]),
      [
        [undefined, undefined, undefined],
        [12_000 - EVENT_REPEATS_MAX, 5, 5],
      ],
    );
    assert.match(ocsfShorthand(records.at(-1)), /DENIED api\.example\.com:443 .*\[count:11800\]$/);
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

Deno.test("AuditLog lets nothing through that it cannot write, and throws for nothing else", () =>
  inFolder(async (path) => {
    const log = AuditLog.open(path, { ...OPTIONS, onFailure: () => {} });
    await log.close();
    const allowed: AuditEvent = { ...DENIED, outcome: { kind: "allowed", rule: "r" } };
    for (const _time of [1, 2]) {
      assert.throws(() => log.record(allowed), { name: "EventLogError", code: "unavailable" });
    }
    log.record(DENIED);
  }));
