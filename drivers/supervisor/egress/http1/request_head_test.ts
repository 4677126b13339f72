import assert from "node:assert/strict";
import fc from "fast-check";
import {
  HTTP_HEAD_BYTES_MAX,
  HTTP_HEADERS_MAX,
  HTTP_METHOD_BYTES_MAX,
} from "../../../../proto/egress_limits.ts";
import { parseRequestHead, type RequestHead } from "./request_head.ts";
import { writeRequestHead } from "./write_head.ts";

const UTF8 = new TextEncoder();

/** One byte per character, so that rows can hold any byte. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function accept(text: string): RequestHead {
  const form = parseRequestHead(bytesOf(text));
  assert.ok(form.ok, form.ok ? "" : form.problem);
  return form.head;
}

/** A request of 1.1 with `Host` and the lines given. */
function get(...lines: readonly string[]): string {
  return ["GET / HTTP/1.1", "Host: h", ...lines, "", ""].join("\r\n");
}

function post(...lines: readonly string[]): string {
  return get(...lines).replace("GET", "POST");
}

const LONG_TOKEN = "A".repeat(HTTP_METHOD_BYTES_MAX);

Deno.test.each([
  { name: "a plain request", text: get(), want: {} },
  { name: "a query", text: "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n", want: { target: "/a?b=c" } },
  { name: "a port", text: "GET / HTTP/1.1\r\nHost: h:81\r\n\r\n", want: { host: "h:81" } },
  { name: "IPv6", text: "GET / HTTP/1.1\r\nHost: [::1]:81\r\n\r\n", want: { host: "[::1]:81" } },
  { name: "1.0 without a host", text: "GET / HTTP/1.0\r\n\r\n", want: { host: null } },
  { name: "1.0 as its last", text: "GET / HTTP/1.0\r\n\r\n", want: { keepAlive: false } },
  {
    name: "1.0 with keep-alive as its last",
    text: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    want: { keepAlive: false },
  },
  { name: "1.1 as not its last", text: get(), want: { keepAlive: true } },
  { name: "close", text: get("Connection: close"), want: { keepAlive: false } },
  { name: "Close among others", text: get("connection: a, CLOSE ,b"), want: { keepAlive: false } },
  {
    name: "close in a second line",
    text: get("Connection: a", "Connection: close"),
    want: {
      keepAlive: false,
    },
  },
  { name: "empty members of Connection", text: get("Connection: , ,x,"), want: {} },
  { name: "no space after the colon", text: get("A:b"), want: {} },
  { name: "much space around a value", text: get("A: \t b \t "), want: {} },
  { name: "an empty value", text: get("A:"), want: {} },
  { name: "a tab inside a value", text: get("A: b\tc"), want: {} },
  { name: "UTF-8 in a value", text: get("A: \xc3\xbc"), want: {} },
  { name: "odd but valid names", text: get("!#$%&'*+-.^_`|~09Az: b"), want: {} },
  { name: "an underscore in other names", text: get("X_Y: b"), want: {} },
  {
    name: "a longest method",
    text: get().replace("GET", LONG_TOKEN),
    want: { method: LONG_TOKEN },
  },
  { name: "a method nobody knows", text: get().replace("GET", "M-SEARCH"), want: {} },
  { name: "no body", text: post(), want: { framing: { kind: "none" } } },
  {
    name: "length 0",
    text: post("Content-Length: 0"),
    want: { framing: { kind: "length", bytes: 0 } },
  },
  {
    name: "a length",
    text: post("content-length:  12 "),
    want: { framing: { kind: "length", bytes: 12 } },
  },
  {
    name: "the longest length",
    text: post("Content-Length: 9007199254740991"),
    want: { framing: { kind: "length", bytes: Number.MAX_SAFE_INTEGER } },
  },
  {
    name: "chunks",
    text: post("Transfer-Encoding: chunked"),
    want: { framing: { kind: "chunked" } },
  },
  { name: "TE, which goes no further", text: get("TE: trailers", "Connection: TE"), want: {} },
  {
    name: "an expectation",
    text: post("Content-Length: 1", "Expect: 100-Continue"),
    want: { expectsContinue: true },
  },
  {
    name: "an expectation without a body",
    text: get("Expect: 100-continue"),
    want: { expectsContinue: false },
  },
  {
    name: "an expectation of 1.0",
    text: "POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n",
    want: { expectsContinue: false },
  },
  { name: "Upgrade", text: get("Upgrade: websocket"), want: { isUpgrade: true } },
  { name: "upgrade in Connection", text: get("Connection: Upgrade"), want: { isUpgrade: true } },
  { name: "neither", text: get("X-Upgrade: x"), want: { isUpgrade: false } },
  {
    name: "an absolute target",
    text: "GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n",
    want: { target: "http://h/a" },
  },
  {
    name: "one with the default port",
    text: "GET http://h:80/a HTTP/1.1\r\nHost: H\r\n\r\n",
    want: {},
  },
  {
    name: "one whose host is default",
    text: "GET https://h HTTP/1.1\r\nHost: h:443\r\n\r\n",
    want: {},
  },
  {
    name: "a tunnel's target",
    text: "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
    want: { target: "h:443" },
  },
  { name: "an asterisk", text: "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", want: { target: "*" } },
  {
    name: "odd bytes in a target",
    text: 'GET /"<>[]^`{|}\\ HTTP/1.1\r\nHost: h\r\n\r\n',
    want: {},
  },
])("parseRequestHead() takes $name", ({ text, want }) => {
  const head = accept(text);
  for (const [key, value] of Object.entries(want)) {
    assert.deepEqual(head[key as keyof RequestHead], value);
  }
});

Deno.test.each([
  // The request line.
  ["", "malformed_head"],
  ["\r\n\r\n", "leading_blank_line"],
  ["\r\n" + get(), "leading_blank_line"],
  ["\n" + get(), "bare_line_feed"],
  [" " + get(), "invalid_request_line"],
  ["\t" + get(), "invalid_method"],
  ["GET /\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET /\tHTTP/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET /\x0bHTTP/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET  HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GE T / HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["G(T / HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_method"],
  ["G\0T / HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_method"],
  ["get / HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_method"],
  ["Head / HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_method"],
  [`${LONG_TOKEN}A / HTTP/1.1\r\nHost: h\r\n\r\n`, "invalid_method"],
  ["\xef\xbb\xbfGET / HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_method"],
  ["GET /\xc3\xbc HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_target"],
  ["GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n", "not_utf8"],
  ["GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_target"],
  ["GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_target"],
  ["GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", "invalid_target"],
  ["GET / HTTP/2.0\r\nHost: h\r\n\r\n", "unsupported_version"],
  ["GET / HTTP/1.2\r\nHost: h\r\n\r\n", "unsupported_version"],
  ["GET / HTTP/0.9\r\nHost: h\r\n\r\n", "unsupported_version"],
  ["GET / HTTP/1.10\r\nHost: h\r\n\r\n", "unsupported_version"],
  ["GET / HTTP/01.1\r\nHost: h\r\n\r\n", "unsupported_version"],
  ["GET / HTTP/1\r\nHost: h\r\n\r\n", "unsupported_version"],
  ["GET / http/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET / HTTPS/1.1\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["GET / HTTP/1.1x\r\nHost: h\r\n\r\n", "invalid_request_line"],
  ["PRI * HTTP/2.0\r\n\r\n", "http2_preface"],
  // Line ends.
  ["GET / HTTP/1.1\nHost: h\n\n", "bare_line_feed"],
  ["GET / HTTP/1.1\nHost: h\r\n\r\n", "bare_line_feed"],
  [get("A: b\nC: d"), "bare_line_feed"],
  [get("A: b\rC: d"), "bare_carriage_return"],
  [get("A: b\r"), "bare_carriage_return"],
  ["GET / HTTP/1.1\rHost: h\r\n\r\n", "bare_carriage_return"],
  [get("A: b").slice(0, -2), "malformed_head"],
  [get() + "x", "malformed_head"],
  [get() + get(), "malformed_head"],
  // Header lines.
  [get(" A: b"), "folded_header"],
  [get("A: b", "\tc"), "folded_header"],
  [get("A: b", " c"), "folded_header"],
  [get("A"), "header_without_colon"],
  [get("A b"), "header_without_colon"],
  [get("A : b"), "space_before_colon"],
  [get("A\t: b"), "space_before_colon"],
  [get(": b"), "invalid_header_name"],
  [get("A B: c"), "invalid_header_name"],
  [get("A\0: b"), "invalid_header_name"],
  [get("A\xc3\xbc: b"), "invalid_header_name"],
  [get("A(: b"), "invalid_header_name"],
  [get("A\x7f: b"), "invalid_header_name"],
  [get('"A": b'), "invalid_header_name"],
  [get("Content_Length: 5"), "ambiguous_header_name"],
  [get("TRANSFER_ENCODING: chunked"), "ambiguous_header_name"],
  [get("A: \0"), "invalid_header_value"],
  [get("A: b\0"), "invalid_header_value"],
  [get("A: b\x01c"), "invalid_header_value"],
  [get("A: b\x0bc"), "invalid_header_value"],
  [get("A: \x0c"), "invalid_header_value"],
  [get("A: b\x7f"), "invalid_header_value"],
  [get("A: b\x1b[0m"), "invalid_header_value"],
  [get("A: \xc2\x85"), "invalid_header_value"],
  [get("A: \xff"), "not_utf8"],
  [get("A: \xc3"), "not_utf8"],
  [get("A: \xc0\xaf"), "not_utf8"],
  [get("A: \xed\xa0\x80"), "not_utf8"],
  // The length.
  [post("Content-Length:"), "invalid_content_length"],
  [post("Content-Length: a"), "invalid_content_length"],
  [post("Content-Length: -1"), "invalid_content_length"],
  [post("Content-Length: +1"), "invalid_content_length"],
  [post("Content-Length: 1.0"), "invalid_content_length"],
  [post("Content-Length: 0x1"), "invalid_content_length"],
  [post("Content-Length: 1e1"), "invalid_content_length"],
  [post("Content-Length: 01"), "invalid_content_length"],
  [post("Content-Length: 1 1"), "invalid_content_length"],
  [post("Content-Length: 1,1"), "invalid_content_length"],
  [post("Content-Length: 1, 2"), "invalid_content_length"],
  [post("Content-Length: \xc2\xb2"), "invalid_content_length"],
  [post("Content-Length: \xef\xbc\x91"), "invalid_content_length"],
  [post("Content-Length: 9007199254740992"), "invalid_content_length"],
  [post("Content-Length: 99999999999999999999"), "invalid_content_length"],
  [post("Content-Length: 1", "Content-Length: 1"), "repeated_content_length"],
  [post("Content-Length: 1", "content-length: 2"), "repeated_content_length"],
  [post("Content-Length: 1", "Transfer-Encoding: chunked"), "length_and_transfer_encoding"],
  [post("Transfer-Encoding: x", "Content-Length: 1"), "length_and_transfer_encoding"],
  // Transfer-Encoding.
  [post("Transfer-Encoding:"), "unsupported_transfer_encoding"],
  [post("Transfer-Encoding: identity"), "unsupported_transfer_encoding"],
  [post("Transfer-Encoding: Chunked"), "unsupported_transfer_encoding"],
  [post("Transfer-Encoding: xchunked"), "unsupported_transfer_encoding"],
  [post("Transfer-Encoding: \xc2\xa0chunked"), "unsupported_transfer_encoding"],
  [post('Transfer-Encoding: "chunked"'), "unsupported_transfer_encoding"],
  [post("Transfer-Encoding: chunked;q=1"), "unsupported_transfer_encoding"],
  [post("Transfer-Encoding: gzip, chunked"), "unsupported_transfer_encoding"],
  [post("Transfer-Encoding: chunked, chunked"), "unsupported_transfer_encoding"],
  [post("Transfer-Encoding: chunked,"), "unsupported_transfer_encoding"],
  [post("Transfer-Encoding: \x0bchunked"), "invalid_header_value"],
  [post("Transfer-Encoding: chunked\t"), "invalid_header_value"],
  [post("Transfer-Encoding:\tchunked"), "invalid_header_value"],
  [post("Content-Length: 1\t"), "invalid_header_value"],
  [post("Transfer-Encoding : chunked"), "space_before_colon"],
  [post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), "repeated_transfer_encoding"],
  [post("Transfer-Encoding: chunked", "transfer-encoding: x"), "repeated_transfer_encoding"],
  ["POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer_encoding_on_http10"],
  // Host.
  ["GET / HTTP/1.1\r\n\r\n", "missing_host"],
  ["GET / HTTP/1.1\r\nX-Host: h\r\n\r\n", "missing_host"],
  [get("Host: h"), "several_hosts"],
  [get("host: other"), "several_hosts"],
  ["GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", "several_hosts"],
  ["GET / HTTP/1.1\r\nHost:\r\n\r\n", "invalid_host"],
  ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "invalid_host"],
  ["GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "invalid_host"],
  ["GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "invalid_host"],
  ["GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "invalid_host"],
  ["GET / HTTP/1.1\r\nHost: a%62\r\n\r\n", "invalid_host"],
  ["GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", "invalid_host"],
  ["GET / HTTP/1.1\r\nHost: h\xc3\xbc\r\n\r\n", "invalid_host"],
  ["GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n", "authority_differs_from_host"],
  ["GET http://h:81/ HTTP/1.1\r\nHost: h\r\n\r\n", "authority_differs_from_host"],
  ["GET http://h@other/ HTTP/1.1\r\nHost: h\r\n\r\n", "authority_differs_from_host"],
  ["GET HTTPS://h:80/ HTTP/1.1\r\nHost: h:443\r\n\r\n", "authority_differs_from_host"],
  // Connection and Expect.
  [get("Connection: host"), "connection_names_framing"],
  [get("Connection: x, Content-Length"), "connection_names_framing"],
  [get("Connection: x", "Connection: TRANSFER-ENCODING"), "connection_names_framing"],
  [get("Connection: a b"), "invalid_connection"],
  [get("Connection: a;b"), "invalid_connection"],
  [get('Connection: "close"'), "invalid_connection"],
  [get("Connection: \xc3\xbc"), "invalid_connection"],
  [get("Expect: 200-ok"), "unsupported_expectation"],
  [get("Expect: 100-continue, x"), "unsupported_expectation"],
  [get("Expect: 100-continue", "Expect: 100-continue"), "unsupported_expectation"],
])("parseRequestHead() refuses %j as %s", (text, problem) => {
  const form = parseRequestHead(bytesOf(text));
  assert.equal(form.ok ? "accepted" : form.problem, problem);
});

Deno.test.each([
  { text: "GET / HTTP/3.0\r\nHost: h\r\n\r\n", status: 505 },
  { text: "PRI * HTTP/2.0\r\n\r\n", status: 505 },
  { text: get("Expect: x"), status: 417 },
  { text: get("A"), status: 400 },
  { text: get(...new Array<string>(HTTP_HEADERS_MAX).fill("A: b")), status: 431 },
  { text: get(`A: ${"b".repeat(HTTP_HEAD_BYTES_MAX)}`), status: 431 },
])("parseRequestHead() refuses with $status", ({ text, status }) => {
  const form = parseRequestHead(bytesOf(text));
  assert.equal(form.ok ? 200 : form.status, status);
});

Deno.test("parseRequestHead() takes a head of the bounds", () => {
  assert.equal(accept(get(...new Array<string>(HTTP_HEADERS_MAX - 1).fill("A: b"))).method, "GET");
  const filler = "b".repeat(HTTP_HEAD_BYTES_MAX - get("A: ").length);
  assert.equal(accept(get(`A: ${filler}`)).method, "GET");
});

Deno.test("parseRequestHead() keeps headers in order and as sent", () => {
  const { fields } = accept(get("b:  1 ", "A: \xc3\xbc", "b: 2"));
  assert.deepEqual(fields, [["Host", "h"], ["b", "1"], ["A", "ü"], ["b", "2"]]);
});

Deno.test("parseRequestHead() answers random bytes with a result", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assert.equal(typeof parseRequestHead(bytes).ok, "boolean");
  }));
});

Deno.test("parseRequestHead() answers valid heads with random bytes in them with a result", () => {
  const valid = bytesOf(post("A: b", "Content-Length: 12", "Connection: x"));
  const edits = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(edits, (changes) => {
      const bytes = valid.slice();
      for (const [at, byte] of changes) bytes[at] = byte;
      const form = parseRequestHead(bytes);
      if (form.ok) writeRequestHead(form.head, OPTIONS);
    }),
    { numRuns: 2_000 },
  );
});

const OPTIONS = {
  target: "/t?q",
  authority: { host: "h", port: 443 },
  scheme: "https",
  closes: false,
} as const;

Deno.test("parseRequestHead() reads what was written, and that is written the same again", () => {
  const name = fc.stringMatching(/^X-[A-Za-z0-9!#$%&'*+.^`|~-]{1,10}$/);
  const value = fc.stringMatching(/^[!-~ü€]([\t -~ü€]{0,10}[!-~ü€])?$/);
  const framing = fc.constantFrom([], ["Content-Length: 7"], ["Transfer-Encoding: chunked"]);
  const requests = fc.record({
    fields: fc.array(fc.tuple(name, value), { maxLength: 5 }),
    framing,
    connection: fc.constantFrom([], ["Connection: close"], ["Connection: x-gone, Keep-Alive"]),
  });
  fc.assert(fc.property(requests, ({ fields, framing, connection }) => {
    const lines = fields.map(([key, text]) => `${key}: ${text}`);
    const text = post(...lines, "X-Gone: 1", "Keep-Alive: 5", ...framing, ...connection);
    const first = parseRequestHead(UTF8.encode(text));
    assert.ok(first.ok);
    const written = writeRequestHead(first.head, OPTIONS);
    const second = parseRequestHead(written);
    assert.ok(second.ok);
    assert.deepEqual(second.head.framing, first.head.framing);
    assert.equal(second.head.target, OPTIONS.target);
    assert.deepEqual(writeRequestHead(second.head, OPTIONS), written);
  }));
});
