import assert from "node:assert/strict";
import { parseStat } from "./parse_stat.ts";

const REST = "R 7 9 9 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 12345 2 3 4";

Deno.test.each([
  { name: "reads parent and start", text: `9 (curl) ${REST}`, want: [7, "12345", false] },
  { name: "is not misled by a name", text: `9 (a) R 1 (b) c) ${REST}`, want: [7, "12345", false] },
  { name: "sees the dead", text: `9 (x) ${REST.replace("R", "Z")}`, want: [7, "12345", true] },
])("parseStat() $name", ({ text, want }) => {
  const stat = parseStat(text);
  assert.deepEqual([stat?.parent, stat?.startTime, stat?.isZombie], want);
});

Deno.test.each([
  { name: "nothing", text: "" },
  { name: "no name", text: REST },
  { name: "too few fields", text: "9 (x) R 7" },
  { name: "a parent that is no number", text: `9 (x) ${REST.replace("R 7", "R x")}` },
])("parseStat() refuses $name", ({ text }) => assert.equal(parseStat(text), null));
