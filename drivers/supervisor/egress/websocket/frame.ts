/**
 * Frames of a WebSocket: their kinds, how they are written, and what a close says (RFC 6455).
 *
 * Pure but for the masks, which are random.
 *
 * @module
 */

/** Numbers of the kinds of frames. Others are reserved, and refused. */
export const OPCODES = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

export type DataKind = "text" | "binary";
export type ControlKind = "close" | "ping" | "pong";

/** Payload of a control frame, in bytes. */
export const CONTROL_BYTES_MAX = 125;

/** Codes that a close is given. */
export const CLOSE = {
  goingAway: 1001,
  protocolError: 1002,
  invalidText: 1007,
  refused: 1008,
  tooLarge: 1009,
  restart: 1012,
  tryLater: 1013,
} as const;

export interface FrameOptions {
  readonly opcode: number;
  readonly isFinal: boolean;
  /** What a program sends is masked, what it is sent is not. */
  readonly isMasked: boolean;
}

/** Returns the bytes of one frame, with its length in the shortest form and a fresh mask. */
export function encodeFrame(
  payload: Uint8Array,
  { opcode, isFinal, isMasked }: FrameOptions,
): Uint8Array {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length <= 0xffff ? 2 : 8;
  const start = 2 + lengthBytes + (isMasked ? 4 : 0);
  const bytes = new Uint8Array(start + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = (isFinal ? 0x80 : 0) | opcode;
  bytes[1] = (isMasked ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) view.setUint16(2, length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  bytes.set(payload, start);
  if (isMasked) {
    const mask = crypto.getRandomValues(bytes.subarray(start - 4, start));
    applyMask(bytes.subarray(start), mask, 0);
  }
  return bytes;
}

/** Masks bytes, or takes the mask off, in place. `offset` is where they are in their frame. */
export function applyMask(bytes: Uint8Array, mask: Uint8Array, offset: number): void {
  for (let at = 0; at < bytes.length; at += 1) bytes[at]! ^= mask[(offset + at) & 3]!;
}

/** Returns the payload of a close. The reason is cut to what fits; it is ASCII. */
export function encodeClose(code: number, reason: string): Uint8Array {
  const text = new TextEncoder().encode(reason).subarray(0, CONTROL_BYTES_MAX - 2);
  const payload = new Uint8Array(2 + text.length);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(text, 2);
  return payload;
}

/** Returns whether the payload of a close is one that may be sent. */
export function isClose(payload: Uint8Array): boolean {
  if (payload.length === 0) return true;
  if (payload.length === 1) return false;
  const code = payload[0]! * 256 + payload[1]!;
  return isCloseCode(code) && decodeText(payload.subarray(2)) !== null;
}

/** Returns the text, `null` where the bytes are no UTF-8. */
export function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Those that RFC 6455 and its registry let a peer send; 1004 to 1006 and 1015 mean none was. */
function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}
