import assert from "node:assert/strict";
import fc from "fast-check";
import { EVENT_LINE_BYTES_MAX } from "../../../proto/limits.ts";
import { BLOCK_BYTES, type Line, linesBackward, LineSplitter } from "./lines.ts";

function textOf(line: Line): string | null {
  return line === null ? null : new TextDecoder().decode(line);
}

async function backward(text: string): Promise<(string | null)[]> {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, text);
  using file = await Deno.open(path);
  try {
    const lines = [];
    for await (const line of linesBackward(file, text.length)) lines.push(textOf(line));
    return lines;
  } finally {
    await Deno.remove(path);
  }
}

const LONG = "l".repeat(EVENT_LINE_BYTES_MAX + 1);
const FITS = "f".repeat(EVENT_LINE_BYTES_MAX);

Deno.test.each([
  { name: "nothing", text: "", want: [] },
  { name: "an unfinished line", text: "a", want: [] },
  { name: "one line", text: "a\n", want: ["a"] },
  { name: "empty lines", text: "\n\na\n\n", want: ["", "a", "", ""] },
  { name: "lines before an unfinished one", text: "a\nb\nc", want: ["b", "a"] },
  { name: "the longest line", text: `a\n${FITS}\nb\n`, want: ["b", FITS, "a"] },
  { name: "a line that is too long", text: `a\n${LONG}\nb\n`, want: ["b", null, "a"] },
  { name: "a first line that is too long", text: `${LONG}${LONG}\nb\n`, want: ["b", null] },
  {
    name: "a line feed at the edge of a block",
    text: `${"x".repeat(9)}\n${"y".repeat(BLOCK_BYTES - 1)}\n`,
    want: ["y".repeat(BLOCK_BYTES - 1), "x".repeat(9)],
  },
])("linesBackward() yields $name", async ({ text, want }) => {
  assert.deepEqual(await backward(text), want);
});

Deno.test("LineSplitter and linesBackward() agree, however the bytes come", async () => {
  const line = fc.oneof(
    fc.string({ maxLength: 20, unit: "grapheme-ascii" }),
    fc.constantFrom(FITS, LONG, "x".repeat(BLOCK_BYTES)),
  );
  const lines = fc.array(line.map((text) => text.replaceAll("\n", "")), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(lines, fc.integer({ min: 1, max: 90_000 }), async (texts, step) => {
      const text = texts.map((part) => `${part}\n`).join("") + "rest";
      const bytes = new TextEncoder().encode(text);
      const splitter = new LineSplitter();
      const forward: (string | null)[] = [];
      for (let at = 0; at < bytes.length; at += step) {
        forward.push(...splitter.push(bytes.subarray(at, at + step)).map(textOf));
      }
      assert.equal(splitter.restBytes, 4);
      assert.deepEqual(forward, texts.map((part) => part.length > FITS.length ? null : part));
      assert.deepEqual((await backward(text)).reverse(), forward);
    }),
    { numRuns: 60 },
  );
});
