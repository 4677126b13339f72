import assert from "node:assert/strict";
import { UsageError } from "../usage_error.ts";
import { parseCpu, parseMemory } from "./quantities.ts";

Deno.test.each([{ text: "500m" }, { text: "1" }, { text: "2.5" }, { text: "0.125" }])(
  "parseCpu() accepts $text",
  ({ text }) => assert.equal(parseCpu(text), text),
);

Deno.test.each([
  { text: "" },
  { text: "0" },
  { text: "0m" },
  { text: "-1" },
  { text: "2.5m" },
  { text: "1e3" },
  { text: "1.2345" },
  { text: "NaN" },
  { text: "2 " },
])("parseCpu() refuses [$text]", ({ text }) => {
  assert.throws(() => parseCpu(text), UsageError);
});

Deno.test.each([{ text: "1048576" }, { text: "512Mi" }, { text: "4G" }, { text: "1Ei" }])(
  "parseMemory() accepts $text",
  ({ text }) => assert.equal(parseMemory(text), text),
);

Deno.test.each([
  { text: "" },
  { text: "0" },
  { text: "0Mi" },
  { text: "1.5Gi" },
  { text: "4gb" },
  { text: "4k" },
  { text: "4KiB" },
  { text: "-1" },
  { text: "Mi" },
])("parseMemory() refuses [$text]", ({ text }) => {
  assert.throws(() => parseMemory(text), UsageError);
});
