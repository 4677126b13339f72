/**
 * Gives a host from the wire its one spelling, or refuses it.
 *
 * A host that two programs could read as two places is refused, because the policy would judge
 * one of them and the resolver would find the other. Judged over bytes alone: a URL or IDNA
 * library maps full-width letters, ideographic dots and shortened IPv4 to something else than
 * what was sent, which is the confusion that this module rules out.
 *
 * - A name is ASCII, in lower case, without a trailing dot. Labels hold `a-z 0-9 - _`; a hyphen
 *   at an edge is accepted, since such names exist. Other scripts arrive as `xn--` labels.
 * - A name whose last label reads as a number (`127.1`, `0x7f.0.0.1`, `2130706433`,
 *   `0177.0.0.1`) has to be an IPv4 address of four plain decimals.
 * - IPv6, in brackets or bare, becomes the text of RFC 5952 without brackets.
 *
 * Pure: no I/O, no module state. One pass, and no allocation for a canonical name.
 *
 * @module
 */

import { HOST_BYTES_MAX, HOST_LABEL_BYTES_MAX } from "../../proto/limits.ts";
import { formatIp, parseIp } from "../ip.ts";

/** A canonical host and what it is, or one sentence that says why there is none. */
export type HostForm =
  | { readonly ok: true; readonly host: string; readonly kind: "name" | "ipv4" | "ipv6" }
  | { readonly ok: false; readonly detail: string };

/** Returns the one spelling of a host as it came from the wire, without its port. */
export function canonicalHost(raw: string | Uint8Array): HostForm {
  if (raw.length === 0) return refuse("The host is empty");
  if (raw.length > HOST_BYTES_MAX) {
    return refuse(`The host is longer than ${HOST_BYTES_MAX} bytes`);
  }
  const text = typeof raw === "string" ? raw : LATIN1.decode(raw);
  if (text.startsWith("[") || text.includes(":")) return canonicalIpv6(text);
  return canonicalName(text);
}

/** Leaves every byte beyond ASCII beyond ASCII, so that the scan refuses it. */
const LATIN1 = new TextDecoder("latin1");

const DOT = 0x2e;

function canonicalName(text: string): HostForm {
  let labelStart = 0;
  let hasUpperCase = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      const problem = labelProblem(i - labelStart);
      if (problem !== null) return refuse(problem);
      labelStart = i + 1;
    } else if (code >= 0x41 && code <= 0x5a) {
      hasUpperCase = true;
    } else if (!isLabelCode(code)) {
      return refuse(characterProblem(code));
    }
  }
  if (labelStart === text.length) return refuse("The host ends with a dot");
  const problem = labelProblem(text.length - labelStart);
  if (problem !== null) return refuse(problem);
  if (isNumeric(text, labelStart)) return canonicalIpv4(text);
  return { ok: true, host: hasUpperCase ? text.toLowerCase() : text, kind: "name" };
}

function canonicalIpv4(text: string): HostForm {
  const ip = parseIp(text);
  if (ip === null) {
    return refuse("The host ends in a number and is not an IPv4 address of four plain decimals");
  }
  return { ok: true, host: formatIp(ip), kind: "ipv4" };
}

function canonicalIpv6(text: string): HostForm {
  const isBracketed = text.startsWith("[");
  if (isBracketed && !text.endsWith("]")) {
    return refuse("The host has an opening bracket and does not end with the closing one");
  }
  const address = isBracketed ? text.slice(1, -1) : text;
  if (address.includes("%")) return refuse("The host is an IPv6 address with a zone identifier");
  const ip = parseIp(address);
  if (ip?.version !== 6) {
    return refuse("The host has brackets or colons and is not an IPv6 address");
  }
  return { ok: true, host: formatIp(ip), kind: "ipv6" };
}

/** Lower-case letters, digits, hyphen and underscore. */
function isLabelCode(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) ||
    code === 0x2d || code === 0x5f;
}

function labelProblem(length: number): string | null {
  if (length === 0) return "The host has an empty label";
  if (length <= HOST_LABEL_BYTES_MAX) return null;
  return `The host has a label that is longer than ${HOST_LABEL_BYTES_MAX} bytes`;
}

function characterProblem(code: number): string {
  if (code > 0x7f) return "The host has a character beyond ASCII, and its xn-- form is not given";
  if (code <= 0x20 || code === 0x7f) return "The host has white space or a control character";
  return `The host has the character ${String.fromCharCode(code)}, which no host name holds`;
}

/** Returns whether the last label is what some resolver reads as an IPv4 number. */
function isNumeric(text: string, start: number): boolean {
  const first = text.charCodeAt(start);
  if (first < 0x30 || first > 0x39) return false;
  const isHex = first === 0x30 && (text.charCodeAt(start + 1) | 0x20) === 0x78;
  for (let i = isHex ? start + 2 : start; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code >= 0x30 && code <= 0x39) continue;
    const letter = code | 0x20;
    if (!isHex || letter < 0x61 || letter > 0x66) return false;
  }
  return true;
}

function refuse(detail: string): HostForm {
  return { ok: false, detail };
}
