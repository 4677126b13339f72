import assert from "node:assert/strict";
import { DetachKeys } from "./detach_keys.ts";

Deno.test.each([
  { chunks: ["abc"], want: "abc" },
  { chunks: ["a\x10\x11b"], want: "a|" },
  { chunks: ["\x10", "\x11"], want: "|" },
  { chunks: ["\x10"], want: "" },
  { chunks: ["\x10", "x"], want: "\x10x" },
  { chunks: ["\x10\x10\x11"], want: "\x10|" },
  { chunks: ["\x11\x10"], want: "\x11" },
  { chunks: ["\x11\x10", "\x10", "y"], want: "\x11\x10\x10y" },
])("DetachKeys passes $chunks on as $want", ({ chunks, want }) => {
  const keys = new DetachKeys();
  let got = "";
  for (const chunk of chunks) {
    const { bytes, isDetached } = keys.filter(new TextEncoder().encode(chunk));
    got += new TextDecoder().decode(bytes) + (isDetached ? "|" : "");
  }
  assert.equal(got, want);
});
