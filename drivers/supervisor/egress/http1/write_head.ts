/**
 * Writes heads: a request's to the upstream, a response's to the client.
 *
 * Nothing that was sent about this connection or about framing goes on; it is made anew from what
 * was understood. Target and authority are the caller's: those that were judged.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { type Authority, formatAuthority, type Scheme } from "./authority.ts";
import { type HeaderField, isFieldValue, isToken } from "./header_fields.ts";
import { UnwritableHeadError } from "./http1_error.ts";
import type { RequestHead } from "./request_head.ts";
import type { ResponseFraming, ResponseHead } from "./response_head.ts";

/** About one connection, or made anew here. `proxy-*` is left out as well. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const UTF8 = new TextEncoder();

/** A path and query of visible ASCII without a fragment. */
const ORIGIN_FORM = /^\/[\x21\x22\x24-\x7e]*$/;

/** A name, an IPv4 address, or an IPv6 address without brackets. */
const HOST = /^[a-z0-9_.:-]+$/;

export interface RequestHeadOptions {
  /** Canonical path, with `?` and the query as sent. */
  readonly target: string;
  readonly authority: Authority;
  readonly scheme: Scheme;
  /** Tells the upstream that no further request follows. */
  readonly closes: boolean;
  /** Another protocol that the upstream is asked for; the connection is not closed then. */
  readonly upgradesTo?: string | undefined;
}

/**
 * Returns the head of a request as it goes upstream, always as HTTP/1.1.
 *
 * @throws {UnwritableHeadError} when the target or the authority is not canonical.
 */
export function writeRequestHead(head: RequestHead, options: RequestHeadOptions): Uint8Array {
  const { target, authority, scheme, closes, upgradesTo } = options;
  if (!ORIGIN_FORM.test(target)) throw new UnwritableHeadError("target");
  if (!HOST.test(authority.host)) throw new UnwritableHeadError("authority");
  let text = `${head.method} ${target} HTTP/1.1\r\n`;
  text += `Host: ${formatAuthority(authority, scheme)}\r\n`;
  text += writePassedOn(head.fields, head.connectionTokens);
  text += writeFraming(head.framing);
  if (head.expectsContinue) text += "Expect: 100-continue\r\n";
  if (upgradesTo !== undefined) text += writeUpgrade(upgradesTo);
  else if (closes) text += "Connection: close\r\n";
  return UTF8.encode(`${text}\r\n`);
}

/** Returns the head of an answer that switches to another protocol. */
export function writeSwitchHead(head: ResponseHead, protocol: string): Uint8Array {
  const fields = writePassedOn(head.fields, head.connectionTokens);
  return UTF8.encode(
    `HTTP/1.1 101 Switching Protocols\r\n${fields}${writeUpgrade(protocol)}\r\n`,
  );
}

export interface ResponseHeadOptions {
  /** How the client finds the end: not always as the upstream said it. */
  readonly framing: ResponseFraming;
  /** Tells the client that the connection ends after the response. */
  readonly closes: boolean;
}

/** Returns the head of a response as it goes to the client. */
export function writeResponseHead(head: ResponseHead, options: ResponseHeadOptions): Uint8Array {
  let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  text += writePassedOn(head.fields, head.connectionTokens);
  text += head.unsentBytes === null
    ? writeFraming(options.framing)
    : `Content-Length: ${head.unsentBytes}\r\n`;
  if (options.closes) text += "Connection: close\r\n";
  return UTF8.encode(`${text}\r\n`);
}

/**
 * Returns header lines that OpenShell itself makes.
 *
 * @throws {UnwritableHeadError} when one would end its line early.
 */
export function writeFields(fields: readonly HeaderField[]): string {
  let text = "";
  for (const [name, value] of fields) {
    if (!isToken(name) || !isFieldValue(value)) throw new UnwritableHeadError("header");
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

function writePassedOn(fields: readonly HeaderField[], named: ReadonlySet<string>): string {
  let text = "";
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    if (NOT_PASSED_ON.has(key) || key.startsWith("proxy-") || named.has(key)) continue;
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

function writeUpgrade(protocol: string): string {
  return writeFields([["Connection", "Upgrade"], ["Upgrade", protocol]]);
}

function writeFraming(framing: ResponseFraming): string {
  if (framing.kind === "length") return `Content-Length: ${framing.bytes}\r\n`;
  return framing.kind === "chunked" ? "Transfer-Encoding: chunked\r\n" : "";
}
