import assert from "node:assert/strict";
import { applyMask, CONTROL_BYTES_MAX, decodeText, encodeClose, encodeFrame } from "./frame.ts";

Deno.test.each([
  { name: "one byte for up to 125", length: 125, want: [0x81, 125] },
  { name: "two bytes from 126 on", length: 126, want: [0x81, 126, 0, 126] },
  { name: "two bytes up to 65535", length: 0xffff, want: [0x81, 126, 0xff, 0xff] },
  {
    name: "eight bytes from 65536 on",
    length: 0x10000,
    want: [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0],
  },
])("encodeFrame() writes $name", ({ length, want }) => {
  const options = { opcode: 1, isFinal: true, isMasked: false };
  const bytes = encodeFrame(new Uint8Array(length), options);
  assert.deepEqual([...bytes.subarray(0, want.length)], want);
  assert.equal(bytes.length, want.length + length);
});

Deno.test("encodeFrame() masks with a key of its own each time", () => {
  const payload = new TextEncoder().encode("the same words");
  const options = { opcode: 1, isFinal: false, isMasked: true };
  const [one, two] = [encodeFrame(payload, options), encodeFrame(payload, options)];
  assert.deepEqual([...one.subarray(0, 2)], [0x01, 0x80 | payload.length]);
  assert.notDeepEqual(one.subarray(2, 6), two.subarray(2, 6));
  for (const bytes of [one, two]) {
    const body = bytes.slice(6);
    applyMask(body, bytes.subarray(2, 6), 0);
    assert.deepEqual(body, payload);
  }
});

Deno.test("encodeClose() cuts a reason to what fits", () => {
  assert.equal(encodeClose(1008, "x".repeat(500)).length, CONTROL_BYTES_MAX);
});

Deno.test.each([
  { name: "a lone continuation byte", bytes: [0x80] },
  { name: "an overlong form", bytes: [0xc0, 0xaf] },
  { name: "a surrogate", bytes: [0xed, 0xa0, 0x80] },
  { name: "what is beyond Unicode", bytes: [0xf4, 0x90, 0x80, 0x80] },
  { name: "half a character", bytes: [0xe2, 0x82] },
])("decodeText() refuses $name", ({ bytes }) => {
  assert.equal(decodeText(Uint8Array.from(bytes)), null);
});

Deno.test("decodeText() keeps a byte order mark", () => {
  assert.equal(decodeText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), "\ufeffa");
});
