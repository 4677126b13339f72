import assert from "node:assert/strict";
import fc from "fast-check";
import { HTTP_HEAD_BYTES_MAX } from "../../../../proto/egress_limits.ts";
import { parseResponseHead, type ResponseHead } from "./response_head.ts";
import { writeResponseHead } from "./write_head.ts";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function response(line: string, ...fields: readonly string[]): Uint8Array {
  return bytesOf([line, ...fields, "", ""].join("\r\n"));
}

const NONE = { kind: "none" };
const CHUNKED = { kind: "chunked" };
const UNTIL_CLOSE = { kind: "until_close" };
const LENGTH_5 = { kind: "length", bytes: 5 };

Deno.test.each([
  {
    line: "HTTP/1.1 200 OK",
    fields: ["Content-Length: 5"],
    want: { framing: LENGTH_5, keepAlive: true },
  },
  {
    line: "HTTP/1.1 200 OK",
    fields: ["Transfer-Encoding: chunked"],
    want: { framing: CHUNKED, keepAlive: true },
  },
  { line: "HTTP/1.1 200 OK", fields: [], want: { framing: UNTIL_CLOSE, keepAlive: false } },
  {
    line: "HTTP/1.0 200 OK",
    fields: ["Content-Length: 5"],
    want: { framing: LENGTH_5, keepAlive: false },
  },
  {
    line: "HTTP/1.0 200 OK",
    fields: ["Content-Length: 5", "Connection: keep-alive"],
    want: { keepAlive: false },
  },
  {
    line: "HTTP/1.1 200 OK",
    fields: ["Content-Length: 5", "Connection: Close"],
    want: { keepAlive: false },
  },
  { line: "HTTP/1.1 204 No Content", fields: [], want: { framing: NONE, keepAlive: true } },
  {
    line: "HTTP/1.1 204 No Content",
    fields: ["Content-Length: 5"],
    want: { framing: NONE, keepAlive: false, unsentBytes: null },
  },
  {
    line: "HTTP/1.1 204 No Content",
    fields: ["Transfer-Encoding: chunked"],
    want: { framing: NONE, keepAlive: false },
  },
  {
    line: "HTTP/1.1 304 Not Modified",
    fields: ["Content-Length: 5"],
    want: { framing: NONE, keepAlive: true, unsentBytes: 5 },
  },
  {
    line: "HTTP/1.1 304 Not Modified",
    fields: [],
    want: { framing: NONE, keepAlive: true, unsentBytes: null },
  },
  { line: "HTTP/1.1 100 Continue", fields: [], want: { framing: NONE, status: 100 } },
  {
    line: "HTTP/1.1 103 Early Hints",
    fields: ["Link: </a>"],
    want: { framing: NONE, status: 103 },
  },
  { line: "HTTP/1.1 200", fields: ["Content-Length: 5"], want: { status: 200, reason: "" } },
  { line: "HTTP/1.1 200 ", fields: ["Content-Length: 5"], want: { reason: "" } },
  { line: "HTTP/1.1 200 All is \xc3\xbc", fields: [], want: { reason: "All is ü" } },
  { line: "HTTP/1.1 999 Odd", fields: [], want: { status: 999 } },
])("parseResponseHead() takes $line with $fields", ({ line, fields, want }) => {
  const form = parseResponseHead(response(line, ...fields), { method: "GET" });
  assert.ok(form.ok);
  for (const [key, value] of Object.entries(want)) {
    assert.deepEqual(form.head[key as keyof ResponseHead], value);
  }
});

Deno.test.each([
  { fields: ["Content-Length: 5"], unsentBytes: 5 },
  { fields: ["Transfer-Encoding: chunked"], unsentBytes: null },
  { fields: [], unsentBytes: null },
])(
  "parseResponseHead() sees no body in an answer to HEAD with $fields",
  ({ fields, unsentBytes }) => {
    const form = parseResponseHead(response("HTTP/1.1 200 OK", ...fields), { method: "HEAD" });
    assert.ok(form.ok);
    assert.deepEqual(form.head.framing, NONE);
    assert.equal(form.head.unsentBytes, unsentBytes);
    assert.equal(form.head.keepAlive, true);
  },
);

Deno.test.each(
  [
    ["HTTP/1.1 20 OK", [], "invalid_status_line"],
    ["HTTP/1.1 2000 OK", [], "invalid_status_line"],
    ["HTTP/1.1 099 OK", [], "invalid_status_line"],
    ["HTTP/1.1 -20 OK", [], "invalid_status_line"],
    ["HTTP/1.1  200 OK", [], "invalid_status_line"],
    ["HTTP/1.1\t200 OK", [], "invalid_status_line"],
    [" HTTP/1.1 200 OK", [], "invalid_status_line"],
    ["http/1.1 200 OK", [], "invalid_status_line"],
    ["HTTP/1.1 200 O\0K", [], "invalid_status_line"],
    ["HTTP/1.1 200 O\x1bK", [], "invalid_status_line"],
    ["ICY 200 OK", [], "invalid_status_line"],
    ["HTTP/2.0 200 OK", [], "unsupported_version"],
    ["HTTP/1.2 200 OK", [], "unsupported_version"],
    ["HTTP/1.1 101 Switching Protocols", ["Upgrade: x"], "unexpected_switch"],
    ["HTTP/1.1 200 \xff", [], "not_utf8"],
    ["HTTP/1.1 200 OK", ["Content-Length: 5", "Content-Length: 5"], "repeated_content_length"],
    ["HTTP/1.1 200 OK", ["Content-Length: 5", "Content-Length: 6"], "repeated_content_length"],
    ["HTTP/1.1 200 OK", ["Content-Length: 5, 5"], "invalid_content_length"],
    ["HTTP/1.1 200 OK", ["Content-Length: +5"], "invalid_content_length"],
    [
      "HTTP/1.1 200 OK",
      ["Content-Length: 5", "Transfer-Encoding: chunked"],
      "length_and_transfer_encoding",
    ],
    [
      "HTTP/1.1 304 OK",
      ["Content-Length: 5", "Transfer-Encoding: chunked"],
      "length_and_transfer_encoding",
    ],
    ["HTTP/1.1 200 OK", ["Transfer-Encoding: gzip, chunked"], "unsupported_transfer_encoding"],
    ["HTTP/1.1 200 OK", ["Transfer-Encoding: identity"], "unsupported_transfer_encoding"],
    ["HTTP/1.0 200 OK", ["Transfer-Encoding: chunked"], "transfer_encoding_on_http10"],
    ["HTTP/1.1 200 OK", ["A: b", " c"], "folded_header"],
    ["HTTP/1.1 200 OK", ["A : b"], "space_before_colon"],
    ["HTTP/1.1 200 OK", ["A: b\nC: d"], "bare_line_feed"],
    ["HTTP/1.1 200 OK", ["A: b\rC: d"], "bare_carriage_return"],
    ["HTTP/1.1 200 OK", ["A: \0"], "invalid_header_value"],
    ["HTTP/1.1 200 OK", [": b"], "invalid_header_name"],
    ["HTTP/1.1 200 OK", ["Connection: content-length"], "connection_names_framing"],
    ["HTTP/1.1 200 OK", ["Content_Length: 5"], "ambiguous_header_name"],
  ] as const,
)("parseResponseHead() refuses %j with %j as %s", (line, fields, problem) => {
  const form = parseResponseHead(response(line, ...fields), { method: "GET" });
  assert.equal(form.ok ? "accepted" : form.problem, problem);
});

Deno.test("parseResponseHead() refuses a head beyond the bound", () => {
  const bytes = response("HTTP/1.1 200 OK", `A: ${"b".repeat(HTTP_HEAD_BYTES_MAX)}`);
  const form = parseResponseHead(bytes, { method: "GET" });
  assert.equal(form.ok ? "accepted" : form.problem, "head_too_large");
});

Deno.test("parseResponseHead() takes 101 where the caller allows it", () => {
  const bytes = response("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket");
  const form = parseResponseHead(bytes, { method: "GET", allowsSwitch: true });
  assert.ok(form.ok);
  assert.equal(form.head.status, 101);
});

Deno.test("parseResponseHead() answers random bytes with a result", () => {
  const valid = response("HTTP/1.1 200 OK", "A: b", "Content-Length: 12", "Connection: x");
  const edits = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 });
  fc.assert(fc.property(edits, (changes) => {
    const bytes = valid.slice();
    for (const [at, byte] of changes) bytes[at] = byte;
    const form = parseResponseHead(bytes, { method: "GET" });
    if (!form.ok) return;
    const again = parseResponseHead(
      writeResponseHead(form.head, { framing: form.head.framing, closes: false }),
      { method: "GET" },
    );
    assert.ok(again.ok);
    assert.deepEqual(again.head.framing, form.head.framing);
  }));
});
