import assert from "node:assert/strict";
import * as fc from "fast-check";
import * as der from "./der.ts";

const ASCII = new TextEncoder();

Deno.test.each([
  { name: "an empty SEQUENCE", got: () => der.sequence(), want: "3000" },
  { name: "true", got: () => der.boolean(true), want: "0101ff" },
  { name: "false", got: () => der.boolean(false), want: "010100" },
  { name: "zero", got: () => der.unsignedInteger(Uint8Array.of(0)), want: "020100" },
  { name: "no digits", got: () => der.unsignedInteger(new Uint8Array()), want: "020100" },
  { name: "127", got: () => der.unsignedInteger(Uint8Array.of(0x7f)), want: "02017f" },
  {
    name: "128 as positive",
    got: () => der.unsignedInteger(Uint8Array.of(0x80)),
    want: "02020080",
  },
  { name: "256", got: () => der.unsignedInteger(Uint8Array.of(1, 0)), want: "02020100" },
  {
    name: "no leading zeros",
    got: () => der.unsignedInteger(Uint8Array.of(0, 0, 0x80)),
    want: "02020080",
  },
  {
    name: "a BIT STRING of 18 bits (X.690 8.6.4)",
    got: () => der.bitString(Uint8Array.of(0x6e, 0x5d, 0xc0), 6),
    want: "0304066e5dc0",
  },
  { name: "an OCTET STRING", got: () => der.octetString(Uint8Array.of(1, 2)), want: "04020102" },
  { name: "rsadsi", got: () => der.objectIdentifier("1.2.840.113549"), want: "06062a864886f70d" },
  { name: "subjectAltName", got: () => der.objectIdentifier("2.5.29.17"), want: "0603551d11" },
  { name: "a UTF8String", got: () => der.utf8String("é"), want: "0c02c3a9" },
  { name: "[0] EXPLICIT", got: () => der.explicit(0, der.boolean(true)), want: "a0030101ff" },
  { name: "[2] IMPLICIT", got: () => der.implicit(2, ASCII.encode("a")), want: "820161" },
  {
    name: "a SET in the order of its bytes",
    got: () => der.set(der.utf8String("b"), der.boolean(true), der.utf8String("a")),
    want: "3109" + "0101ff" + "0c0161" + "0c0162",
  },
  {
    name: "UTCTime in 2049",
    got: () => der.time(new Date("2049-12-31T23:59:59Z")),
    want: "170d" + ASCII.encode("491231235959Z").toHex(),
  },
  {
    name: "GeneralizedTime in 2050",
    got: () => der.time(new Date("2050-01-01T00:00:00.999Z")),
    want: "180f" + ASCII.encode("20500101000000Z").toHex(),
  },
])("der writes $name", ({ got, want }) => {
  assert.equal(got().toHex(), want);
});

Deno.test.each([
  { length: 127, header: "047f" },
  { length: 128, header: "048180" },
  { length: 255, header: "0481ff" },
  { length: 256, header: "04820100" },
  { length: 65536, header: "0483010000" },
])("element() writes the length $length", ({ length, header }) => {
  const got = der.octetString(new Uint8Array(length));
  assert.equal(got.subarray(0, header.length / 2).toHex(), header);
  assert.equal(der.readElement(got).content.length, length);
});

Deno.test.each([
  { name: "nothing", hex: "" },
  { name: "a tag alone", hex: "30" },
  { name: "less than the length says", hex: "040301" },
  { name: "more than one element", hex: "30003000" },
  { name: "an indefinite length", hex: "30800000" },
  { name: "a length of too many bytes", hex: "04850000000001ff" },
  { name: "a length that is cut off", hex: "0482" },
  { name: "a long form of a short length", hex: "04810100" },
  { name: "a length with a leading zero", hex: "04820080" + "00".repeat(128) },
  { name: "a tag of more bytes", hex: "1f0100" },
])("readElement() refuses $name", ({ hex }) => {
  assert.throws(() => der.readElement(Uint8Array.fromHex(hex)), { name: "EncodingError" });
});

Deno.test("readElements() reads what element() writes, and never throws anything else", () => {
  const contents = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 });
  fc.assert(fc.property(contents, (parts) => {
    const whole = der.readElement(der.sequence(...parts.map((part) => der.octetString(part))));
    const read = der.readElements(whole.content);
    assert.deepEqual(read.map(({ content }) => [...content]), parts.map((part) => [...part]));
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    try {
      der.readElements(bytes);
    } catch (error) {
      assert.equal((error as Error).name, "EncodingError");
    }
  }));
});
