import assert from "node:assert/strict";
import { checkAnnotations, checkLabels, parseLabelSelector } from "./label_selector.ts";

Deno.test.each([
  { text: "", want: {} },
  { text: " ", want: {} },
  { text: "a=b", want: { a: "b" } },
  { text: "a=b,c==d", want: { a: "b", c: "d" } },
  { text: "x.y/a = b", want: { "x.y/a": "b" } },
  { text: "a=", want: { a: "" } },
  { text: "a", want: null },
  { text: "a!=b", want: null },
  { text: "a=b,", want: null },
  { text: "=b", want: null },
  { text: "a=b=c", want: null },
  { text: "a=1,a=2", want: null },
  { text: "a in (b)", want: null },
])("parseLabelSelector() reads [$text]", ({ text, want }) => {
  if (want === null) assert.throws(() => parseLabelSelector(text), /Cannot use/);
  else assert.deepEqual(parseLabelSelector(text), want);
});

Deno.test("checkLabels() and checkAnnotations() keep to their bounds", () => {
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`a${index}`, ""]));
  assert.throws(() => checkLabels(many), /more than 64/);
  assert.throws(() => checkAnnotations(many), /more than 64/);
  checkLabels({ a: "x".repeat(63) });
  assert.throws(() => checkLabels({ a: "x".repeat(64) }), /label "a"/);
  assert.throws(() => checkLabels({ a: "x y" }), /label "a"/);
  checkAnnotations({ a: "x".repeat(4096) });
  assert.throws(() => checkAnnotations({ a: "x".repeat(4097) }), /4096 bytes/);
  const much = Object.fromEntries(
    Array.from({ length: 17 }, (_, index) => [`a${index}`, "x".repeat(4096)]),
  );
  assert.throws(() => checkAnnotations(much), /65536 bytes/);
});
