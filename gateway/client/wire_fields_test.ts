import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AttachSandboxInputSchema } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { ProcessOutputSchema } from "../../proto/gen/openshell/ext/v1/process_pb.ts";
import { ExecSandboxInputSchema } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import {
  decodeProcessOutput,
  encodeAttachInput,
  encodeAttachStart,
  encodeExecInput,
} from "./process_wire.ts";
import { decodeFields, encodeFields, WireFieldError } from "./wire_fields.ts";

Deno.test.each([
  { name: "numbers", fields: [[1, 0], [2, 127], [3, 128], [4, 0x7fff_ffff]] as const },
  { name: "high field numbers", fields: [[16, 1], [300, 2]] as const },
])("decodeFields() reads $name that encodeFields() writes", ({ fields }) => {
  assert.deepEqual([...decodeFields(encodeFields(fields))], fields);
});

Deno.test("encodeFields() leaves out what is undefined, and keeps what is empty", () => {
  const bytes = new Uint8Array();
  assert.deepEqual([...decodeFields(encodeFields([[1, undefined], [2, bytes]]))], [[2, bytes]]);
});

Deno.test.each([
  { name: "a length beyond the end", message: [0x0a, 5, 1] },
  { name: "a length that is negative", message: [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f] },
  { name: "a number without an end", message: [0x08, ...Array(11).fill(0x80)] },
  { name: "a number that breaks off", message: [0x08, 0x80] },
  { name: "a kind that no message here has", message: [0x0d, 0, 0, 0, 0] },
])("decodeFields() refuses $name", ({ message }) => {
  assert.throws(() => decodeFields(Uint8Array.from(message)), WireFieldError);
});

Deno.test.each([
  { case: "stdout" as const, value: new Uint8Array([1, 2]) },
  { case: "stderr" as const, value: new Uint8Array() },
  { case: "exitCode" as const, value: -7 },
  { case: "exitCode" as const, value: 0 },
  { case: "notice" as const, value: "grüezi" },
])("decodeProcessOutput() reads $case as the generated code writes it", (payload) => {
  const bytes = toBinary(ProcessOutputSchema, create(ProcessOutputSchema, { payload }));
  const got = decodeProcessOutput(bytes);
  const { value } = payload;
  switch (payload.case) {
    case "exitCode":
      assert.deepEqual(got, { kind: "exit", code: value });
      break;
    case "notice":
      assert.deepEqual(got, { kind: "notice", text: value });
      break;
    default:
      assert.deepEqual(got, { kind: payload.case, bytes: value });
  }
});

Deno.test("decodeProcessOutput() passes over what it does not know", () => {
  assert.equal(decodeProcessOutput(encodeFields([[9, 1]])), null);
  assert.equal(decodeProcessOutput(new Uint8Array()), null);
  assert.throws(() => decodeProcessOutput(encodeFields([[1, 1]])), WireFieldError);
});

Deno.test("encodeAttachStart() and encodeAttachInput() are read by the generated code", () => {
  const start = { sandboxId: "id-1", readOnly: true, terminal: { cols: 300, rows: 40 } };
  const { payload } = fromBinary(AttachSandboxInputSchema, encodeAttachStart(start));
  assert.ok(payload.case === "start");
  const { sandboxId, attach } = payload.value;
  assert.deepEqual(
    { sandboxId, readOnly: attach?.readOnly, cols: attach?.cols, rows: attach?.rows },
    { sandboxId: "id-1", readOnly: true, cols: 300, rows: 40 },
  );
  const inputs = [
    { input: { kind: "stdin", bytes: new Uint8Array([5]) }, want: "stdin" },
    { input: { kind: "end" }, want: "endInput" },
    { input: { kind: "resize", size: { cols: 1, rows: 2 } }, want: "resize" },
    { input: { kind: "signal", signal: "INT" }, want: "signal" },
  ] as const;
  for (const { input, want } of inputs) {
    const read = fromBinary(AttachSandboxInputSchema, encodeAttachInput(input)).payload;
    assert.ok(read.case === "input");
    assert.equal(read.value.payload.case, want);
  }
});

Deno.test("encodeExecInput() has words for input and sizes alone", () => {
  const resize = encodeExecInput({ kind: "resize", size: { cols: 9, rows: 200 } });
  const { payload } = fromBinary(ExecSandboxInputSchema, resize!);
  assert.ok(payload.case === "resize");
  assert.deepEqual([payload.value.cols, payload.value.rows], [9, 200]);
  assert.equal(encodeExecInput({ kind: "signal", signal: "INT" }), null);
  assert.equal(encodeExecInput({ kind: "end" }), null);
});
