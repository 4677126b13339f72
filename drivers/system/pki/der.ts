/**
 * Writes and reads DER, the encoding of certificates and keys (ITU-T X.690).
 *
 * As much as certificates need: definite lengths, tags below 31. Written by hand, because a library
 * for it takes longer to load than a whole sandbox takes to start.
 *
 * @module
 */

import { EncodingError } from "./pki_error.ts";

/** Bytes that own their memory, as WebCrypto asks for them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** First byte of an element: its class, whether it holds others, and its type. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element as read. */
export interface DerElement {
  readonly tag: number;
  readonly content: Bytes;
  /** Tag, length and content. */
  readonly whole: Bytes;
}

/** Returns an element of a tag around what is given, in that order. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header = lengthBytes(length);
  const bytes = new Uint8Array(1 + header.length + length);
  bytes[0] = tag;
  bytes.set(header, 1);
  let at = 1 + header.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Returns a SEQUENCE of elements. */
export function sequence(...elements: readonly Uint8Array[]): Bytes {
  return element(Tag.sequence, ...elements);
}

/** Returns a SET of elements. DER wants them in order of their bytes. */
export function set(...elements: readonly Uint8Array[]): Bytes {
  return element(Tag.set, ...elements.toSorted(compareBytes));
}

/** Returns `[number] EXPLICIT`, a constructed element around others. */
export function explicit(number: number, ...elements: readonly Uint8Array[]): Bytes {
  return element(0xa0 | number, ...elements);
}

/** Returns `[number] IMPLICIT` of a primitive type. */
export function implicit(number: number, content: Uint8Array): Bytes {
  return element(0x80 | number, content);
}

/** Returns an INTEGER of big-endian bytes without a sign: never a negative one. */
export function unsignedInteger(bytes: Uint8Array): Bytes {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const digits = bytes.subarray(start);
  const needsZero = digits.length === 0 || digits[0]! >= 0x80;
  return needsZero ? element(Tag.integer, Uint8Array.of(0), digits) : element(Tag.integer, digits);
}

/** Returns a BOOLEAN. */
export function boolean(value: boolean): Bytes {
  return element(Tag.boolean, Uint8Array.of(value ? 0xff : 0));
}

/** Returns an OCTET STRING. */
export function octetString(...parts: readonly Uint8Array[]): Bytes {
  return element(Tag.octetString, ...parts);
}

/** Returns a BIT STRING; `unusedBits` at its end, 0 to 7, do not count. */
export function bitString(content: Uint8Array, unusedBits = 0): Bytes {
  return element(Tag.bitString, Uint8Array.of(unusedBits), content);
}

/** Returns a UTF8String. */
export function utf8String(text: string): Bytes {
  return element(Tag.utf8String, new TextEncoder().encode(text));
}

/** Returns an OBJECT IDENTIFIER that is written in dotted decimals, as `2.5.29.17`. */
export function objectIdentifier(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap(base128);
  return element(Tag.objectIdentifier, Uint8Array.from(bytes));
}

/**
 * Returns a time in whole seconds: UTCTime until 2049, GeneralizedTime from 2050 on, as certificates
 * have to have it (RFC 5280 section 4.1.2.5).
 */
export function time(date: Date): Bytes {
  const digits = date.toISOString().replace(/\.\d+Z$/, "Z").replace(/[-:T]/g, "");
  const year = date.getUTCFullYear();
  const isShort = year >= 1950 && year < 2050;
  const text = isShort ? digits.slice(2) : digits;
  return element(isShort ? Tag.utcTime : Tag.generalizedTime, new TextEncoder().encode(text));
}

/**
 * Reads one element that fills the bytes to their end.
 *
 * @throws {EncodingError}
 */
export function readElement(bytes: Uint8Array): DerElement {
  const [first, ...more] = readElements(bytes);
  if (first === undefined || more.length > 0) fail("one element was expected");
  return first;
}

/**
 * Reads elements one after another to the end of the bytes.
 *
 * @throws {EncodingError}
 */
export function readElements(bytes: Uint8Array): readonly DerElement[] {
  const owned: Bytes = Uint8Array.from(bytes);
  const elements: DerElement[] = [];
  for (let at = 0; at < owned.length;) {
    const tag = owned[at]!;
    if ((tag & 0x1f) === 0x1f) fail("the tag has more than one byte");
    const { length, next } = readLength(owned, at + 1);
    const end = next + length;
    if (end > owned.length) fail("an element is longer than what holds it");
    elements.push({ tag, content: owned.slice(next, end), whole: owned.slice(at, end) });
    at = end;
  }
  return elements;
}

function readLength(bytes: Uint8Array, at: number): { length: number; next: number } {
  const first = bytes[at];
  if (first === undefined) fail("a length is missing");
  if (first < 0x80) return { length: first, next: at + 1 };
  const count = first & 0x7f;
  if (count === 0 || count > 4) fail("a length is indefinite or too large");
  let length = 0;
  for (let i = 1; i <= count; i += 1) {
    const byte = bytes[at + i];
    if (byte === undefined) fail("a length is cut off");
    length = length * 256 + byte;
  }
  if (length < 0x80 || lengthBytes(length).length !== count + 1) fail("a length is not minimal");
  return { length, next: at + 1 + count };
}

function lengthBytes(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Uint8Array.of(0x80 | digits.length, ...digits);
}

function base128(number: number): readonly number[] {
  const digits = [number % 128];
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift(0x80 | (rest % 128));
  }
  return digits;
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i += 1) {
    if (left[i] !== right[i]) return left[i]! - right[i]!;
  }
  return left.length - right.length;
}

function fail(detail: string): never {
  throw new EncodingError("DER", detail);
}
