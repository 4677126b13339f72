/**
 * Attacks by what a request says: another host, another method, another spelling of a path.
 *
 * @module
 */

import type { Attack } from "../support/attack.ts";
import {
  type Case,
  H,
  HOST,
  httpAttack,
  inTunnel,
  OPEN,
  OPEN_LENGTH,
  REFUSED,
} from "./http_trials.ts";

const MISMATCH = "request_authority_mismatch";
const OTHER = "other.example.com";

const AUTHORITIES: readonly Case[] = [
  {
    id: "http-host-other",
    title: "Host names another host",
    sends: `GET /open/x?q=§ HTTP/1.1\r\nHost: ${OTHER}\r\n\r\n`,
    reason: MISMATCH,
  },
  {
    id: "http-host-twice",
    title: "two Host headers",
    sends: `GET /open/x?q=§ HTTP/1.1\r\n${H}Host: ${OTHER}\r\n\r\n`,
  },
  {
    id: "http-host-none",
    title: "no Host at all",
    sends: "GET /open/x?q=§ HTTP/1.1\r\n\r\n",
  },
  {
    id: "http-host-port",
    title: "Host with another port",
    sends: `GET /open/x?q=§ HTTP/1.1\r\nHost: ${HOST}:8443\r\n\r\n`,
    reason: MISMATCH,
    twin: inTunnel(
      `GET /open/x?q=§ HTTP/1.1\r\nHost: ${HOST}:443\r\nConnection: close\r\n\r\n`,
      /HTTP\/1\.1 200 /,
    ),
  },
  {
    id: "http-host-userinfo",
    title: "Host with a user name before it",
    sends: `GET /open/x?q=§ HTTP/1.1\r\nHost: ${HOST}@${OTHER}\r\n\r\n`,
  },
  {
    id: "http-host-list",
    title: "two hosts in one Host",
    sends: `GET /open/x?q=§ HTTP/1.1\r\nHost: ${HOST}, ${OTHER}\r\n\r\n`,
  },
  {
    id: "http-host-dot",
    title: "Host with a dot at its end",
    sends: `GET /open/x?q=§ HTTP/1.1\r\nHost: ${HOST}.\r\n\r\n`,
    reason: MISMATCH,
  },
  {
    id: "http-host-folded",
    title: "Host on a folded line",
    sends: `GET /open/x?q=§ HTTP/1.1\r\nHost:\r\n ${OTHER}\r\n\r\n`,
  },
  {
    id: "http-host-connection",
    title: "Connection names Host",
    sends: `GET /open/x?q=§ HTTP/1.1\r\n${H}Connection: host\r\n\r\n`,
  },
  {
    id: "http-absolute-other",
    title: "an absolute target of another host, Host as allowed",
    sends: `GET https://${OTHER}/open/x?q=§ HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "http-absolute-both",
    title: "an absolute target and Host of another host",
    sends: `GET https://${OTHER}/open/x?q=§ HTTP/1.1\r\nHost: ${OTHER}\r\n\r\n`,
    reason: MISMATCH,
  },
  {
    id: "http-absolute-scheme",
    title: "an absolute target of another scheme",
    sends: `GET http://${HOST}/open/x?q=§ HTTP/1.1\r\n${H}\r\n`,
    reason: MISMATCH,
    twin: inTunnel(
      `GET https://${HOST}/open/x?q=§ HTTP/1.1\r\n${H}Connection: close\r\n\r\n`,
      /HTTP\/1\.1 200 [^]*"target":"\/open\/x/,
    ),
  },
  {
    id: "http-absolute-userinfo",
    title: "an absolute target with a user name",
    sends: `GET https://${HOST}:443@${OTHER}/open/x?q=§ HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "http-forwarded-headers",
    title: "headers that some servers take for host or path",
    sends: `GET /open/x?q=§ HTTP/1.1\r\n${H}X-Original-URL: /secret\r\n\r\n`,
  },
  {
    id: "http-rewrite-header",
    title: "X-Rewrite-URL",
    sends: `GET /open/x?q=§ HTTP/1.1\r\n${H}X-Rewrite-URL: /secret\r\n\r\n`,
  },
];

const NOT_ALLOWED = "request_not_allowed";

const METHODS: readonly Case[] = [
  {
    id: "http-method-other",
    title: "another method",
    sends: `DELETE /open/x?q=§ HTTP/1.1\r\n${H}\r\n`,
    reason: NOT_ALLOWED,
    event: { method: "DELETE" },
    isAuditable: true,
  },
  {
    id: "http-method-lower",
    title: "a method in lower case",
    sends: `get /open/x?q=§ HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "http-method-custom",
    title: "a method that nobody knows",
    sends: `FROB /open/x?q=§ HTTP/1.1\r\n${H}\r\n`,
    reason: NOT_ALLOWED,
    event: { method: "FROB" },
    isAuditable: true,
  },
  {
    id: "http-method-trace",
    title: "TRACE, which echoes headers",
    sends: `TRACE /open/x?q=§ HTTP/1.1\r\n${H}\r\n`,
    reason: NOT_ALLOWED,
    event: { method: "TRACE" },
    isAuditable: true,
  },
  {
    id: "http-method-connect",
    title: "CONNECT inside of the tunnel",
    sends: `CONNECT ${OTHER}:443 HTTP/1.1\r\nHost: ${OTHER}:443\r\n\r\n`,
  },
  {
    id: "http-method-override",
    title: "X-HTTP-Method-Override",
    sends: `POST /open/in HTTP/1.1\r\n${H}X-HTTP-Method-Override: DELETE\r\n` +
      "Content-Length: 38\r\n\r\n§",
    twin: OPEN_LENGTH,
  },
  {
    id: "http-method-space",
    title: "a space inside of the method",
    sends: `GET DELETE /open/x?q=§ HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "http-method-prefix",
    title: "a tab instead of the space after the method",
    sends: `GET\t/open/x?q=§ HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "http-method-huge",
    title: "a method of thousands of letters",
    sends: `${"A".repeat(5000)} /open/x?q=§ HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "http-options-star",
    title: "OPTIONS *",
    sends: `OPTIONS * HTTP/1.1\r\n${H}X-Text: §\r\n\r\n`,
    reason: "invalid_path",
  },
];

/** Ways to a path that no rule allows, by a path that begins as allowed. */
const PATHS: readonly (readonly [id: string, title: string, path: string, reason?: string])[] = [
  ["dots", "dot segments", "/open/../secret", NOT_ALLOWED],
  ["dots-encoded", "encoded dots", "/open/%2e%2e/secret", NOT_ALLOWED],
  ["dots-half", "one dot encoded", "/open/.%2e/secret", NOT_ALLOWED],
  ["dots-params", "dots with a parameter", "/open/..;a/secret", NOT_ALLOWED],
  ["dots-root", "above the root", "/open/../../secret"],
  ["slash-encoded", "an encoded slash", "/open%2f..%2fsecret"],
  ["slash-dots", "dots before an encoded slash", "/open/..%2fsecret"],
  ["backslash", "a backslash", "/open/..\\secret"],
  ["backslash-encoded", "an encoded backslash", "/open/..%5csecret"],
  ["overlong", "overlong UTF-8 of a slash", "/open/..%c0%afsecret"],
  ["overlong-dots", "overlong UTF-8 of dots", "/open/%c0%ae%c0%ae/secret"],
  ["nul", "an encoded zero byte", "/open/x%00/../../secret"],
  ["crlf", "an encoded line end", "/open/x%0d%0aHost:%20other.example.com"],
  ["broken-escape", "a broken escape", "/open/%2"],
  ["unicode-escape", "an escape of another dialect", "/open/%u002e%u002e/secret"],
  ["fragment", "a fragment", "/open/x#/../../secret"],
  ["raw-8bit", "bytes beyond ASCII", "/open/\xe9"],
  ["case", "another case", "/OPEN/x", NOT_ALLOWED],
  ["empty-segments", "empty segments", "//secret//open/x", NOT_ALLOWED],
  ["dotted-prefix", "the allowed prefix, and more", "/opener/x", NOT_ALLOWED],
];

const PATH_CASES = PATHS.map(([id, title, path, reason = "invalid_path"]): Case => ({
  id: `http-path-${id}`,
  title,
  sends: `GET ${path}?q=§ HTTP/1.1\r\n${H}\r\n`,
  reason: id === "raw-8bit" ? "invalid_request" : reason,
  ...reason === NOT_ALLOWED && { isAuditable: true },
  twin: id.startsWith("dots")
    ? inTunnel(
      `GET /open/a/../b?q=§ HTTP/1.1\r\n${H}Connection: close\r\n\r\n`,
      /HTTP\/1\.1 200 [^]*"target":"\/open\/b\?/,
    )
    : OPEN,
}));

/** Ways around a rule that denies, inside of what is allowed. */
const DENIED: readonly (readonly [id: string, title: string, path: string])[] = [
  ["plain", "as it is", "/open/secret/x"],
  ["escaped", "with an escaped letter", "/open/%73ecret/x"],
  ["slashes", "with doubled slashes", "/open//secret///x"],
  ["dots", "by dots", "/open/a/../secret/x"],
  ["params", "with parameters", "/open/secret;v=1/x"],
  ["dot", "with single dots", "/open/./secret/./x"],
];

const DENIED_CASES = DENIED.map(([id, title, path]): Case => ({
  id: `http-deny-${id}`,
  title: `a path that a rule denies, ${title}`,
  sends: `GET ${path}?q=§ HTTP/1.1\r\n${H}\r\n`,
  reason: "denied_by_rule",
  event: { path: "/open/secret/x" },
  isAuditable: true,
}));

const HEADS: readonly Case[] = [
  {
    id: "http-head-huge",
    title: "a header of 32 KiB",
    sends: `GET /open/x HTTP/1.1\r\n${H}X-Text: ${"a".repeat(32_768)}§\r\n\r\n`,
    reason: "request_too_large",
  },
  {
    id: "http-head-many",
    title: "a thousand headers",
    sends: `GET /open/x?q=§ HTTP/1.1\r\n${H}${"A: b\r\n".repeat(1000)}\r\n`,
    reason: "request_too_large",
  },
  {
    id: "http-host-nul",
    title: "a zero byte in Host",
    sends: "GET /open/x?q=§ HTTP/1.1\r\nHost: api.example.com\x00.example.org\r\n\r\n",
  },
  {
    id: "http-header-control",
    title: "escapes of a terminal in a header's name",
    sends: `GET /open/x?q=§ HTTP/1.1\r\n${H}X\x1b[2J: a\r\n\r\n`,
  },
  {
    id: "http-h2c",
    title: "an upgrade to HTTP/2",
    sends: `GET /open/x?q=§ HTTP/1.1\r\n${H}Connection: Upgrade, HTTP2-Settings\r\n` +
      "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    reason: "unsupported_protocol",
  },
  {
    id: "http-websocket",
    title: "an upgrade to WebSocket, and frames behind it",
    sends: `GET /open/x?q=§ HTTP/1.1\r\n${H}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" +
      "\x81\xa6\x00\x00\x00\x00§",
    reason: "unsupported_protocol",
    shows: REFUSED,
  },
  {
    id: "http-h2-preface",
    title: "HTTP/2 inside of TLS, unasked",
    sends: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00§",
    reason: "unsupported_protocol",
  },
];

export const REQUEST_ATTACKS: readonly Attack[] = [
  ...AUTHORITIES,
  ...METHODS,
  ...PATH_CASES,
  ...DENIED_CASES,
  ...HEADS,
].map(httpAttack);
