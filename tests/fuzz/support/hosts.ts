/**
 * Spellings of hosts and addresses, honest ones and others.
 *
 * @module
 */

import type { Chance } from "../../differential/generate.ts";

export const HOST_WORDS: readonly string[] = [
  ".",
  "..",
  "0x",
  "0X7f",
  "0177",
  "00",
  "::",
  "::ffff:",
  "[",
  "]",
  "%25eth0",
  "%",
  "-",
  "_",
  "xn--",
  "127",
  "169.254.169.254",
  "localhost",
  "\xe3\x80\x82",
  "\xef\xbc\x91",
  "\xad",
  "\t",
  " ",
  "\0",
  "@",
  "e9",
];

const NAMES = [
  "api.example.com",
  "API.Example.Com",
  "api.example.com.",
  "localhost",
  "a.localhost",
  "xn--bcher-kva.example",
  "a_b.example",
  "1.example",
  "example.1",
  "metadata.google.internal",
];

/** Addresses that are not for everybody, and some that are. */
const ADDRESSES = [
  [127, 0, 0, 1],
  [0, 0, 0, 0],
  [10, 0, 0, 5],
  [169, 254, 169, 254],
  [192, 168, 1, 1],
  [172, 16, 0, 1],
  [100, 64, 0, 1],
  [93, 184, 216, 34],
  [255, 255, 255, 255],
  [224, 0, 0, 1],
] as const;

const IPV6 = ["::1", "::", "fe80::1", "fd00::1", "2001:db8::1", "ff02::1", "2606:4700::1111"];

export function anyHost(chance: Chance): string {
  switch (chance.below(5)) {
    case 0:
      return chance.of(NAMES);
    case 1:
    case 2:
      return anyIpv4(chance);
    case 3:
      return `[${anyIpv6(chance)}]`;
    default:
      return anyIpv6(chance);
  }
}

/** Returns one of the many spellings of an IPv4 address that `inet_aton` reads. */
function anyIpv4(chance: Chance): string {
  const bytes: readonly number[] = chance.of(ADDRESSES);
  const parts = 1 + chance.below(4);
  const numbers = [
    ...bytes.slice(0, parts - 1),
    bytes.slice(parts - 1).reduce((sum, byte) => sum * 256 + byte, 0),
  ];
  return numbers.map((number) => spell(number, chance)).join(".") + (chance.once(12) ? "." : "");
}

function spell(number: number, chance: Chance): string {
  switch (chance.below(6)) {
    case 0:
      return `0${number.toString(8)}`;
    case 1:
      return `0x${number.toString(16)}`;
    case 2:
      return chance.once(2) ? `0X${number.toString(16).toUpperCase()}` : `00${number}`;
    default:
      return String(number);
  }
}

function anyIpv6(chance: Chance): string {
  const bytes: readonly number[] = chance.of(ADDRESSES);
  const dotted = bytes.join(".");
  const hex = [0, 2].map((at) => (bytes[at]! * 256 + bytes[at + 1]!).toString(16)).join(":");
  const prefix = chance.of(["::ffff:", "::", "64:ff9b::", "::ffff:0:", "0:0:0:0:0:FFFF:"]);
  switch (chance.below(5)) {
    case 0:
      return prefix + dotted;
    case 1:
      return prefix + hex;
    case 2:
      return chance.once(2) ? `2002:${hex}::1` : `fe80::5efe:${dotted}`;
    default:
      return chance.once(3) ? chance.of(IPV6).toUpperCase() : chance.of(IPV6);
  }
}

/**
 * Reads an IPv4 address as `inet_aton` of C libraries does: one to four numbers, decimal, octal or
 * hexadecimal, the last one filling what is left. `null` where it reads none.
 */
export function inetAton(text: string): number | null {
  const [head = ""] = text.split(/[ \t\n\v\f\r]/);
  const parts = head.split(".");
  if (parts.length > 4) return null;
  const numbers = parts.map((part) => {
    if (/^0[xX][0-9A-Fa-f]*$/.test(part)) return Number.parseInt(part.slice(2) || "0", 16);
    if (/^0[0-7]*$/.test(part)) return Number.parseInt(part, 8);
    return /^[1-9][0-9]*$/.test(part) ? Number(part) : NaN;
  });
  const last = numbers.pop() ?? NaN;
  if (numbers.some((number) => !(number <= 255)) || !(last < 256 ** (4 - numbers.length))) {
    return null;
  }
  return numbers.reduce((sum, number, index) => sum + number * 256 ** (3 - index), last);
}
