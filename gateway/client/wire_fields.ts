/**
 * Fields of a protobuf message by their numbers, for the few messages that carry a program's bytes.
 *
 * Those are sent too often to be JSON, and the generated code takes too long to load for one call.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";

/** A message is not what protobuf writes. */
export class WireFieldError extends CodedError {
  override readonly name = "WireFieldError";
  override readonly code = "internal";
}

/** `undefined` is left out. */
export type FieldValue = Uint8Array | string | number | boolean | undefined;

const VARINT = 0;
const BYTES = 2;
const VARINT_BYTES_MAX = 10;

/** Whole numbers are at least 0: no message that we send has others. */
export function encodeFields(
  fields: readonly (readonly [number: number, value: FieldValue])[],
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    if (value === undefined) continue;
    if (typeof value === "number" || typeof value === "boolean") {
      parts.push(varint(number << 3 | VARINT), varint(Number(value)));
      continue;
    }
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    parts.push(varint(number << 3 | BYTES), varint(bytes.length), bytes);
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Returns the last value of each field; numbers as signed 32 bits.
 *
 * @throws {WireFieldError} for other kinds of fields, and for what breaks off
 */
export function decodeFields(message: Uint8Array): ReadonlyMap<number, Uint8Array | number> {
  const fields = new Map<number, Uint8Array | number>();
  const reader = new Reader(message);
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    const kind = tag & 7;
    if (kind === VARINT) fields.set(tag >>> 3, reader.varint());
    else if (kind === BYTES) fields.set(tag >>> 3, reader.bytes(reader.varint()));
    else throw new WireFieldError(`Cannot read a message: a field is of kind ${kind}`);
  }
  return fields;
}

class Reader {
  readonly #message: Uint8Array;
  #at = 0;

  constructor(message: Uint8Array) {
    this.#message = message;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#message.length;
  }

  /** The low 32 bits: negative numbers have ten bytes, of which the others say nothing more. */
  varint(): number {
    let value = 0;
    for (let index = 0; index < VARINT_BYTES_MAX; index++) {
      const byte = this.#message[this.#at++];
      if (byte === undefined) throw new WireFieldError("Cannot read a message: it breaks off");
      if (index < 5) value |= (byte & 0x7f) << 7 * index;
      if (byte < 0x80) return value;
    }
    throw new WireFieldError("Cannot read a message: a number is too long");
  }

  bytes(length: number): Uint8Array {
    const start = this.#at;
    if (length < 0 || length > this.#message.length - start) {
      throw new WireFieldError("Cannot read a message: it breaks off");
    }
    this.#at += length;
    return this.#message.subarray(start, this.#at);
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  do {
    const more = left > 0x7f ? 0x80 : 0;
    bytes.push(left & 0x7f | more);
    left >>>= 7;
  } while (left > 0);
  return Uint8Array.from(bytes);
}
