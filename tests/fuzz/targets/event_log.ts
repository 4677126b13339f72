/**
 * Event logs: a file that was changed anywhere is found out, and nothing in one makes its readers
 * fail but in words.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChainHead, chainLine, emptyHead } from "../../../drivers/system/event_log/chain.ts";
import { LineSplitter } from "../../../drivers/system/event_log/lines.ts";
import {
  openSampleLog,
  SAMPLE_SOURCE,
  sampleEvent,
} from "../../../drivers/system/event_log/sample_events.ts";
import { verifyChain } from "../../../drivers/system/event_log/verify_chain.ts";
import { CodedError } from "../../../proto/errors.ts";
import type { Chance } from "../../differential/generate.ts";
import { mutate } from "../mutate.ts";
import { chanceOf, concat, latin1Text, split, type Target, utf8Bytes } from "../target.ts";

const LINES = 6;
const ORIGINAL = original();

export const EVENT_LOG: Target = {
  name: "event_log",
  holds: "a log that was changed is found out, and read without failing",
  iterations: 150,
  generate: (chance: Chance) =>
    chance.once(20)
      ? ORIGINAL.bytes
      : mutate(ORIGINAL.bytes, chance, { words: WORDS, other: ORIGINAL.bytes }),
  check: async (input) => {
    checkLines(input);
    const folder = await Deno.makeTempDir({ prefix: "openshell-fuzz-" });
    try {
      const path = `${folder}/events.jsonl`;
      await Deno.writeFile(path, input);
      await checkChain(path, input);
      if (chanceOf(input).once(4)) await checkGoingOn(path);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};

const WORDS = [
  "\n",
  "\n\n",
  "{}\n",
  "null\n",
  '{"unmapped":{"chain":{"seq":1,"prev":""}}}\n',
  '"seq":2',
  '"seq":-1',
  '"seq":9007199254740993',
  '"seq":1.5',
  "\\ud800",
  "\xff",
  "\xef\xbb\xbf",
  "[".repeat(2000),
];

function original(): { readonly bytes: Uint8Array; readonly head: ChainHead } {
  let head = emptyHead(SAMPLE_SOURCE.sandboxId);
  const parts: Uint8Array[] = [];
  for (let number = 1; number <= LINES; number++) {
    const next = chainLine(sampleEvent(number), head);
    parts.push(next.line, utf8Bytes("\n"));
    head = next.head;
  }
  return { bytes: concat(...parts), head };
}

function checkLines(input: Uint8Array): void {
  const whole = new LineSplitter();
  const lines = whole.push(input).map(textOf);
  const pieces = new LineSplitter();
  const again = split(input, chanceOf(input)).flatMap((piece) => pieces.push(piece)).map(textOf);
  assert.deepEqual(again, lines, "cut into pieces it has other lines");
  assert.equal(pieces.restBytes, whole.restBytes);
}

function textOf(line: Uint8Array | null): string | null {
  return line === null ? null : latin1Text(line);
}

async function checkChain(path: string, input: Uint8Array): Promise<void> {
  const { head } = ORIGINAL;
  const report = await verifyChain(path, { id: SAMPLE_SOURCE.sandboxId, head });
  assert.equal(report.intact, report.problem === null);
  if (!report.intact) return;
  // A line that is being written stands behind all others.
  const kept = input.subarray(0, input.lastIndexOf(0x0a) + 1);
  assert.equal(latin1Text(kept), latin1Text(ORIGINAL.bytes), "a changed log is intact");
}

/** A supervisor that goes on with the log says so or refuses. */
async function checkGoingOn(path: string): Promise<void> {
  try {
    const log = openSampleLog(path);
    log.record(sampleEvent(LINES + 1));
    await log.close();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return;
  }
  await verifyChain(path, { id: SAMPLE_SOURCE.sandboxId });
}
