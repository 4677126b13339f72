import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { holdsCanary, makeCanary } from "./canary.ts";

Deno.test.each([
  { name: "as it is", encode: (text: string) => text },
  { name: "in capitals", encode: (text: string) => text.toUpperCase() },
  { name: "reversed", encode: (text: string) => [...text].reverse().join("") },
  { name: "in hex", encode: (text: string) => Buffer.from(text).toString("hex").toUpperCase() },
  { name: "in Base64", encode: (text: string) => Buffer.from(text).toString("base64") },
  {
    name: "in Base64 after one",
    encode: (text: string) => Buffer.from(`a${text}b`).toString("base64"),
  },
  {
    name: "in Base64 after two",
    encode: (text: string) => Buffer.from(`ab${text}`).toString("base64"),
  },
  {
    name: "in percent signs",
    encode: (text: string) =>
      [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""),
  },
])("holdsCanary() finds it $name", ({ encode }) => {
  const canary = makeCanary();
  assert.equal(holdsCanary(`before ${encode(canary)} after`, canary), true);
  assert.equal(holdsCanary(`before ${encode(makeCanary())} after`, canary), false);
});
