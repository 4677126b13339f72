import assert from "node:assert/strict";
import { listFinished } from "./event_files.ts";
import {
  numbersTo,
  openSampleLog,
  SAMPLE_SOURCE,
  sampleEvent,
  writeSampleLog,
} from "./sample_events.ts";
import { verifyChain } from "./verify_chain.ts";

const ID = { id: SAMPLE_SOURCE.sandboxId };

async function inFolder(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/events.jsonl`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Changes the lines of a file. */
function edit(path: string, change: (lines: string[]) => string[]): void {
  const lines = Deno.readTextFileSync(path).split("\n").slice(0, -1);
  Deno.writeTextFileSync(path, change(lines).map((line) => `${line}\n`).join(""));
}

function swap(lines: string[], a: number, b: number): string[] {
  return lines.map((line, index) => index === a ? lines[b]! : index === b ? lines[a]! : line);
}

Deno.test.each([
  {
    name: "an edited message",
    change: (lines: string[]) => lines.with(2, lines[2]!.replace("Event 3", "Event 4")),
    line: 4,
    text: /^Event 3, before this line/,
  },
  {
    name: "white space that is put in",
    change: (lines: string[]) => lines.with(2, `${lines[2]} `),
    line: 4,
    text: /^Event 3, before/,
  },
  {
    name: "an edited number",
    change: (lines: string[]) => lines.with(2, lines[2]!.replace('"seq":3', '"seq":4')),
    line: 3,
    text: /^Event 4 stands where event 3/,
  },
  {
    name: "an edited hash",
    change: (lines: string[]) => lines.with(2, lines[2]!.replace('"prev":"', '"prev":"0')),
    line: 3,
    text: /^Event 2, before/,
  },
  {
    name: "a line that is taken out",
    change: (lines: string[]) => lines.toSpliced(2, 1),
    line: 3,
    text: /^Event 4 stands where event 3/,
  },
  {
    name: "the first line taken out",
    change: (lines: string[]) => lines.slice(1),
    line: 0,
    text: /^Events 1 to 1 are missing/,
  },
  {
    name: "a line that is repeated",
    change: (lines: string[]) => lines.toSpliced(2, 0, lines[1]!),
    line: 3,
    text: /^Event 2 stands where event 3/,
  },
  {
    name: "lines that changed places",
    change: (lines: string[]) => swap(lines, 1, 3),
    line: 2,
    text: /^Event 4 stands where event 2/,
  },
  {
    name: "a line that is put in",
    change: (lines: string[]) => lines.toSpliced(2, 0, "{}"),
    line: 3,
    text: /no audit event/,
  },
  {
    name: "an empty line",
    change: (lines: string[]) => lines.toSpliced(2, 0, ""),
    line: 3,
    text: /no audit event/,
  },
  {
    name: "a line that is too long",
    change: (lines: string[]) => lines.with(2, lines[2] + " ".repeat(200_000)),
    line: 3,
    text: /no audit event/,
  },
  {
    name: "bytes that are no text",
    change: (lines: string[]) => lines.with(2, lines[2]!.replace("Event", "\ufffd")),
    line: 4,
    text: /^Event 3, before/,
  },
])("verifyChain() finds $name", ({ change, line, text }) =>
  inFolder(async (path) => {
    await writeSampleLog(path, numbersTo(6));
    edit(path, change);
    const { intact, problem } = await verifyChain(path, ID);
    assert.equal(intact, false);
    assert.equal(problem?.line, line);
    assert.match(problem!.text, text);
  }));

Deno.test("verifyChain() finds any single byte that is changed, but for the last line's", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, [1, 2, 3]);
    const good = Deno.readFileSync(path);
    const lastLine = good.subarray(0, -1).lastIndexOf(0x0a) + 1;
    for (let at = 0; at < lastLine; at += 7) {
      const bad = good.slice();
      bad[at]! ^= 1;
      Deno.writeFileSync(path, bad);
      assert.equal((await verifyChain(path, ID)).intact, false, `byte ${at}`);
    }
  }));

Deno.test("verifyChain() finds a changed last line with a head that was noted", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, [1, 2]);
    const { head } = await verifyChain(path, ID);
    edit(path, (lines) => lines.with(1, lines[1]!.replace("Event 2", "Event 9")));
    assert.equal((await verifyChain(path, ID)).intact, true, "without it, it cannot");
    const { problem } = await verifyChain(path, { ...ID, head: head! });
    assert.match(problem!.text, /^Event 2 is not the one that was noted/);
  }));

Deno.test("verifyChain() finds lines taken from the end with a head that was noted", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, [1, 2, 3]);
    const { head } = await verifyChain(path, ID);
    edit(path, (lines) => lines.slice(0, 1));
    assert.equal((await verifyChain(path, ID)).intact, true, "without it, it cannot");
    const report = await verifyChain(path, { ...ID, head: head! });
    assert.equal(report.problem!.text, "Events 2 to 3 are missing");
    Deno.removeSync(path);
    const gone = await verifyChain(path, { ...ID, head: head! });
    assert.equal(gone.problem!.text, "Events 1 to 3 are missing");
  }));

Deno.test("verifyChain() finds a chain that was computed anew with a head that was noted", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, [1, 2, 3]);
    const { head } = await verifyChain(path, ID);
    Deno.removeSync(path);
    await writeSampleLog(path, [1, 2, 9, 4]);
    assert.equal((await verifyChain(path, ID)).intact, true);
    const { problem } = await verifyChain(path, { ...ID, head: head! });
    assert.match(problem!.text, /^Event 3 is not the one/);
  }));

Deno.test("verifyChain() takes a later chain for a head that was noted earlier", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, [1, 2, 3]);
    const { head } = await verifyChain(path, ID);
    await writeSampleLog(path, [4]);
    assert.equal((await verifyChain(path, { ...ID, head: head! })).intact, true);
  }));

Deno.test("verifyChain() finds the chain of another sandbox", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, [1]);
    const { problem } = await verifyChain(path, { id: "other" });
    assert.match(problem!.text, /another sandbox/);
  }));

Deno.test.each([
  { name: "the oldest file", at: 0, text: /^Events 1 to \d+ are missing/ },
  { name: "a file in the middle", at: 1, text: /^Event \d+ stands where event/ },
])("verifyChain() finds that $name was removed", ({ at, text }) =>
  inFolder(async (path) => {
    await writeSampleLog(path, numbersTo(40), { fileBytesMax: 4000 });
    Deno.removeSync(listFinished(path)[at]!.path);
    const { problem } = await verifyChain(path, ID);
    assert.match(problem!.text, text);
  }));

Deno.test("verifyChain() finds that one more file was removed than the chain says", () =>
  inFolder(async (path) => {
    const options = { fileBytesMax: 2000, filesMax: 4 };
    await writeSampleLog(path, numbersTo(60), options);
    assert.equal((await verifyChain(path, ID)).intact, true);
    Deno.removeSync(listFinished(path)[0]!.path);
    const { problem } = await verifyChain(path, ID);
    assert.match(problem!.text, /^Events \d+ to \d+ are missing/);
  }));

Deno.test("verifyChain() finds a finished file without a whole last line", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, numbersTo(40), { fileBytesMax: 4000 });
    const first = listFinished(path)[0]!;
    Deno.truncateSync(first.path, Deno.statSync(first.path).size - 1);
    const { problem } = await verifyChain(path, ID);
    assert.equal(problem!.text, "The line is not complete");
    assert.equal(problem!.file, first.path.split("/").at(-1));
  }));

Deno.test("verifyChain() finds a finished file under another name", () =>
  inFolder(async (path) => {
    await writeSampleLog(path, numbersTo(40), { fileBytesMax: 4000 });
    const second = listFinished(path)[1]!;
    Deno.renameSync(second.path, second.path.replace(/\.\d{12}\./, ".000000000003."));
    const { problem } = await verifyChain(path, ID);
    assert.match(problem!.text, /^The file is named after event 3 and starts with event \d+$/);
  }));

Deno.test("verifyChain() is not disturbed by a line that is being written", () =>
  inFolder(async (path) => {
    const log = openSampleLog(path);
    log.record(sampleEvent(1));
    Deno.writeTextFileSync(path, '{"class_uid":', { append: true });
    const report = await verifyChain(path, ID);
    assert.deepEqual([report.intact, report.events], [true, 1]);
    await log.close();
  }));

Deno.test("verifyChain() of nothing is intact and has no head", () =>
  inFolder(async (path) => {
    assert.deepEqual(await verifyChain(path, ID), {
      events: 0,
      intact: true,
      firstSeq: null,
      head: null,
      problem: null,
      notes: [],
    });
  }));
