import assert from "node:assert/strict";
import { parseRequestHead } from "../http1/request_head.ts";
import { parseResponseHead } from "../http1/response_head.ts";
import { type Handshake, isAnswerTo, readHandshake } from "./handshake.ts";
import { ACCEPT, handshake, KEY, switching } from "./websocket_fixture.ts";

function read(text: string) {
  const form = parseRequestHead(new TextEncoder().encode(text));
  assert.ok(form.ok);
  return readHandshake(form.head);
}

function valid(headers = ""): Handshake {
  const form = read(handshake({ headers }));
  assert.ok(form.ok);
  return form.handshake;
}

Deno.test("readHandshake() takes one in order, without its extensions", () => {
  const { accept, protocols, fields } = valid(
    "Sec-WebSocket-Protocol: chat, v2.json\r\nsec-websocket-extensions: permessage-deflate\r\n" +
      "Sec-WebSocket-Extensions: x\r\nOrigin: https://a.example\r\n",
  );
  assert.equal(accept, ACCEPT);
  assert.deepEqual(protocols, ["chat", "v2.json"]);
  assert.deepEqual(
    fields.map(([name]) => name).filter((name) => /^(sec|origin)/i.test(name)),
    ["Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Origin"],
  );
});

Deno.test("readHandshake() takes a list of options, and any case", () => {
  const text = handshake().replace("Connection: Upgrade", "connection: keep-alive, upgrade")
    .replace("Upgrade: websocket", "UPGRADE: WebSocket");
  assert.ok(read(text).ok);
});

const key = (value: string) => (text: string) => text.replace(KEY, value);
const swap = (from: string, to: string) => (text: string) => text.replace(from, to);
const add = (line: string) => (text: string) => text.replace(/\r\n$/, `${line}\r\n\r\n`);

Deno.test.each([
  { name: "another method", change: swap("GET", "POST"), want: "not_get" },
  { name: "HTTP/1.0", change: swap("HTTP/1.1", "HTTP/1.0"), want: "not_http11" },
  { name: "a body", change: add("Content-Length: 1"), want: "has_body" },
  { name: "a body in chunks", change: add("Transfer-Encoding: chunked"), want: "has_body" },
  {
    name: "no option",
    change: swap("Connection: Upgrade\r\n", ""),
    want: "invalid_connection",
  },
  {
    name: "further options",
    change: swap("Connection: Upgrade", "Connection: Upgrade, Sec-WebSocket-Key"),
    want: "invalid_connection",
  },
  { name: "another protocol", change: swap("websocket", "h2c"), want: "invalid_upgrade" },
  {
    name: "several protocols",
    change: swap("Upgrade: websocket", "Upgrade: websocket, h2c"),
    want: "invalid_upgrade",
  },
  { name: "two upgrades", change: add("Upgrade: websocket"), want: "invalid_upgrade" },
  { name: "no key", change: swap("Sec-WebSocket-Key", "X-Key"), want: "invalid_key" },
  { name: "two keys", change: add(`Sec-WebSocket-Key: ${KEY}`), want: "invalid_key" },
  { name: "a key of 15 bytes", change: key("AAAAAAAAAAAAAAAAAAAA"), want: "invalid_key" },
  { name: "a key of 17 bytes", change: key("AAAAAAAAAAAAAAAAAAAAAAA="), want: "invalid_key" },
  { name: "a key with loose bits", change: key("AAAAAAAAAAAAAAAAAAAAAB=="), want: "invalid_key" },
  { name: "a key that is none", change: key("dGhlIHNhbXBsZSBub25j*Q=="), want: "invalid_key" },
  { name: "version 8", change: swap("13", "8"), want: "unsupported_version" },
  { name: "two versions", change: swap("13", "13, 8"), want: "unsupported_version" },
  {
    name: "two headers of versions",
    change: add("Sec-WebSocket-Version: 13"),
    want: "unsupported_version",
  },
  {
    name: "a subprotocol twice",
    change: add("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a"),
    want: "invalid_protocols",
  },
  {
    name: "an empty subprotocol",
    change: add("Sec-WebSocket-Protocol: a,,b"),
    want: "invalid_protocols",
  },
  {
    name: "a subprotocol that is no token",
    change: add("Sec-WebSocket-Protocol: a b"),
    want: "invalid_protocols",
  },
])("readHandshake() refuses $name", ({ change, want }) => {
  const form = read(change(handshake()));
  assert.equal(!form.ok && form.problem, want);
});

const PROTOCOLS = "Sec-WebSocket-Protocol: chat, v2\r\n";

Deno.test.each([
  { name: "a plain one", answer: switching(), want: true },
  {
    name: "one of the subprotocols",
    answer: switching("Sec-WebSocket-Protocol: v2\r\n"),
    want: true,
  },
  { name: "any case", answer: switching().replace("websocket", "WebSocket"), want: true },
  { name: "another hash", answer: switching("", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="), want: false },
  {
    name: "two hashes",
    answer: switching(`Sec-WebSocket-Accept: ${ACCEPT}\r\n`),
    want: false,
  },
  {
    name: "no hash",
    answer: switching().replace("Sec-WebSocket-Accept", "X-Accept"),
    want: false,
  },
  {
    name: "an extension",
    answer: switching("Sec-WebSocket-Extensions: permessage-deflate\r\n"),
    want: false,
  },
  {
    name: "a subprotocol that was not offered",
    answer: switching("Sec-WebSocket-Protocol: v3\r\n"),
    want: false,
  },
  { name: "both subprotocols", answer: switching(PROTOCOLS), want: false },
  {
    name: "a subprotocol in another case",
    answer: switching("Sec-WebSocket-Protocol: V2\r\n"),
    want: false,
  },
  { name: "another protocol", answer: switching().replace("websocket", "h2c"), want: false },
  {
    name: "no option",
    answer: switching().replace("Connection: Upgrade\r\n", ""),
    want: false,
  },
  { name: "a body", answer: switching("Content-Length: 1\r\n"), want: false },
  { name: "HTTP/1.0", answer: switching().replace("HTTP/1.1", "HTTP/1.0"), want: false },
  { name: "another status", answer: switching().replace("101", "200"), want: false },
])("isAnswerTo() judges $name", ({ answer, want }) => {
  const context = { method: "GET", allowsSwitch: true };
  const form = parseResponseHead(new TextEncoder().encode(answer), context);
  assert.ok(form.ok);
  assert.equal(isAnswerTo(valid(PROTOCOLS), form.head), want);
});
