import assert from "node:assert/strict";
import { readChained, sha256 } from "./chain.ts";
import { listFinished } from "./event_files.ts";
import { EventLog, EventLogBusyError, EventLogError } from "./event_log.ts";
import { EventLogDamagedError } from "./resume.ts";
import {
  numbersTo,
  openSampleLog,
  SAMPLE_SOURCE,
  sampleEvent,
  writeSampleLog,
} from "./sample_events.ts";
import { verifyChain } from "./verify_chain.ts";

const ID = { id: SAMPLE_SOURCE.sandboxId };

async function inFolder(test: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/events.jsonl`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function linesOf(path: string): string[] {
  return Deno.readTextFileSync(path).split("\n").slice(0, -1);
}

function append(path: string, text: string | Uint8Array): void {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  Deno.writeFileSync(path, bytes, { append: true });
}

Deno.test("EventLog chains each line to the one before", () =>
  inFolder(async (path) => {
    const log = openSampleLog(path);
    log.record({ ...sampleEvent(1), unmapped: { rule: "r" } });
    log.record(sampleEvent(2));
    const lines = linesOf(path);
    assert.deepEqual(lines.map((line) => JSON.parse(line).unmapped), [
      { rule: "r", chain: { seq: 1, prev: sha256("0192-sandbox") } },
      { chain: { seq: 2, prev: sha256(lines[0]!) } },
    ]);
    assert.deepEqual(log.head, { seq: 2, hash: sha256(lines[1]!) });
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    await log.close();
  }));

Deno.test("EventLog writes text of a sandbox as one line", () =>
  inFolder(async (path) => {
    const log = openSampleLog(path);
    log.record({ ...sampleEvent(1), message: 'a\n{"class_uid":0}\r\u2028\0\ud800' });
    await log.close();
    assert.equal(linesOf(path).length, 1);
    assert.equal((await verifyChain(path, ID)).intact, true);
  }));

Deno.test("EventLog.open() goes on with the chain", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, [1, 2]);
    await writeSampleLog(path, [3]);
    const report = await verifyChain(path, ID);
    assert.deepEqual([report.intact, report.events, report.notes], [true, 3, []]);
  }));

Deno.test("EventLog.open() refuses a second writer", () =>
  inFolder(async (path) => {
    const log = openSampleLog(path);
    assert.throws(() => openSampleLog(path), EventLogBusyError);
    await log.close();
    await openSampleLog(path).close();
  }));

Deno.test.each([
  { name: "half an event", tail: '{"class_uid":0,"mess', severity: 3, feeds: 0 },
  { name: "a whole event without line feed", tail: "{}", severity: 3, feeds: 0 },
  { name: "zeros", tail: "\0".repeat(5000), severity: 3, feeds: 0 },
  { name: "a line that is no event", tail: "{}\n", severity: 4, feeds: 1 },
  { name: "lines that are no events", tail: "x\n\ny\nz", severity: 4, feeds: 3 },
])(
  "EventLog.open() cuts off $name and says so",
  ({ tail, severity, feeds }) =>
    inFolder(async (path, folder) => {
      await writeSampleLog(path, [1, 2]);
      append(path, tail);
      await writeSampleLog(path, [3]);
      const records = linesOf(path).map((line) => JSON.parse(line));
      assert.equal(records.length, 4);
      const { finding_info: info, severity_id: id, unmapped } = records[2];
      assert.deepEqual([info.uid, id], ["event-log-torn", severity]);
      assert.deepEqual([unmapped.torn_bytes, unmapped.torn_line_feeds], [tail.length, feeds]);
      const kept = Deno.readFileSync(`${folder}/${unmapped.torn_file}`);
      assert.equal(unmapped.torn_sha256, sha256(kept));
      assert.equal(new TextDecoder().decode(kept), tail);
      const report = await verifyChain(path, ID);
      assert.equal(report.intact, true);
      assert.match(report.notes.join(), feeds === 0 ? /Event 3: .*after a crash/ : /no crash/);
    }),
);

Deno.test("EventLog.open() goes on after a file that never had a whole event", () =>
  inFolder(async (path) => {
    append(path, '{"class');
    await writeSampleLog(path, [1]);
    const report = await verifyChain(path, ID);
    assert.deepEqual([report.intact, report.events], [true, 2]);
  }));

Deno.test("EventLog.open() refuses what no crash can leave", () =>
  inFolder((path) => {
    append(path, "x\n".repeat(600_000));
    assert.throws(() => openSampleLog(path), EventLogDamagedError);
    return Promise.resolve();
  }));

Deno.test("EventLog.open() refuses a folder that is not there", () => {
  assert.throws(() => openSampleLog("/nonexistent/events.jsonl"), EventLogError);
});

Deno.test("EventLog goes on in another file, and says what is past keeping", () =>
  inFolder(async (path) => {
    const size = 2000;
    await writeSampleLog(path, numbersTo(40), { fileBytesMax: size, filesMax: 3 });
    const finished = listFinished(path);
    assert.equal(finished.length, 2);
    for (const file of finished) assert.ok(Deno.statSync(file.path).size <= size);
    const report = await verifyChain(path, ID);
    assert.equal(report.problem, null);
    assert.ok(report.firstSeq! > 1);
    assert.equal(report.firstSeq, finished[0]!.firstSeq);
    const first = readChained(new TextEncoder().encode(linesOf(path)[0]!))!;
    const lastBefore = linesOf(finished[1]!.path).at(-1)!;
    assert.deepEqual(first.record.unmapped, {
      previous_file: finished[1]!.path.split("/").at(-1),
      previous_seq: first.seq - 1,
      previous_hash: sha256(lastBefore),
      kept_from: report.firstSeq,
      chain: { seq: first.seq, prev: sha256(lastBefore) },
    });
    // Opened anew, it goes on where it was.
    await writeSampleLog(path, numbersTo(60, 41), { fileBytesMax: size, filesMax: 3 });
    const later = await verifyChain(path, ID);
    assert.equal(later.problem, null);
    assert.ok(later.firstSeq! > report.firstSeq!);
  }));

Deno.test("EventLog.open() goes on after a crash between two files", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, numbersTo(9), { fileBytesMax: 2000 });
    const before = await verifyChain(path, ID);
    Deno.renameSync(
      path,
      `${path.slice(0, -6)}.${String(before.head!.seq - 2).padStart(12, "0")}.jsonl`,
    );
    const moved = listFinished(path).at(-1)!;
    const firstSeq = readChained(new TextEncoder().encode(linesOf(moved.path)[0]!))!.seq;
    Deno.renameSync(moved.path, `${path.slice(0, -6)}.${String(firstSeq).padStart(12, "0")}.jsonl`);
    await writeSampleLog(path, [10], { fileBytesMax: 2000 });
    const report = await verifyChain(path, ID);
    assert.deepEqual([report.problem, report.events], [null, before.events + 2]);
  }));

Deno.test("EventLog reports once that an event could not be written, and writes none after", () =>
  inFolder(async (path) => {
    const failures: EventLogError[] = [];
    const log = openSampleLog(path, { onFailure: (error) => failures.push(error) });
    log.record(sampleEvent(1));
    log.record({ ...sampleEvent(2), message: "x".repeat(70_000) });
    log.record(sampleEvent(3));
    assert.equal(failures.length, 1);
    assert.ok(failures[0] instanceof EventLogError);
    assert.equal(log.failure, failures[0]);
    await log.close();
    const report = await verifyChain(path, ID);
    assert.deepEqual([report.intact, report.events], [true, 1]);
  }));

Deno.test({
  name: "EventLog reports a full disk (needs root and tmpfs)",
  ignore: Deno.uid() !== 0 || Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (_, folder) => {
      const mount = (...args: string[]) => new Deno.Command(args[0]!, { args: args.slice(1) });
      const disk = `${folder}/disk`;
      Deno.mkdirSync(disk);
      const { success } = await mount("mount", "-t", "tmpfs", "-o", "size=32k", "none", disk)
        .output();
      if (!success) return;
      try {
        const failures: EventLogError[] = [];
        const log = openSampleLog(`${disk}/events.jsonl`, {
          onFailure: (error) => failures.push(error),
        });
        for (const number of numbersTo(400)) log.record(sampleEvent(number));
        assert.equal(failures.length, 1);
        assert.equal(failures[0]!.code, "unavailable");
        await log.close();
        const report = await verifyChain(`${disk}/events.jsonl`, ID);
        assert.equal(report.intact, true);
        assert.ok(report.events > 20);
        assert.equal(Deno.readFileSync(`${disk}/events.jsonl`).at(-1), 0x0a);
      } finally {
        await mount("umount", disk).output();
      }
    }),
});

Deno.test("EventLog.open() refuses to start where it cannot say what was cut off", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, [1]);
    append(path, "torn");
    const source = { ...SAMPLE_SOURCE, version: "x".repeat(70_000) };
    assert.throws(() => openSampleLog(path, { source }), EventLogError);
    // The lock is free again, and what was cut off then is said now, once.
    await openSampleLog(path).close();
    await openSampleLog(path).close();
    const { notes, events } = await verifyChain(path, ID);
    assert.equal(events, 2);
    assert.match(
      notes.join(),
      /^Event 2: 4 unreadable bytes before it were cut off after a crash$/,
    );
  }));

Deno.test("EventLog reports an event after its end", () =>
  inFolder(async (path) => {
    let failures = 0;
    const log = openSampleLog(path, { onFailure: () => failures++ });
    await log.close();
    await log.close();
    log.record(sampleEvent(1));
    assert.equal(failures, 1);
    assert.ok(log instanceof EventLog);
  }));

Deno.test("EventLog keeps its order at thousands of events over many files", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, numbersTo(5000), { fileBytesMax: 256 * 1024, filesMax: 100 });
    const report = await verifyChain(path, ID);
    assert.equal(report.problem, null);
    assert.equal(report.events, 5000 + listFinished(path).length);
  }));
