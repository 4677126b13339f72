/**
 * Request methods and their numbers in the image.
 *
 * The known ones are those of the IANA HTTP Method Registry, plus `WEBSOCKET_TEXT` for a client
 * text message of an upgraded connection. Others can be asked for, but only `*` matches them.
 *
 * @module
 */

import { METHOD_GET, METHOD_OTHER, METHOD_POST, METHOD_WEBSOCKET_TEXT } from "./assembly/format.ts";

/** In the order of their numbers: append only. `GET` and `HEAD` come first. */
const REGISTERED: readonly string[] = [
  ..."GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT ACL BASELINE-CONTROL BIND CHECKIN".split(
    " ",
  ),
  ..."CHECKOUT COPY LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF".split(" "),
  ..."MKWORKSPACE MOVE ORDERPATCH PRI PROPFIND PROPPATCH QUERY REBIND REPORT SEARCH UNBIND".split(
    " ",
  ),
  ..."UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL".split(" "),
];

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ...REGISTERED.map((name, number) => [name, number] as const),
  ["WEBSOCKET_TEXT", METHOD_WEBSOCKET_TEXT] as const,
]);

/** A token of RFC 9110 section 5.6.2, bounded like a header name would be. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;

/** Names that a rule may write, upper case, besides `*`. */
export const KNOWN_METHODS: readonly string[] = [...NUMBERS.keys()];

/** A tunnel inside a tunnel, and the preface of HTTP/2: no requests that can be judged. */
const NEVER_JUDGED: ReadonlySet<string> = new Set(["CONNECT", "PRI"]);

/** Returns the number of a method in any case, `null` for what is no request to judge. */
export function methodNumber(method: string): number | null {
  // Most requests have one of these, and a comparison is faster than a look-up.
  if (method === "GET") return METHOD_GET;
  if (method === "POST") return METHOD_POST;
  // Before the upper case, in which some other letters become ASCII.
  if (!TOKEN.test(method)) return null;
  const name = method.toUpperCase();
  if (NEVER_JUDGED.has(name)) return null;
  return NUMBERS.get(name) ?? METHOD_OTHER;
}

/** A set of method numbers as two words. */
export interface MethodSet {
  readonly low: number;
  readonly high: number;
}

export const ALL_METHODS: MethodSet = { low: 0xffffffff, high: 0xffffffff };

/** Returns the methods that a rule's method covers: `GET` implies `HEAD`. */
export function methodSet(method: string): MethodSet {
  if (method === "*") return ALL_METHODS;
  const number = NUMBERS.get(method);
  if (number === undefined) return { low: 0, high: 0 };
  const bit = (1 << (number & 31)) >>> 0;
  if (number >= 32) return { low: 0, high: bit };
  return { low: method === "GET" ? 0b11 : bit, high: 0 };
}

/** Returns the methods of one set that are not in the other. */
export function without(set: MethodSet, removed: MethodSet): MethodSet {
  return { low: (set.low & ~removed.low) >>> 0, high: (set.high & ~removed.high) >>> 0 };
}

export function isEmptySet(set: MethodSet): boolean {
  return set.low === 0 && set.high === 0;
}
