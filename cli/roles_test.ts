import assert from "node:assert/strict";
import { readPort } from "./roles.ts";

Deno.test.each([
  { text: "auto", want: "auto" },
  { text: "0", want: 0 },
  { text: "17670", want: 17670 },
  { text: "65535", want: 65535 },
])("readPort() reads $text", ({ text, want }) => {
  assert.equal(readPort(text), want);
});

Deno.test.each([{ text: "65536" }, { text: "-1" }, { text: "http" }, { text: "" }, {
  text: "1.5",
}])(
  "readPort() refuses [$text]",
  ({ text }) => {
    assert.throws(() => readPort(text), { name: "UsageError" });
  },
);
