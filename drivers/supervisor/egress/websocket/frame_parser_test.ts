import assert from "node:assert/strict";
import fc from "fast-check";
import {
  WEBSOCKET_BINARY_BYTES_MAX,
  WEBSOCKET_FRAGMENTS_MAX,
  WEBSOCKET_TEXT_BYTES_MAX,
} from "../../../../proto/egress_limits.ts";
import { encodeClose, encodeFrame, OPCODES } from "./frame.ts";
import { FrameParser, type FrameParser as Parser, type Sender } from "./frame_parser.ts";

const MASK = [1, 2, 3, 4];

/** A frame of a program that is empty unless more is said. */
function masked(first: number, second = 0x80, ...rest: readonly number[]): Uint8Array {
  return Uint8Array.from([first, second, ...rest, ...MASK]);
}

interface Refusal {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly want: string;
  readonly sender?: Sender;
}

const REFUSALS: readonly Refusal[] = [
  { name: "the first reserved bit", bytes: masked(0xc1), want: "reserved_bits" },
  { name: "the second reserved bit", bytes: masked(0xa1), want: "reserved_bits" },
  { name: "the third reserved bit", bytes: masked(0x91), want: "reserved_bits" },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => ({
    name: `opcode ${opcode}`,
    bytes: masked(0x80 | opcode),
    want: "reserved_opcode",
  })),
  {
    name: "a program that does not mask",
    bytes: Uint8Array.of(0x81, 1, 0x61),
    want: "wrong_masking",
  },
  { name: "a server that masks", bytes: masked(0x81), sender: "server", want: "wrong_masking" },
  { name: "16 bits for 125", bytes: masked(0x81, 0xfe, 0, 125), want: "length_not_minimal" },
  {
    name: "64 bits for 65535",
    bytes: masked(0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff),
    want: "length_not_minimal",
  },
  {
    name: "a length with the highest bit",
    bytes: masked(0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0),
    want: "invalid_length",
  },
  {
    name: "a length that is no exact number",
    bytes: Uint8Array.of(0x82, 127, 0, 0x20, 0, 0, 0, 0, 0, 0),
    sender: "server",
    want: "invalid_length",
  },
  { name: "a ping in fragments", bytes: masked(0x09), want: "fragmented_control" },
  { name: "a close in fragments", bytes: masked(0x08), want: "fragmented_control" },
  { name: "a ping of 126 bytes", bytes: masked(0x89, 0xfe, 0, 126), want: "control_too_large" },
  { name: "a close of one byte", bytes: masked(0x88, 0x81, 0), want: "invalid_close" },
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map((code) => ({
    name: `a close with code ${code}`,
    bytes: frame(encodeClose(code, ""), OPCODES.close),
    want: "invalid_close",
  })),
  {
    name: "a close whose reason is no UTF-8",
    bytes: frame(Uint8Array.of(3, 0xe8, 0xff), OPCODES.close),
    want: "invalid_close",
  },
  { name: "a continuation of nothing", bytes: masked(0x80), want: "continuation_of_nothing" },
  {
    name: "a message in a message",
    bytes: join([masked(0x01), masked(0x82)]),
    want: "message_in_message",
  },
  {
    name: "a continuation after the end",
    bytes: join([masked(0x01), masked(0x80), masked(0x80)]),
    want: "continuation_of_nothing",
  },
  {
    name: "a text that is too large",
    bytes: masked(0x81, 0xff, ...length64(WEBSOCKET_TEXT_BYTES_MAX + 1)),
    want: "message_too_large",
  },
  {
    name: "a binary message that is too large",
    bytes: masked(0x82, 0xff, ...length64(WEBSOCKET_BINARY_BYTES_MAX + 1)),
    want: "message_too_large",
  },
  {
    name: "a text that is too large with its second frame",
    bytes: join([
      frame(new Uint8Array(1), OPCODES.text, false),
      masked(0x80, 0xff, ...length64(WEBSOCKET_TEXT_BYTES_MAX)),
    ]),
    want: "message_too_large",
  },
  {
    name: "too many frames of a message",
    bytes: join([
      masked(0x01),
      ...Array.from({ length: WEBSOCKET_FRAGMENTS_MAX }, () => masked(0x00)),
    ]),
    want: "too_many_fragments",
  },
];

Deno.test.each([...REFUSALS])("FrameParser refuses $name", ({ bytes, want, sender }) => {
  const parser = new FrameParser(sender ?? "program");
  assert.equal(parser.push(bytes).problem, want);
  const after = parser.push(frame(text("more"), OPCODES.text));
  assert.deepEqual(after, { parts: [], problem: want });
  const piecemeal = read(new FrameParser(sender ?? "program"), cut(bytes, [1]));
  assert.equal(piecemeal.problem, want);
});

Deno.test.each([
  { name: "the longest text", opcode: OPCODES.text, length: WEBSOCKET_TEXT_BYTES_MAX },
  { name: "the longest binary message", opcode: OPCODES.binary, length: 0x10000 },
  { name: "lengths in 16 bits", opcode: OPCODES.text, length: 126 },
  { name: "the last length in 16 bits", opcode: OPCODES.binary, length: 0xffff },
  { name: "the longest ping", opcode: OPCODES.ping, length: 125 },
  { name: "nothing", opcode: OPCODES.text, length: 0 },
])("FrameParser takes $name", ({ opcode, length }) => {
  const payload = new Uint8Array(length).fill(0x61);
  const { parts, problem } = new FrameParser("program").push(frame(payload, opcode));
  assert.equal(problem, null);
  assert.deepEqual(parts.map(({ bytes }) => bytes.length), [length]);
});

Deno.test.each([1000, 1003, 1007, 1014, 3000, 4999])(
  "FrameParser takes a close with code %i",
  (code) => {
    const payload = encodeClose(code, "goodbye");
    const { parts } = new FrameParser("program").push(frame(payload, OPCODES.close));
    assert.deepEqual(parts, [{ kind: "close", bytes: payload }]);
  },
);

Deno.test("FrameParser has no bound for what a server sends", () => {
  const head = Uint8Array.of(0x02, 127, ...length64(WEBSOCKET_BINARY_BYTES_MAX + 1), 7);
  const { parts, problem } = new FrameParser("server").push(head);
  assert.equal(problem, null);
  assert.deepEqual(parts, [
    { kind: "binary", bytes: Uint8Array.of(7), isFirst: true, isLast: false },
  ]);
});

Deno.test("FrameParser gives out what came before a problem", () => {
  const bytes = join([frame(text("good"), OPCODES.text), masked(0xc1)]);
  const { parts, problem } = new FrameParser("program").push(bytes);
  assert.equal(problem, "reserved_bits");
  assert.deepEqual(parts, [{ kind: "text", bytes: text("good"), isFirst: true, isLast: true }]);
});

Deno.test("FrameParser takes control frames between the frames of a message", () => {
  const bytes = join([
    frame(text("a"), OPCODES.text, false),
    frame(text("!"), OPCODES.ping),
    frame(text("b"), OPCODES.continuation),
  ]);
  const { parts } = new FrameParser("program").push(bytes);
  assert.deepEqual(parts, [
    { kind: "text", bytes: text("a"), isFirst: true, isLast: false },
    { kind: "ping", bytes: text("!") },
    { kind: "text", bytes: text("b"), isFirst: false, isLast: true },
  ]);
});

const FRAME = fc.record({
  opcode: fc.constantFrom(...Object.values(OPCODES)),
  isFinal: fc.boolean(),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 130 }),
    fc.constantFrom(new Uint8Array(126), new Uint8Array(300)),
  ),
});

Deno.test("FrameParser reads the same, however the bytes are cut", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(
      fc.array(FRAME, { maxLength: 8 }),
      cuts,
      fc.boolean(),
      (frames, sizes, isServer) => {
        const isMasked = !isServer;
        const bytes = join(
          frames.map(({ payload, ...options }) => encodeFrame(payload, { ...options, isMasked })),
        );
        const sender = isServer ? "server" : "program";
        const whole = read(new FrameParser(sender), [bytes]);
        assert.deepEqual(read(new FrameParser(sender), cut(bytes, sizes)), whole);
      },
    ),
  );
});

/** Puts the pieces of each message together, since they depend on how bytes are cut. */
function read(parser: Parser, pieces: readonly Uint8Array[]) {
  const seen: string[] = [];
  let message = "";
  let problem: string | null = null;
  for (const piece of pieces) {
    const parsed = parser.push(piece);
    problem = parsed.problem;
    for (const part of parsed.parts) {
      if (part.kind !== "text" && part.kind !== "binary") {
        seen.push(`${part.kind} ${part.bytes.toHex()}`);
        continue;
      }
      if (part.isFirst) message = `${part.kind} `;
      message += part.bytes.toHex();
      if (part.isLast) seen.push(message);
    }
  }
  return { seen, problem };
}

function cut(bytes: Uint8Array, sizes: readonly number[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const end = at + sizes[index % sizes.length]!;
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

function frame(payload: Uint8Array, opcode: number, isFinal = true): Uint8Array {
  return encodeFrame(payload, { opcode, isFinal, isMasked: true });
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function length64(length: number): readonly number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length));
  return [...bytes];
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
