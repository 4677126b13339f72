import assert from "node:assert/strict";
import type { EventLog } from "../../drivers/system/event_log/event_log.ts";
import {
  numbersTo,
  openSampleLog,
  SAMPLE_SOURCE,
  sampleEvent,
  writeSampleLog,
} from "../../drivers/system/event_log/sample_events.ts";
import { EVENT_READ_BYTES_MAX } from "../../proto/limits.ts";
import { type EnumValue, SEVERITY } from "../../proto/ocsf.ts";
import { type EventQuery, EventQueryError } from "./event_query.ts";
import { EventStore } from "./event_store.ts";
import { type StoredEvent, toLogLine } from "./stored_event.ts";

const { sandboxId } = SAMPLE_SOURCE;

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function storeOf(folder: string, pause?: (signal: AbortSignal) => Promise<void>): EventStore {
  return new EventStore({ folder, sandboxId, ...(pause && { pause }) });
}

function shown(events: readonly StoredEvent[]): string[] {
  return events.map(({ source, record }) => `${source[0]} ${record?.message ?? "unreadable"}`);
}

/** Events 1, 3, 5 of the sandbox and 2, 4 of the gateway. */
async function writeBoth(folder: string): Promise<void> {
  await writeSampleLog(`${folder}/events.jsonl`, [1, 3, 5]);
  await writeSampleLog(`${folder}/gateway.jsonl`, [2, 4]);
}

Deno.test.each([
  { name: "both sources by time", query: {}, want: ["s 1", "g 2", "s 3", "g 4", "s 5"] },
  { name: "the newest lines", query: { lines: 2 }, want: ["g 4", "s 5"] },
  { name: "no lines", query: { lines: 0 }, want: [] },
  { name: "one source", query: { sources: ["gateway"] }, want: ["g 2", "g 4"] },
  { name: "all sources", query: { sources: ["all"], lines: 1 }, want: ["s 5"] },
  { name: "events since a time", query: { sinceMs: 3 }, want: ["s 3", "g 4", "s 5"] },
  {
    name: "lines after the filter",
    query: { lines: 2, sources: ["gateway"], sinceMs: 2 },
    want: ["g 2", "g 4"],
  },
])("EventStore.read() returns $name", ({ query, want }) =>
  inFolder(async (folder) => {
    await writeBoth(folder);
    const { events } = await storeOf(folder).read({ lines: 100, ...query });
    assert.deepEqual(shown(events), want.map((text) => text.replace(" ", " Event ")));
  }));

const MIXED: readonly (readonly [number, EnumValue])[] = [
  [1, SEVERITY.informational],
  [2, SEVERITY.low],
  [3, SEVERITY.medium],
  [4, SEVERITY.high],
  [5, SEVERITY.fatal],
];

Deno.test.each([
  { level: "", want: [1, 2, 3, 4, 5] },
  { level: "trace", want: [1, 2, 3, 4, 5] },
  { level: "debug", want: [1, 2, 3, 4, 5] },
  { level: "INFO", want: [1, 2, 3, 4, 5] },
  { level: "warn", want: [3, 4, 5] },
  { level: "error", want: [4, 5] },
])(
  "EventStore.read() with level '$level' returns $want",
  ({ level, want }) =>
    inFolder(async (folder) => {
      const log = openSampleLog(`${folder}/events.jsonl`);
      for (const [number, severity] of MIXED) log.record(sampleEvent(number, severity));
      await log.close();
      const { events, considered } = await storeOf(folder).read({ lines: 9, minLevel: level });
      assert.deepEqual(events.map(({ timeMs }) => timeMs), want);
      assert.equal(considered, 5);
    }),
);

Deno.test.each([
  { name: "a level", query: { lines: 1, minLevel: "loud" } },
  { name: "a level that objects have", query: { lines: 1, minLevel: "constructor" } },
  { name: "a source", query: { lines: 1, sources: ["sandbox", "moon"] } },
])("EventStore.read() refuses $name that is unknown", async ({ query }) => {
  await assert.rejects(storeOf("/nonexistent").read(query), EventQueryError);
});

Deno.test("EventStore.read() of nothing is nothing", () =>
  inFolder(async (folder) => {
    assert.deepEqual(await storeOf(folder).read({ lines: 5 }), { events: [], considered: 0 });
    assert.deepEqual(await storeOf(`${folder}/not`).read({ lines: 5 }), {
      events: [],
      considered: 0,
    });
  }));

Deno.test("EventStore.read() goes back over many files", () =>
  inFolder(async (folder) => {
    const options = { fileBytesMax: 4000, filesMax: 100, now: () => 50 };
    await writeSampleLog(`${folder}/events.jsonl`, numbersTo(300), options);
    const { events } = await storeOf(folder).read({ lines: 250 });
    const numbers = events.flatMap(({ record }) => Number(record?.message?.split(" ")[1]) || []);
    assert.equal(events.length, 250);
    assert.deepEqual(numbers, numbersTo(300, 301 - numbers.length));
  }));

Deno.test("EventStore.read() does not go back further than it has to", () =>
  inFolder(async (folder) => {
    await writeSampleLog(`${folder}/events.jsonl`, [1, 2, 3, 400_000, 399_000, 500_000]);
    const { events, considered } = await storeOf(folder).read({ lines: 9, sinceMs: 400_000 });
    assert.deepEqual(events.map(({ timeMs }) => timeMs), [400_000, 500_000]);
    assert.equal(considered, 3);
  }));

Deno.test("EventStore.read() reports what cannot be read and goes on", () =>
  inFolder(async (folder) => {
    await writeSampleLog(`${folder}/events.jsonl`, [1, 2]);
    Deno.writeTextFileSync(`${folder}/events.jsonl`, "garbage\n", { append: true });
    Deno.writeTextFileSync(`${folder}/events.jsonl`, '{"unfinished', { append: true });
    const { events } = await storeOf(folder).read({ lines: 9, minLevel: "error" });
    assert.deepEqual(shown(events), ["s unreadable"]);
    const { level, message } = toLogLine(events[0]!, sandboxId);
    assert.deepEqual([level, message], ["ERROR", "An audit event cannot be read"]);
    const all = await storeOf(folder).read({ lines: 9 });
    assert.deepEqual(shown(all.events), ["s Event 1", "s Event 2", "s unreadable"]);
  }));

Deno.test("EventStore.read() holds a bounded answer", () =>
  inFolder(async (folder) => {
    const log = openSampleLog(`${folder}/events.jsonl`);
    const message = "m".repeat(60_000);
    for (const number of numbersTo(400)) log.record({ ...sampleEvent(number), message });
    await log.close();
    const { events } = await storeOf(folder).read({ lines: 1000 });
    const bytes = events.reduce((sum, { text }) => sum + text.length, 0);
    assert.ok(bytes <= EVENT_READ_BYTES_MAX && bytes > EVENT_READ_BYTES_MAX / 2);
    assert.equal(events.at(-1)?.timeMs, 400);
  }));

Deno.test("toLogLine() is the line of the reference", () =>
  inFolder(async (folder) => {
    await writeSampleLog(`${folder}/events.jsonl`, [7]);
    const [event] = (await storeOf(folder).read({ lines: 1 })).events;
    const { $typeName: _, ...line } = toLogLine(event!, sandboxId);
    assert.deepEqual(line, {
      sandboxId,
      timestampMs: 7n,
      level: "OCSF",
      target: "ocsf",
      message: "EVENT [INFO] Event 7",
      source: "sandbox",
      fields: {},
    });
    assert.equal(event!.text, Deno.readTextFileSync(`${folder}/events.jsonl`).trimEnd());
  }));

/** Follows a store whose pauses are steps of the test; aborts when they are used up. */
async function followSteps(
  folder: string,
  query: EventQuery,
  steps: readonly (() => void)[],
): Promise<string[]> {
  const abort = new AbortController();
  const left = [...steps];
  const store = storeOf(folder, () => {
    const step = left.shift();
    if (step === undefined) abort.abort();
    else step();
    return Promise.resolve();
  });
  const events: StoredEvent[] = [];
  for await (const event of store.follow(query, abort.signal)) events.push(event);
  return shown(events);
}

Deno.test("EventStore.follow() yields the newest events, then new ones of both sources", () =>
  inFolder(async (folder) => {
    await writeBoth(folder);
    const sandbox = openSampleLog(`${folder}/events.jsonl`);
    const gateway = openSampleLog(`${folder}/gateway.jsonl`);
    const got = await followSteps(folder, { lines: 2 }, [
      () => sandbox.record(sampleEvent(6)),
      () => {
        sandbox.record(sampleEvent(8));
        gateway.record(sampleEvent(7));
      },
      () => {},
    ]);
    await Promise.all([sandbox.close(), gateway.close()]);
    const want = ["g 4", "s 5", "s 6", "g 7", "s 8"];
    assert.deepEqual(got, want.map((text) => text.replace(" ", " Event ")));
  }));

Deno.test("EventStore.follow() filters, the new ones by level alone", () =>
  inFolder(async (folder) => {
    await writeSampleLog(`${folder}/events.jsonl`, [1]);
    const log = openSampleLog(`${folder}/events.jsonl`);
    log.record(sampleEvent(2, SEVERITY.high));
    const got = await followSteps(folder, { lines: 5, sinceMs: 3, minLevel: "warn" }, [
      () => log.record(sampleEvent(1, SEVERITY.high)),
      () => log.record(sampleEvent(5, SEVERITY.low)),
    ]);
    await log.close();
    assert.deepEqual(got, ["s Event 1"]);
  }));

Deno.test("EventStore.follow() waits for a file that is not there yet", () =>
  inFolder(async (folder) => {
    const logs: EventLog[] = [];
    const got = await followSteps(folder, { lines: 5, sources: ["sandbox"] }, [
      () => {},
      () => {
        logs.push(openSampleLog(`${folder}/events.jsonl`));
        logs[0]!.record(sampleEvent(1));
      },
    ]);
    await logs[0]!.close();
    assert.deepEqual(got, ["s Event 1"]);
  }));

Deno.test("EventStore.follow() does not show half a line", () =>
  inFolder(async (folder) => {
    const path = `${folder}/events.jsonl`;
    await writeSampleLog(path, [1, 2]);
    const whole = Deno.readTextFileSync(path);
    const cut = whole.length - 20;
    Deno.truncateSync(path, cut);
    const add = (text: string) => Deno.writeTextFileSync(path, text, { append: true });
    const got = await followSteps(folder, { lines: 5 }, [
      () => add(whole.slice(cut, cut + 5)),
      () => add(whole.slice(cut + 5)),
    ]);
    assert.deepEqual(got, ["s Event 1", "s Event 2"]);
  }));

Deno.test("EventStore.follow() forgets half a line that the writer cut off again", () =>
  inFolder(async (folder) => {
    const path = `${folder}/events.jsonl`;
    const log = openSampleLog(path);
    log.record(sampleEvent(1));
    const { size } = Deno.statSync(path);
    const got = await followSteps(folder, { lines: 5 }, [
      () => Deno.writeTextFileSync(path, '{"half', { append: true }),
      () => {
        Deno.truncateSync(path, size);
        log.record(sampleEvent(2));
      },
    ]);
    await log.close();
    assert.deepEqual(got, ["s Event 1", "s Event 2"]);
  }));

Deno.test("EventStore.follow() repeats nothing where a file was cut", () =>
  inFolder(async (folder) => {
    const path = `${folder}/events.jsonl`;
    await writeSampleLog(path, [1, 2, 3]);
    const whole = Deno.readTextFileSync(path);
    const got = await followSteps(folder, { lines: 5 }, [
      () => Deno.truncateSync(path, 100),
      () => Deno.writeTextFileSync(path, whole),
    ]);
    assert.deepEqual(got, ["s Event 1", "s Event 2", "s Event 3"]);
  }));

Deno.test("EventStore.follow() reports a line that is too long and goes on", () =>
  inFolder(async (folder) => {
    const path = `${folder}/events.jsonl`;
    const log = openSampleLog(path);
    const got = await followSteps(folder, { lines: 5 }, [
      () => Deno.writeTextFileSync(path, "x".repeat(150_000), { append: true }),
      () => Deno.writeTextFileSync(path, `${"x".repeat(150_000)}\n`, { append: true }),
      () => log.record(sampleEvent(1)),
    ]);
    await log.close();
    assert.deepEqual(got, ["s unreadable", "s Event 1"]);
  }));

Deno.test("EventStore.follow() misses and repeats nothing over changes of files", () =>
  inFolder(async (folder) => {
    const log = openSampleLog(`${folder}/events.jsonl`, { fileBytesMax: 2000, filesMax: 50 });
    for (const number of numbersTo(10)) log.record(sampleEvent(number));
    let number = 10;
    const some = (count: number) => () => {
      for (let i = 0; i < count; i++) log.record(sampleEvent(++number));
    };
    const steps = [some(1), some(3), some(40), some(1), some(0), some(7)];
    const got = await followSteps(folder, { lines: 3 }, steps);
    await log.close();
    const numbers = got.flatMap((text) => Number(/Event (\d+)$/.exec(text)?.[1]) || []);
    assert.deepEqual(numbers.slice(-52), numbersTo(62, 11));
    assert.equal(new Set(numbers).size, numbers.length);
  }));

Deno.test("EventStore.follow() goes on where its file was past keeping meanwhile", () =>
  inFolder(async (folder) => {
    const log = openSampleLog(`${folder}/events.jsonl`, { fileBytesMax: 2000, filesMax: 2 });
    log.record(sampleEvent(1));
    const got = await followSteps(folder, { lines: 3 }, [() => {
      for (const number of numbersTo(60, 2)) log.record(sampleEvent(number));
    }, () => {}]);
    await log.close();
    const numbers = got.flatMap((text) => Number(/Event (\d+)$/.exec(text)?.[1]) || []);
    // The file that was open is read to its end, then the oldest that is kept.
    assert.equal(numbers[0], 1);
    assert.equal(numbers.at(-1), 60);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
    assert.equal(new Set(numbers).size, numbers.length);
  }));

Deno.test("EventStore.follow() sees a new event within a quarter of a second", () =>
  inFolder(async (folder) => {
    const log = openSampleLog(`${folder}/events.jsonl`);
    const abort = new AbortController();
    const events = storeOf(folder).follow({ lines: 0 }, abort.signal);
    const next = events.next();
    const timer = setTimeout(() => log.record(sampleEvent(Date.now())), 30);
    const { value } = await next;
    assert.ok(Date.now() - (value as StoredEvent).timeMs < 250);
    clearTimeout(timer);
    const end = events.next();
    abort.abort();
    assert.equal((await end).done, true);
    await log.close();
  }));

Deno.test("EventStore.follow() ends at once where its signal was aborted before", () =>
  inFolder(async (folder) => {
    await writeBoth(folder);
    const events = [];
    for await (const event of storeOf(folder).follow({ lines: 1 }, AbortSignal.abort())) {
      events.push(event);
    }
    assert.deepEqual(shown(events), ["s Event 5"]);
  }));

Deno.test("EventStore.verify() reports each chain", () =>
  inFolder(async (folder) => {
    await writeBoth(folder);
    const path = `${folder}/gateway.jsonl`;
    Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace("Event 2", "Event 9"));
    const reports = await storeOf(folder).verify();
    assert.deepEqual(
      reports.map(({ source, intact, events, problem }) => [source, intact, events, problem?.line]),
      [["sandbox", true, 3, undefined], ["gateway", false, 1, 2]],
    );
    const head = { seq: 4, hash: "x" };
    const [sandbox] = await storeOf(folder).verify({ sandbox: head });
    assert.equal(sandbox!.problem?.text, "Events 4 to 4 are missing");
  }));
