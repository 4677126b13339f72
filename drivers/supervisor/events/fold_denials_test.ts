import assert from "node:assert/strict";
import fc from "fast-check";
import {
  EVENT_DENIAL_BYTES_MAX,
  EVENT_DENIAL_BYTES_PER_S,
  EVENT_FOLD_KINDS_MAX,
  EVENT_FOLD_MS,
} from "../../../proto/flood_limits.ts";
import type { AuditEvent, DenialCode } from "./audit_event.ts";
import { DenialFolder, type Span } from "./fold_denials.ts";

interface Written {
  readonly event: AuditEvent;
  readonly span: Span | undefined;
}

/** A folder with a clock of its own; `pass` lets time pass. */
class Bench {
  readonly written: Written[] = [];
  readonly folder: DenialFolder;
  #timeMs = 0;
  #due: { readonly at: number; readonly call: () => void } | null = null;

  constructor(bytes = 1_000) {
    this.folder = new DenialFolder({
      write: (event, span) => {
        this.written.push({ event, span });
        return bytes;
      },
      now: () => 1_000_000 + this.#timeMs,
      elapsed: () => this.#timeMs,
      after: (ms, call) => {
        const due = { at: this.#timeMs + ms, call };
        this.#due = due;
        return () => {
          if (this.#due === due) this.#due = null;
        };
      },
    }, 1);
  }

  get waits(): boolean {
    return this.#due !== null;
  }

  pass(ms: number): void {
    this.#timeMs += ms;
    const due = this.#due;
    if (due === null || due.at > this.#timeMs) return;
    this.#due = null;
    due.call();
  }

  counts(): readonly (number | null)[] {
    return this.written.map(({ span }) => span?.count ?? null);
  }
}

type Request = Extract<AuditEvent, { kind: "request" }>;
type Change = Partial<Request> & { readonly reason?: DenialCode };

function denied({ reason = "request_not_allowed", ...change }: Change = {}): AuditEvent {
  return {
    kind: "request",
    actor: { binary: "/usr/bin/curl", pid: 7, ancestors: [] },
    destination: { host: "api.example.com", port: 443 },
    scheme: "https",
    method: "GET",
    path: "/",
    outcome: { kind: "denied", rule: "code", reason, detail: "No" },
    generation: "one",
    ...change,
  };
}

const OTHER_PROCESS = { actor: { binary: "/usr/bin/curl", pid: 8, ancestors: ["/bin/sh"] } };
const LOADED: AuditEvent = { kind: "config", state: "loaded", message: "policy in force" };

Deno.test("DenialFolder writes the first denial at once, and the count of the same ones after", () => {
  const bench = new Bench();
  bench.folder.record(denied());
  assert.deepEqual(bench.counts(), [null]);
  bench.pass(1_000);
  bench.folder.record(denied(OTHER_PROCESS));
  bench.pass(2_000);
  bench.folder.record(denied());
  assert.deepEqual(bench.counts(), [null]);
  bench.pass(EVENT_FOLD_MS);
  assert.deepEqual(bench.written[1]?.span, {
    count: 2,
    startTime: 1_001_000,
    endTime: 1_003_000,
  });
  bench.folder.record(denied());
  assert.deepEqual(bench.counts(), [null, 2, null], "a new time begins with one at once");
});

Deno.test.each<{ name: string; change: Change }>([
  { name: "program", change: { actor: { binary: "/bin/wget", pid: 7, ancestors: [] } } },
  { name: "unknown program", change: { actor: null } },
  { name: "host", change: { destination: { host: "b.example.com", port: 443 } } },
  { name: "port", change: { destination: { host: "api.example.com", port: 80 } } },
  { name: "scheme", change: { scheme: "http" } },
  { name: "method", change: { method: "POST" } },
  { name: "path", change: { path: "/a" } },
  { name: "reason", change: { reason: "host_not_allowed" } },
  { name: "policy", change: { generation: "two" } },
])("DenialFolder does not fold another $name", ({ change }) => {
  const bench = new Bench();
  bench.folder.record(denied());
  bench.folder.record(denied(change));
  assert.deepEqual(bench.counts(), [null, null]);
});

Deno.test.each<{ name: string; event: AuditEvent }>([
  { name: "an allowed request", event: denied({ outcome: { kind: "allowed", rule: "code" } }) },
  {
    name: "an audited request",
    event: denied({ outcome: { kind: "audited", rule: "code", reason: "host_not_allowed" } }),
  },
  {
    name: "a lost control",
    event: { kind: "finding", uid: "control-lost", title: "t", detail: "d", severity: "high" },
  },
  { name: "a change of the policy", event: LOADED },
])("DenialFolder never folds $name", ({ event }) => {
  const bench = new Bench(EVENT_DENIAL_BYTES_MAX);
  bench.folder.record(denied());
  for (let count = 0; count < 3; count++) bench.folder.record(event);
  assert.equal(bench.written.length, 4, "whatever the budget is");
});

Deno.test("DenialFolder folds findings that a program causes", () => {
  const bench = new Bench();
  const finding: AuditEvent = {
    kind: "finding",
    uid: "malformed-request",
    title: "t",
    detail: "d",
    severity: "medium",
  };
  bench.folder.record(finding);
  bench.folder.record(finding);
  bench.folder.flush();
  assert.deepEqual(bench.counts(), [null, 1]);
});

Deno.test("DenialFolder tells the count before another policy is in force", () => {
  const bench = new Bench();
  bench.folder.record(denied());
  bench.folder.record(denied());
  bench.folder.record(LOADED);
  assert.deepEqual(bench.written.map(({ event }) => event.kind), ["request", "request", "config"]);
  assert.deepEqual(bench.counts(), [null, 1, null]);
  assert.ok(!bench.waits);
});

Deno.test("DenialFolder tells how many different denials there was no room for", () => {
  const bench = new Bench(EVENT_DENIAL_BYTES_MAX / 2);
  for (let path = 0; path < 5; path++) bench.folder.record(denied({ path: `/${path}` }));
  bench.folder.record(denied({ reason: "server_name_mismatch" }));
  assert.equal(bench.written.length, 2);
  bench.pass(EVENT_FOLD_MS);
  const { event, span } = bench.written[2]!;
  assert.ok(event.kind === "finding");
  assert.equal(event.uid, "denials-omitted");
  assert.equal(event.severity, "high", "as the gravest of them");
  assert.equal(event.detail, "4 denials: 3 request_not_allowed, 1 server_name_mismatch");
  assert.equal(span?.count, 4);
  bench.pass(1_000 * EVENT_DENIAL_BYTES_MAX / EVENT_DENIAL_BYTES_PER_S);
  bench.folder.record(denied({ path: "/later" }));
  assert.equal(bench.counts().at(-1), null, "there is room again");
});

Deno.test("DenialFolder loses no denial, and keeps to its budget", () => {
  const events = fc.array(
    fc.record({
      path: fc.integer({ min: 0, max: 2 * EVENT_FOLD_KINDS_MAX }).map((n) => `/${n}`),
      passMs: fc.integer({ min: 0, max: 2_000 }),
    }),
    { maxLength: 300 },
  );
  fc.assert(fc.property(events, fc.integer({ min: 1, max: 1024 * 1024 }), (list, bytes) => {
    const bench = new Bench(bytes);
    let elapsedMs = 0;
    for (const { path, passMs } of list) {
      bench.folder.record(denied({ path }));
      bench.pass(passMs);
      elapsedMs += passMs;
    }
    bench.folder.flush();
    const told = bench.counts().reduce<number>((sum, count) => sum + (count ?? 1), 0);
    assert.equal(told, list.length);
    const atOnce = bench.counts().filter((count) => count === null).length;
    const budget = EVENT_DENIAL_BYTES_MAX + elapsedMs / 1_000 * EVENT_DENIAL_BYTES_PER_S;
    assert.ok(atOnce * bytes <= budget + bytes, `${atOnce} of ${bytes} bytes`);
    assert.ok(!bench.waits);
  }));
});

Deno.test("DenialFolder counts model calls that reached no server, and writes all others", () => {
  const { folder, written } = new Bench();
  const call: Extract<AuditEvent, { kind: "inference" }> = {
    kind: "inference",
    actor: null,
    method: "GET",
    path: "/v1/files",
    protocol: null,
    route: null,
    provider: null,
    model: null,
    destination: null,
    status: 403,
    problem: "path_not_recognised",
    detail: "No",
    durationMs: 1,
    firstByteMs: null,
    tokens: null,
    attempts: 0,
  };
  for (let i = 0; i < 3; i += 1) folder.record(call);
  for (let i = 0; i < 2; i += 1) {
    folder.record({ ...call, problem: "upstream_unreachable", attempts: 1 });
  }
  folder.flush();
  assert.deepEqual(written.map(({ span }) => span?.count ?? 1), [1, 1, 1, 2]);
});
