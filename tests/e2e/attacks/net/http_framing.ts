/**
 * Attacks by framing: where a message ends for one reader, and does not for another.
 *
 * @module
 */

import type { Attack } from "../support/attack.ts";
import {
  type Case,
  H,
  httpAttack,
  OPEN_CHUNKS,
  OPEN_LENGTH,
  OPEN_TWICE,
  SMUGGLED,
} from "./http_trials.ts";

const POST = `POST /open/in HTTP/1.1\r\n${H}`;

/** Lengths and codings that two readers may take differently; a smuggled request follows. */
const LENGTHS: readonly (readonly [id: string, title: string, headers: string])[] = [
  ["cl-te", "length and chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked"],
  ["te-cl", "chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 4"],
  ["te-xchunked", "a coding that ends in chunked", "Transfer-Encoding: xchunked"],
  ["te-twice", "chunked and identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"],
  ["te-list", "identity, chunked", "Transfer-Encoding: identity, chunked"],
  ["te-tab", "a vertical tab before chunked", "Transfer-Encoding: \x0bchunked"],
  ["te-fold", "a folded coding", "Transfer-Encoding:\r\n chunked"],
  ["te-space-colon", "a space before the colon", "Transfer-Encoding : chunked"],
  ["te-underscore", "Transfer_Encoding", "Transfer_Encoding: chunked"],
  ["te-quoted", "a quoted coding", 'Transfer-Encoding: "chunked"'],
  [
    "te-case-length",
    "Chunked in capitals with a length",
    "Transfer-Encoding: CHUNKED\r\nContent-Length: 0",
  ],
  ["te-nul", "a zero byte in a header", "Transfer-Encoding: chunked\x00"],
  ["te-bare-cr", "a bare carriage return hides it", "X: a\rTransfer-Encoding: chunked"],
  ["te-bare-lf", "a bare line feed hides it", "X: a\nTransfer-Encoding: chunked"],
  ["cl-twice", "two lengths", "Content-Length: 0\r\nContent-Length: 60"],
  ["cl-same-twice", "one length twice", "Content-Length: 5\r\nContent-Length: 5"],
  ["cl-list", "a list of lengths", "Content-Length: 0, 60"],
  ["cl-plus", "a length with a sign", "Content-Length: +5"],
  ["cl-hex", "a length in hexadecimal", "Content-Length: 0x5"],
  ["cl-negative", "a negative length", "Content-Length: -1"],
  ["cl-octal", "a length with a zero before it", "Content-Length: 010"],
  ["cl-huge", "a length beyond all numbers", "Content-Length: 18446744073709551616"],
  [
    "cl-connection",
    "Connection names Content-Length",
    "Content-Length: 5\r\nConnection: content-length",
  ],
  ["cl-underscore", "Content_Length", "Content_Length: 5"],
];

const LENGTH_CASES = LENGTHS.map(([id, title, headers]): Case => ({
  id: `http-${id}`,
  title,
  sends: `${POST}${headers}\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  twin: headers.includes("Content") ? OPEN_LENGTH : OPEN_CHUNKS,
}));

/** Chunks that two readers may take differently. The head is allowed, and its body fails. */
const CHUNKS: readonly (readonly [id: string, title: string, body: string])[] = [
  ["extension", "an extension", "1;a=b\r\nx\r\n0\r\n\r\n"],
  ["extension-lf", "an extension that ends in a bare line feed", "1;a\nx\r\n0\r\n\r\n"],
  ["overlong", "a size of seventeen digits", "00000000000000001\r\nx\r\n0\r\n\r\n"],
  ["overflow", "a size that wraps around", "ffffffffffffffff1\r\nx\r\n0\r\n\r\n"],
  ["negative", "a negative size", "-1\r\nx\r\n0\r\n\r\n"],
  ["space", "a space before the size", " 1\r\nx\r\n0\r\n\r\n"],
  ["prefix", "a size with 0x", "0x1\r\nx\r\n0\r\n\r\n"],
  ["line-feed", "line feeds alone", "1\nx\n0\n\n"],
  ["no-end", "more bytes than the size says", "1\r\nxyz\r\n0\r\n\r\n"],
  ["empty-size", "no size at all", "\r\nx\r\n0\r\n\r\n"],
  ["trailer-host", "a trailer Host", "0\r\nHost: other.example.com\r\n\r\n"],
  ["trailer-length", "a trailer Content-Length", "0\r\nContent-Length: 60\r\n\r\n"],
  ["trailer-fold", "a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"],
  ["trailer-endless", "trailers without end", `0\r\n${`X: ${"a".repeat(90)}\r\n`.repeat(60)}\r\n`],
];

const CHUNK_CASES = CHUNKS.map(([id, title, body]): Case => ({
  id: `http-chunk-${id}`,
  title: `chunks: ${title}`,
  sends: `${POST}Transfer-Encoding: chunked\r\n\r\n${body}${SMUGGLED}`,
  event: { method: "POST", verdict: "allowed" },
  shows: /^connect 200\n(HTTP\/1\.1 4\d\d [^]*|\s*<\w+>)?$/,
  twin: OPEN_CHUNKS,
}));

const NOT_ALLOWED = "request_not_allowed";

const PIPELINES: readonly Case[] = [
  {
    id: "http-pipeline",
    title: "an allowed request and another in one write",
    sends: `GET /open/first HTTP/1.1\r\n${H}\r\n${SMUGGLED}`,
    reason: NOT_ALLOWED,
    event: { method: "GET", path: "/secret" },
    shows: /^connect 200\nHTTP\/1\.1 200 [^]*HTTP\/1\.1 403 /,
    twin: OPEN_TWICE,
    isAuditable: true,
  },
  {
    id: "http-get-body",
    title: "a request as the body of a GET",
    sends: `GET /open/first HTTP/1.1\r\n${H}Content-Length: 0\r\n\r\n${SMUGGLED}`,
    reason: NOT_ALLOWED,
    event: { method: "GET", path: "/secret" },
    shows: /^connect 200\nHTTP\/1\.1 200 [^]*HTTP\/1\.1 403 /,
    twin: OPEN_TWICE,
    isAuditable: true,
  },
  {
    id: "http-after-denial",
    title: "an allowed request after a refused one, on the same connection",
    sends: `GET /secret HTTP/1.1\r\n${H}\r\nGET /open/after?q=§ HTTP/1.1\r\n${H}\r\n`,
    reason: NOT_ALLOWED,
    event: { method: "GET", path: "/secret" },
    isAuditable: true,
    twin: OPEN_TWICE,
  },
  {
    id: "http-blank-line",
    title: "blank lines before the request",
    sends: `\r\n\r\n${SMUGGLED}`,
    shows: /^connect 200\n(?![^]*HTTP\/1\.1 200)/,
  },
  {
    id: "http-09",
    title: "a request of HTTP/0.9",
    sends: "GET /secret?q=§\r\n\r\n",
  },
  {
    id: "http-20-line",
    title: "HTTP/2.0 in the request line",
    sends: `GET /open/x?q=§ HTTP/2.0\r\n${H}\r\n`,
    reason: "unsupported_protocol",
  },
  {
    id: "http-12-line",
    title: "HTTP/1.2 in the request line",
    sends: `GET /open/x?q=§ HTTP/1.2\r\n${H}\r\n`,
    reason: "unsupported_protocol",
  },
  {
    id: "http-10-chunked",
    title: "chunks on HTTP/1.0",
    sends: `POST /open/in HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
    twin: OPEN_CHUNKS,
  },
  {
    id: "http-expect-odd",
    title: "an expectation that nobody knows",
    sends: `POST /open/in HTTP/1.1\r\n${H}Expect: 200-ok\r\nContent-Length: 38\r\n\r\n§`,
    twin: OPEN_LENGTH,
  },
  {
    id: "http-expect-smuggle",
    title: "a request in place of the body that was announced",
    sends:
      `POST /open/in HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`,
    reason: NOT_ALLOWED,
    event: { method: "GET", path: "/secret" },
    shows: /HTTP\/1\.1 200 [^]*HTTP\/1\.1 403 /,
    twin: OPEN_LENGTH,
    isAuditable: true,
  },
];

export const FRAMING_ATTACKS: readonly Attack[] = [
  ...LENGTH_CASES,
  ...CHUNK_CASES,
  ...PIPELINES,
].map(httpAttack);
