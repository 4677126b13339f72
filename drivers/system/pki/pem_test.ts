import assert from "node:assert/strict";
import { decodePem, encodePem } from "./pem.ts";

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);

Deno.test("encodePem() breaks lines after 64 characters, decodePem() reads them", () => {
  const text = encodePem("CERTIFICATE", BYTES);
  assert.deepEqual(text.split("\n").map((line) => line.length), [27, 64, 64, 8, 25, 0]);
  assert.deepEqual(decodePem("CERTIFICATE", text), BYTES);
});

Deno.test.each([
  { name: "another kind", text: encodePem("PUBLIC KEY", BYTES) },
  { name: "two blocks", text: encodePem("CERTIFICATE", BYTES).repeat(2) },
  { name: "text before the block", text: `x\n${encodePem("CERTIFICATE", BYTES)}` },
  { name: "what is not base64", text: encodePem("CERTIFICATE", BYTES).replace("=", "A=") },
  {
    name: "an empty block",
    text: encodePem("CERTIFICATE", new Uint8Array()).replace("\n\n", "\n"),
  },
  { name: "nothing", text: "" },
])("decodePem() refuses $name", ({ text }) => {
  assert.throws(() => decodePem("CERTIFICATE", text), { name: "EncodingError" });
});
