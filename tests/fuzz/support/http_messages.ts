/**
 * Requests and responses as programs and attackers write them, as texts whose characters are bytes.
 *
 * @module
 */

import type { Chance } from "../../differential/generate.ts";

/** What HTTP readers tell apart, or should. */
export const HTTP_WORDS: readonly string[] = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "\n\n",
  "\r\n ",
  "\r\n\t",
  " ",
  "\t",
  "\x0b",
  "\x0c",
  "\0",
  "\x85",
  "\xa0",
  "\xc2\xa0",
  ":",
  " :",
  ";",
  ",",
  "Transfer-Encoding: chunked\r\n",
  "transfer-encoding:chunked\r\n",
  "Transfer_Encoding: chunked\r\n",
  "Transfer-Encoding: gzip, chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "Transfer-Encoding: \x0bchunked\r\n",
  "Content-Length: 0\r\n",
  "Content-Length: 4\r\n",
  "Content-Length: +4\r\n",
  "Content-Length: 4, 4\r\n",
  "Content-Length: 0x4\r\n",
  "Content-Length: 04\r\n",
  "content_length: 44\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive, Host\r\n",
  "Connection: Content-Length\r\n",
  "Connection: upgrade\r\nUpgrade: websocket\r\n",
  "Expect: 100-continue\r\n",
  "Host: api.example.com\r\n",
  "Host: other.example.com\r\n",
  "X-HTTP-Method-Override: DELETE\r\n",
  "X-Original-URL: /secret/key\r\n",
  "GET /secret/key HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
  "DELETE /public HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
  "0\r\n\r\n",
  "1\r\na\r\n0\r\n\r\n",
  "5;a=b\r\nhello\r\n",
  "ffffffffffffffff\r\n",
  "HTTP/1.0",
  "HTTP/1.1",
  "HTTP/2.0",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "http://api.example.com",
  "http://other.example.com",
  "%2f",
  "%2e",
  "%5c",
  "/..;/",
  "/../secret/key",
  "//secret/key",
  "#",
  "?",
  "@",
];

const METHODS = ["GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "X-Y"];

const PATHS = [
  "/",
  "/public",
  "/public/a",
  "/public/a?b=c&b=d",
  "/secret/key",
  "/secret",
  "/public/../secret/key",
  "/public/%2e%2e/secret/key",
  "/public%2Fkey",
  "/secret%2Fkey",
  "//secret//key",
  "/./secret/key",
  "/s%65cret/key",
  "/SECRET/key",
  "/secret;a/key",
  "/public;/..;b/secret/key",
  "/public/%252e%252e/secret/key",
  "/public?/../secret/key",
  "/%5csecret/key",
  "/\\secret\\key",
  "*",
];

const FIELDS = [
  "Accept: */*",
  "User-Agent: fuzz/1",
  "X-Empty:",
  "X-Space:  a b\t ",
  "X-Text: \xc3\xa4",
  "Cookie: a=b; c=d",
  "Connection: keep-alive",
  "Connection: close",
  "Connection: x-space, close",
  "Keep-Alive: timeout=5",
  "Proxy-Connection: keep-alive",
  "TE: trailers",
  "Expect: 100-continue",
  "X-HTTP-Method-Override: DELETE",
  "X-Original-URL: /secret/key",
];

export interface RequestOptions {
  readonly host: string;
  /** Before absolute targets, as `http://api.example.com`. */
  readonly origin: string;
  /** Always in absolute form. */
  readonly isAbsolute?: boolean;
}

/** Returns a request, mostly a valid one. */
export function anyRequest(chance: Chance, options: RequestOptions): string {
  const { host, origin, isAbsolute = chance.once(8) } = options;
  const method = chance.of(METHODS);
  const path = chance.of(PATHS);
  const target = isAbsolute ? `${origin}${path === "*" ? "" : path}` : path;
  const fields = [`Host: ${host}`, ...chance.some(0, 4, () => chance.of(FIELDS))];
  const [framing, body] = anyBody(chance, method === "GET" ? 4 : 1);
  if (framing !== "") fields.splice(chance.below(fields.length + 1), 0, framing);
  const version = chance.once(12) ? "HTTP/1.0" : "HTTP/1.1";
  return `${method} ${target} ${version}\r\n${fields.join("\r\n")}\r\n\r\n${body}`;
}

/** Returns a response, mostly a valid one. */
export function anyResponse(chance: Chance): string {
  const status = chance.of(["200 OK", "200", "204 No Content", "304 Not", "404 \xc3\xa4", "500 "]);
  const interim = chance.once(6) ? "HTTP/1.1 100 Continue\r\n\r\n" : "";
  const fields = chance.some(0, 4, () => chance.of(FIELDS));
  const [framing, body] = anyBody(chance, 1);
  if (framing !== "") fields.push(framing);
  else fields.push(chance.of(["X-A: b", "Connection: close"]));
  const version = chance.once(12) ? "HTTP/1.0" : "HTTP/1.1";
  return `${interim}${version} ${status}\r\n${fields.join("\r\n")}\r\n\r\n${body}`;
}

function anyBody(chance: Chance, rarity: number): readonly [framing: string, body: string] {
  if (!chance.once(rarity)) return ["", ""];
  const pieces = chance.some(0, 3, () => chance.of(PIECES));
  if (chance.once(3)) return ["", ""];
  if (chance.once(2)) {
    const body = pieces.join("");
    return [`Content-Length: ${body.length}`, body];
  }
  const trailer = chance.once(5) ? "X-Trailer: a\r\n" : "";
  return ["Transfer-Encoding: chunked", `${pieces.map(chunk).join("")}0\r\n${trailer}\r\n`];
}

/** Returns one chunk with its framing. */
export function chunk(piece: string): string {
  return `${piece.length.toString(16)}\r\n${piece}\r\n`;
}

/** Bodies that look like what comes after them. */
const PIECES = [
  "a",
  "hello",
  "0\r\n\r\n",
  "GET /secret/key HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
  "\r\n\r\n",
  "b".repeat(300),
];
