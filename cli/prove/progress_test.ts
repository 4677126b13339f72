/**
 * Tests of the progress of a proof.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ProgressClock } from "./progress.ts";

function shown(isTerminal: boolean, times: readonly number[]): readonly string[] {
  const written: string[] = [];
  let now = 0;
  const sink = {
    isTerminal,
    write: (text: string | Uint8Array) => void written.push(String(text)),
  };
  const clock = new ProgressClock(sink, () => now);
  for (const time of times) {
    now = time;
    assert.equal(clock.now(), time);
  }
  clock.end();
  return written;
}

Deno.test.each([
  { name: "says nothing of a short proof", isTerminal: true, times: [10, 999], want: 0 },
  {
    name: "says so twice a second, then clears the line",
    isTerminal: true,
    times: [
      1000,
      1100,
      1499,
      1500,
    ],
    want: 3,
  },
  { name: "says nothing but on a terminal", isTerminal: false, times: [5000], want: 0 },
])("ProgressClock $name", ({ isTerminal, times, want }) => {
  const written = shown(isTerminal, times);
  assert.equal(written.length, want);
  if (want > 0) {
    assert.equal(written[0], "\rProving, 1 s\x1b[K");
    assert.equal(written.at(-1), "\r\x1b[K");
  }
});
