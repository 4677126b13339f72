import assert from "node:assert/strict";
import {
  EVENT_ALLOWED_BYTES_MAX,
  EVENT_ALLOWED_BYTES_PER_S,
  EVENT_ALLOWED_KINDS_MAX,
  EVENT_FOLD_MS,
} from "../../../proto/flood_limits.ts";
import type { AuditEvent } from "./audit_event.ts";
import { AllowedBudget, isLetThrough } from "./bound_allowed.ts";
import type { Span } from "./fold_denials.ts";

type Request = Extract<AuditEvent, { kind: "request" }>;

const ALLOWED: Request = {
  kind: "request",
  actor: { binary: "/usr/bin/curl", pid: 7, ancestors: [] },
  destination: { host: "api.example.com", port: 443 },
  scheme: "https",
  method: "GET",
  path: "/",
  outcome: { kind: "allowed", rule: "code" },
  generation: null,
};

const AUDITED: Request = {
  ...ALLOWED,
  method: "POST",
  outcome: { kind: "audited", rule: null, reason: "request_not_allowed" },
};

const BYTES = 1024 * 1024;
const WHOLE = EVENT_ALLOWED_BYTES_MAX / BYTES;

/** Its clock stands still but for `pass`. */
class Bench {
  readonly written: { readonly event: AuditEvent; readonly span: Span | undefined }[] = [];
  readonly budget: AllowedBudget;
  #timeMs = 0;
  #due: (() => void) | null = null;

  constructor() {
    this.budget = new AllowedBudget({
      write: (event, span) => {
        this.written.push({ event, span });
        return BYTES;
      },
      now: () => 1_000 + this.#timeMs,
      elapsed: () => this.#timeMs,
      after: (ms, call) => {
        assert.equal(ms, EVENT_FOLD_MS);
        this.#due = call;
        return () => this.#due = null;
      },
    });
  }

  pass(ms: number): void {
    this.#timeMs += ms;
    this.#due?.();
  }

  record(count: number, change: (index: number) => Request = () => ALLOWED): void {
    for (let index = 0; index < count; index++) this.budget.record(change(index));
  }
}

Deno.test("AllowedBudget writes one by one what fits, the same or not", () => {
  const bench = new Bench();
  bench.record(WHOLE);
  bench.pass(EVENT_FOLD_MS);
  assert.equal(bench.written.length, WHOLE);
  assert.ok(bench.written.every(({ event, span }) => event === ALLOWED && span === undefined));
});

Deno.test("AllowedBudget counts what exceeds it, and says what it was", () => {
  const bench = new Bench();
  bench.record(WHOLE);
  bench.record(5_000, (index) => ({ ...ALLOWED, path: `/${index}` }));
  bench.record(2, () => AUDITED);
  assert.equal(bench.written.length, WHOLE);
  bench.pass(EVENT_FOLD_MS);
  const { event, span } = bench.written.at(-1)!;
  assert.ok(event.kind === "finding" && event.uid === "allowed-omitted");
  assert.equal(
    event.detail,
    "5002 let through: 5000 GET api.example.com:443 by /usr/bin/curl (code), " +
      "2 POST api.example.com:443 by /usr/bin/curl (audited, request_not_allowed)",
  );
  assert.deepEqual(span, { count: 5_002, startTime: 1_000, endTime: 1_000 + EVENT_FOLD_MS });
  bench.budget.flush();
  assert.equal(bench.written.length, WHOLE + 1);
});

Deno.test("AllowedBudget holds a bounded number of kinds", () => {
  const bench = new Bench();
  bench.record(WHOLE);
  const destination = (index: number) => ({ host: `h${index}.example.com`, port: 443 });
  bench.record(1_000, (index) => ({ ...ALLOWED, destination: destination(index) }));
  bench.budget.flush();
  const { event, span } = bench.written.at(-1)!;
  assert.ok(event.kind === "finding");
  assert.match(event.detail, new RegExp(`, ${1_000 - EVENT_ALLOWED_KINDS_MAX} others$`));
  assert.equal(span?.count, 1_000);
});

Deno.test("AllowedBudget writes no more than its pace, however long a flood lasts", () => {
  const bench = new Bench();
  bench.record(WHOLE);
  const hours = 3;
  for (let minute = 0; minute < hours * 60; minute++) {
    bench.record(100);
    bench.pass(60_000);
  }
  const single = bench.written.filter(({ event }) => event.kind === "request").length;
  const paced = hours * 3_600 * EVENT_ALLOWED_BYTES_PER_S / BYTES;
  assert.ok(single <= WHOLE + paced + 1, `${single} events`);
  assert.ok(single >= WHOLE + paced - 1, `${single} events`);
});

Deno.test("isLetThrough() leaves denials and all that programs do not cause alone", () => {
  const denied: Request = {
    ...ALLOWED,
    outcome: { kind: "denied", rule: null, reason: "request_not_allowed", detail: "No" },
  };
  const loaded: AuditEvent = { kind: "config", state: "loaded", message: "in force" };
  assert.deepEqual([ALLOWED, AUDITED, denied, loaded].map(isLetThrough), [
    true,
    true,
    false,
    false,
  ]);
});
