/**
 * Writes a complete response of OpenShell's own: a denial, or that something failed.
 *
 * Each says `Connection: close`, because what the client sends next was not asked for any more.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import type { HeaderField } from "./header_fields.ts";
import { UnwritableHeadError } from "./http1_error.ts";
import { writeFields } from "./write_head.ts";

/** A response whose body is there as a whole. */
export interface CompleteResponse {
  readonly status: number;
  /** Without framing and `Connection`, which are added. */
  readonly headers: readonly HeaderField[];
  readonly body: Uint8Array;
}

const UTF8 = new TextEncoder();

/** Phrases of the statuses that the proxy answers with. Others go without. */
const REASON_PHRASES: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  411: "Length Required",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** Returns a response with a JSON body. */
export function jsonResponse(
  status: number,
  value: unknown,
  headers: readonly HeaderField[] = [],
): CompleteResponse {
  return {
    status,
    headers: [["Content-Type", "application/json"], ...headers],
    body: UTF8.encode(JSON.stringify(value)),
  };
}

/** Returns a response without a body. */
export function bareResponse(status: number): CompleteResponse {
  return { status, headers: [], body: new Uint8Array(0) };
}

/**
 * Returns the bytes of a response. One to `HEAD` has no body.
 *
 * @throws {UnwritableHeadError} when a header would end its line early or is about framing.
 */
export function encodeResponse(response: CompleteResponse, method = "GET"): Uint8Array {
  const { status, headers, body } = response;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new UnwritableHeadError("status");
  }
  const isFraming = headers.some(([name]) =>
    ["connection", "content-length", "transfer-encoding"].includes(name.toLowerCase())
  );
  if (isFraming) throw new UnwritableHeadError("header");
  const head = UTF8.encode(
    `HTTP/1.1 ${status} ${REASON_PHRASES[status] ?? ""}\r\n${writeFields(headers)}` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
  );
  if (method === "HEAD" || body.length === 0) return head;
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
