/**
 * IP addresses and networks as numbers: strict parsing, canonical text, containment.
 *
 * Only spellings with one meaning parse. What `inet_aton` reads in addition (`127.1`, octal,
 * hexadecimal, one decimal number) does not, nor do IPv6 zone identifiers, which name an
 * interface of one machine.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { CodedError } from "../proto/errors.ts";

/** One address. The value has 32 or 128 bits, first byte highest. */
export interface IpAddress {
  readonly version: 4 | 6;
  readonly value: bigint;
}

/** One network. INVARIANT: the bits of `base` beyond `prefix` are zero. */
export interface Cidr {
  readonly version: 4 | 6;
  readonly base: bigint;
  /** Leading bits that all members share: 0 to 32, or 0 to 128. */
  readonly prefix: number;
}

/** A network that the program itself writes down is misspelt. */
export class InvalidCidrError extends CodedError {
  override readonly name = "InvalidCidrError";
  override readonly code = "invalid_argument";

  constructor(readonly text: string, options?: ErrorOptions) {
    super(`Cannot parse network "${text}": it is not an IP address or a CIDR`, options);
  }
}

/** Returns the address that the text spells, or `null` when it is not exactly one. */
export function parseIp(text: string): IpAddress | null {
  if (text.length > IP_TEXT_CHARS_MAX) return null;
  const version = text.includes(":") ? 6 : 4;
  const value = version === 6 ? parseIpv6(text) : parseIpv4(text);
  return value === null ? null : { version, value };
}

/** Returns dotted decimals, or the text of RFC 5952, with mapped IPv4 as `::ffff:192.0.2.1`. */
export function formatIp(ip: IpAddress): string {
  return ip.version === 4 ? formatIpv4(ip.value) : formatIpv6(ip.value);
}

/**
 * Returns the network that the text spells, or `null`. A bare address is the network of that one
 * address; host bits (`10.1.2.3/8`) are cleared.
 */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf("/");
  const ip = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (ip === null) return null;
  const width = widthOf(ip.version);
  const prefix = slash < 0 ? width : parseDecimal(text.slice(slash + 1), width);
  if (prefix === null) return null;
  const hostBits = BigInt(width - prefix);
  return { version: ip.version, base: (ip.value >> hostBits) << hostBits, prefix };
}

/**
 * Returns the network of a literal in the source code.
 *
 * @throws {InvalidCidrError} When the text is not a network.
 */
export function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === null) throw new InvalidCidrError(text);
  return cidr;
}

/** Returns canonical text that always has a prefix: `10.0.0.0/8`, `192.0.2.1/32`, `fd00::/8`. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIp({ version: cidr.version, value: cidr.base })}/${cidr.prefix}`;
}

/** Returns whether the address is a member. IPv4 and IPv6 never contain each other. */
export function cidrContains(cidr: Cidr, ip: IpAddress): boolean {
  if (cidr.version !== ip.version) return false;
  const hostBits = BigInt(widthOf(cidr.version) - cidr.prefix);
  return (ip.value >> hostBits) === (cidr.base >> hostBits);
}

/** Returns whether the networks share an address. Then one of them contains the other. */
export function cidrsOverlap(left: Cidr, right: Cidr): boolean {
  const [outer, inner] = left.prefix <= right.prefix ? [left, right] : [right, left];
  return cidrContains(outer, { version: inner.version, value: inner.base });
}

/** The longest spelling: eight groups of four digits, the last two as dotted decimals. */
const IP_TEXT_CHARS_MAX = 45;

const MAPPED_PREFIX = 0xffffn;

function widthOf(version: 4 | 6): number {
  return version === 4 ? 32 : 128;
}

function parseIpv4(text: string): bigint | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    const byte = parseDecimal(part, 255);
    if (byte === null) return null;
    value = value * 256 + byte;
  }
  return BigInt(value);
}

/** Returns a number of at most three digits, without sign or leading zero, up to `max`. */
function parseDecimal(text: string, max: number): number | null {
  if (text.length === 0 || text.length > 3) return null;
  if (text.length > 1 && text.startsWith("0")) return null;
  let value = 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return value <= max ? value : null;
}

function parseIpv6(text: string): bigint | null {
  const halves = text.split("::");
  const tail = parseGroups(halves.at(-1) ?? "");
  if (halves.length > 2 || tail === null) return null;
  if (halves.length === 1) return tail.length === 8 ? joinGroups(tail) : null;
  const headText = halves[0] ?? "";
  const head = headText.includes(".") ? null : parseGroups(headText);
  // `::` stands for one group of zeros or more (RFC 4291 section 2.2), not for none.
  if (head === null || head.length + tail.length > 7) return null;
  const zeros = new Array<number>(8 - head.length - tail.length).fill(0);
  return joinGroups([...head, ...zeros, ...tail]);
}

/** Returns the 16-bit groups of one side of `::`; only its end may be dotted decimals. */
function parseGroups(text: string): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes(".")) {
      const embedded = index === parts.length - 1 ? parseIpv4(part) : null;
      if (embedded === null) return null;
      groups.push(Number(embedded >> 16n), Number(embedded & 0xffffn));
      continue;
    }
    const group = parseGroup(part);
    if (group === null) return null;
    groups.push(group);
  }
  return groups;
}

function parseGroup(text: string): number | null {
  if (text.length === 0 || text.length > 4) return null;
  for (let i = 0; i < text.length; i += 1) {
    if (!isHexDigit(text.charCodeAt(i))) return null;
  }
  return Number.parseInt(text, 16);
}

function isHexDigit(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70);
}

function joinGroups(groups: readonly number[]): bigint {
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

function formatIpv4(value: bigint): string {
  const bits = Number(value);
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join(".");
}

function formatIpv6(value: bigint): string {
  if (value >> 32n === MAPPED_PREFIX) return `::ffff:${formatIpv4(value & 0xffff_ffffn)}`;
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn));
  const [start, length] = longestZeros(groups);
  const texts = groups.map((group) => group.toString(16));
  if (length < 2) return texts.join(":");
  return `${texts.slice(0, start).join(":")}::${texts.slice(start + length).join(":")}`;
}

/** Returns the first of the longest runs of zero groups, the one that RFC 5952 shortens. */
function longestZeros(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best[1]) best = [start, index + 1 - start];
  }
  return best;
}
