/**
 * Reads the frames that one side of a WebSocket sends, as its bytes come.
 *
 * Strict: what has a second reading, or means something that nobody negotiated, ends the reading. A
 * program masks its frames and a server does not, lengths are in their shortest form, no reserved
 * bit is set, since there are no extensions, and control frames are short and whole. Bounds hold
 * for what a frame says about its length, before any of that comes.
 *
 * Payloads are given out in pieces as they come; how the bytes are cut changes the pieces alone.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import {
  WEBSOCKET_BINARY_BYTES_MAX,
  WEBSOCKET_FRAGMENTS_MAX,
  WEBSOCKET_TEXT_BYTES_MAX,
} from "../../../../proto/egress_limits.ts";
import {
  applyMask,
  CONTROL_BYTES_MAX,
  type ControlKind,
  type DataKind,
  isClose,
  OPCODES,
} from "./frame.ts";

export type FramePart =
  | {
    readonly kind: DataKind;
    /** Of the payload, unmasked. */
    readonly bytes: Uint8Array;
    /** The first piece of its message, which may be empty. */
    readonly isFirst: boolean;
    /** The last one. */
    readonly isLast: boolean;
  }
  | { readonly kind: ControlKind; readonly bytes: Uint8Array };

/** What is wrong with a frame. */
export type FrameProblem =
  | "reserved_bits"
  | "reserved_opcode"
  | "wrong_masking"
  | "length_not_minimal"
  | "invalid_length"
  | "fragmented_control"
  | "control_too_large"
  | "invalid_close"
  | "continuation_of_nothing"
  | "message_in_message"
  | "message_too_large"
  | "too_many_fragments";

export interface Parsed {
  /** What came before the problem, if there is one. */
  readonly parts: readonly FramePart[];
  readonly problem: FrameProblem | null;
}

/** Whose frames are read. Those of a server are passed on in pieces, and have no bound. */
export type Sender = "program" | "server";

/** A frame whose payload is under way. */
interface OpenFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly length: number;
  readonly mask: Uint8Array | null;
  taken: number;
}

/** A message that more frames belong to. */
interface OpenMessage {
  readonly kind: DataKind;
  bytes: number;
  fragments: number;
  isBegun: boolean;
}

const KINDS: Readonly<Record<number, ControlKind>> = {
  [OPCODES.close]: "close",
  [OPCODES.ping]: "ping",
  [OPCODES.pong]: "pong",
};

export class FrameParser {
  readonly #sender: Sender;
  readonly #head = new Uint8Array(14);
  #headBytes = 0;
  #frame: OpenFrame | null = null;
  #message: OpenMessage | null = null;
  readonly #control = new Uint8Array(CONTROL_BYTES_MAX);
  #problem: FrameProblem | null = null;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  /** Takes the next bytes. What it returns is the caller's own. After a problem nothing is taken. */
  push(bytes: Uint8Array): Parsed {
    const parts: FramePart[] = [];
    let at = 0;
    while (this.#problem === null) {
      if (this.#frame === null) at = this.#takeHead(bytes, at);
      const frame = this.#frame;
      if (frame === null || this.#problem !== null) break;
      const piece = bytes.slice(at, at + frame.length - frame.taken);
      at += piece.length;
      if (frame.mask !== null) applyMask(piece, frame.mask, frame.taken);
      frame.taken += piece.length;
      this.#take(frame, piece, parts);
      if (frame.taken < frame.length) break;
      this.#frame = null;
    }
    return { parts, problem: this.#problem };
  }

  #take(frame: OpenFrame, piece: Uint8Array, parts: FramePart[]): void {
    const isWhole = frame.taken === frame.length;
    const control = KINDS[frame.opcode];
    if (control !== undefined) {
      this.#control.set(piece, frame.taken - piece.length);
      if (!isWhole) return;
      const payload = this.#control.slice(0, frame.length);
      if (control === "close" && !isClose(payload)) this.#problem = "invalid_close";
      else parts.push({ kind: control, bytes: payload });
      return;
    }
    const message = this.#message;
    if (message === null) return;
    const isLast = isWhole && frame.isFinal;
    const isFirst = !message.isBegun;
    if (piece.length === 0 && !isFirst && !isLast) return;
    message.isBegun = true;
    parts.push({ kind: message.kind, bytes: piece, isFirst, isLast });
    if (isLast) this.#message = null;
  }

  /** Returns how far the bytes were taken. Opens a frame where its head is whole and right. */
  #takeHead(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length) {
      this.#head[this.#headBytes] = bytes[at]!;
      this.#headBytes += 1;
      at += 1;
      const [first, second] = [this.#head[0]!, this.#head[1]!];
      if (this.#headBytes < 2) continue;
      if (this.#headBytes === 2) this.#problem = this.#findProblem(first, second);
      if (this.#problem !== null) break;
      const lengthBytes = lengthBytesOf(second);
      if (this.#headBytes < 2 + lengthBytes + maskBytesOf(second)) continue;
      this.#open(first, second);
      break;
    }
    return at;
  }

  /** Looks at the two bytes that every frame has. */
  #findProblem(first: number, second: number): FrameProblem | null {
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    if ((first & 0x70) !== 0) return "reserved_bits";
    if (opcode > OPCODES.pong || (opcode > OPCODES.binary && opcode < OPCODES.close)) {
      return "reserved_opcode";
    }
    if ((second & 0x80) !== 0 !== (this.#sender === "program")) return "wrong_masking";
    if (opcode >= OPCODES.close) {
      if (!isFinal) return "fragmented_control";
      return (second & 0x7f) > CONTROL_BYTES_MAX ? "control_too_large" : null;
    }
    if (opcode === OPCODES.continuation) {
      return this.#message === null ? "continuation_of_nothing" : null;
    }
    return this.#message === null ? null : "message_in_message";
  }

  #open(first: number, second: number): void {
    const lengthBytes = lengthBytesOf(second);
    const length = readLength(this.#head, second & 0x7f);
    this.#headBytes = 0;
    if (typeof length === "string") {
      this.#problem = length;
      return;
    }
    const opcode = first & 0x0f;
    if (opcode < OPCODES.close) {
      this.#problem = this.#count(opcode, length);
      if (this.#problem !== null) return;
    }
    const start = 2 + lengthBytes;
    const mask = maskBytesOf(second) === 0 ? null : this.#head.slice(start, start + 4);
    const isFinal = (first & 0x80) !== 0;
    this.#frame = { opcode, isFinal, length, mask, taken: 0 };
  }

  /** Adds a frame to its message. */
  #count(opcode: number, length: number): FrameProblem | null {
    const kind = opcode === OPCODES.text ? "text" : "binary";
    const message = this.#message ??= { kind, bytes: 0, fragments: 0, isBegun: false };
    message.bytes += length;
    message.fragments += 1;
    if (this.#sender === "server") return null;
    const bytesMax = message.kind === "text"
      ? WEBSOCKET_TEXT_BYTES_MAX
      : WEBSOCKET_BINARY_BYTES_MAX;
    if (message.bytes > bytesMax) return "message_too_large";
    return message.fragments > WEBSOCKET_FRAGMENTS_MAX ? "too_many_fragments" : null;
  }
}

function lengthBytesOf(second: number): number {
  const short = second & 0x7f;
  return short === 126 ? 2 : short === 127 ? 8 : 0;
}

function maskBytesOf(second: number): number {
  return (second & 0x80) === 0 ? 0 : 4;
}

function readLength(head: Uint8Array, short: number): number | FrameProblem {
  if (short < 126) return short;
  const view = new DataView(head.buffer);
  const length = short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
  if (length > Number.MAX_SAFE_INTEGER) return "invalid_length";
  return length < (short === 126 ? 126 : 0x10000) ? "length_not_minimal" : length;
}
