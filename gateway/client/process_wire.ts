/**
 * What goes to a program in a sandbox and what comes from it, as bytes of the wire.
 *
 * The numbers are those of `openshell.proto` and `process.proto`; `wire_fields_test.ts` compares
 * with the generated code.
 *
 * @module
 */

import type { AttachRequest, ExecRequest, ProcessInput, ProcessOutput } from "./types.ts";
import { decodeFields, encodeFields, WireFieldError } from "./wire_fields.ts";

/** `ExecSandboxInput` with the program to start. */
export function encodeExecStart(request: ExecRequest): Uint8Array {
  const { sandboxId, command, workdir, environment, timeoutSeconds, terminal } = request;
  const start = encodeFields([
    [1, sandboxId],
    ...command.map((word) => [2, word] as const),
    [3, workdir],
    ...Object.entries(environment).map(
      ([name, value]) => [4, encodeFields([[1, name], [2, value]])] as const,
    ),
    [5, timeoutSeconds],
    [7, terminal !== null],
    [8, terminal?.cols],
    [9, terminal?.rows],
  ]);
  return encodeFields([[1, start]]);
}

/** `ExecSandboxInput` of a program that runs; `null` for what this call has no word for. */
export function encodeExecInput(input: ProcessInput): Uint8Array | null {
  if (input.kind === "stdin") return encodeFields([[2, input.bytes]]);
  if (input.kind !== "resize") return null;
  const { cols, rows } = input.size;
  return encodeFields([[3, encodeFields([[1, cols], [2, rows]])]]);
}

/** `AttachSandboxInput` with whom to attach to. */
export function encodeAttachStart({ sandboxId, readOnly, terminal }: AttachRequest): Uint8Array {
  const attach = encodeFields([[1, readOnly], [2, terminal?.cols], [3, terminal?.rows]]);
  return encodeFields([[1, encodeFields([[1, sandboxId], [2, attach]])]]);
}

/** `AttachSandboxInput` of a program that one is attached to. */
export function encodeAttachInput(input: ProcessInput): Uint8Array {
  return encodeFields([[2, encodeProcessInput(input)]]);
}

function encodeProcessInput(input: ProcessInput): Uint8Array {
  switch (input.kind) {
    case "stdin":
      return encodeFields([[1, input.bytes]]);
    case "end":
      return encodeFields([[2, true]]);
    case "resize":
      return encodeFields([[3, encodeFields([[1, input.size.cols], [2, input.size.rows]])]]);
    case "signal":
      return encodeFields([[4, input.signal]]);
  }
}

/** Reads `ExecSandboxEvent`; `null` for what this client has no use for. */
export function decodeExecEvent(message: Uint8Array): ProcessOutput | null {
  for (const [number, value] of decodeFields(message)) {
    const inner = decodeFields(bytesOf(value));
    if (number === 3) return { kind: "exit", code: numberOf(inner.get(1) ?? 0) };
    const bytes = bytesOf(inner.get(1) ?? new Uint8Array());
    if (number === 1) return { kind: "stdout", bytes };
    if (number === 2) return { kind: "stderr", bytes };
  }
  return null;
}

/** Reads `ProcessOutput`; `null` for what this client has no use for. */
export function decodeProcessOutput(message: Uint8Array): ProcessOutput | null {
  for (const [number, value] of decodeFields(message)) {
    if (number === 1) return { kind: "stdout", bytes: bytesOf(value) };
    if (number === 2) return { kind: "stderr", bytes: bytesOf(value) };
    if (number === 3) return { kind: "exit", code: numberOf(value) };
    if (number === 4) return { kind: "notice", text: new TextDecoder().decode(bytesOf(value)) };
  }
  return null;
}

function bytesOf(value: Uint8Array | number): Uint8Array {
  if (typeof value === "number") throw new WireFieldError("Cannot read a message: bytes expected");
  return value;
}

function numberOf(value: Uint8Array | number): number {
  if (typeof value !== "number") throw new WireFieldError("Cannot read a message: number expected");
  return value;
}
