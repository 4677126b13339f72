import assert from "node:assert/strict";
import { UnwritableHeadError } from "./http1_error.ts";
import { parseRequestHead } from "./request_head.ts";
import { parseResponseHead } from "./response_head.ts";
import { writeFields, writeRequestHead, writeResponseHead } from "./write_head.ts";

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder();

function writeRequest(lines: readonly string[], options = {}): string {
  const form = parseRequestHead(UTF8.encode(["POST /raw HTTP/1.1", ...lines, "", ""].join("\r\n")));
  assert.ok(form.ok);
  return TEXT.decode(writeRequestHead(form.head, {
    target: "/a?b=c",
    authority: { host: "h.example", port: 443 },
    scheme: "https",
    closes: false,
    ...options,
  }));
}

Deno.test("writeRequestHead() takes the caller's target and authority, not the client's", () => {
  assert.equal(
    writeRequest(["A: b", "Host: other:1", "a: c"]),
    "POST /a?b=c HTTP/1.1\r\nHost: h.example\r\nA: b\r\na: c\r\n\r\n",
  );
});

Deno.test.each([
  { authority: { host: "h", port: 80 }, scheme: "http", want: "h" },
  { authority: { host: "h", port: 443 }, scheme: "http", want: "h:443" },
  { authority: { host: "h", port: 80 }, scheme: "https", want: "h:80" },
  { authority: { host: "::1", port: 443 }, scheme: "https", want: "[::1]" },
  { authority: { host: "::1", port: 8443 }, scheme: "https", want: "[::1]:8443" },
])("writeRequestHead() writes the host as $want", ({ authority, scheme, want }) => {
  const text = writeRequest(["Host: x"], { authority, scheme });
  assert.equal(text, `POST /a?b=c HTTP/1.1\r\nHost: ${want}\r\n\r\n`);
});

Deno.test.each([
  { lines: ["Connection: x-a, X-B", "X-A: 1", "x-b: 2", "X-C: 3"], want: "X-C: 3\r\n" },
  { lines: ["Connection: close"], want: "" },
  { lines: ["Keep-Alive: timeout=5"], want: "" },
  { lines: ["Proxy-Authorization: x", "Proxy-Connection: keep-alive", "PROXY-X: y"], want: "" },
  { lines: ["TE: trailers"], want: "" },
  { lines: ["Trailer: A"], want: "" },
  { lines: ["Upgrade: h2c", "HTTP2-Settings: x"], want: "" },
  { lines: ["Transfer-Encoding: chunked"], want: "Transfer-Encoding: chunked\r\n" },
  { lines: ["content-length:   7"], want: "Content-Length: 7\r\n" },
  { lines: ["Content-Length: 0"], want: "Content-Length: 0\r\n" },
  { lines: ["Expect: 100-continue"], want: "" },
  {
    lines: ["Expect: 100-CONTINUE", "Content-Length: 1"],
    want: "Content-Length: 1\r\nExpect: 100-continue\r\n",
  },
  { lines: ["Authorization: x", "Cookie: y"], want: "Authorization: x\r\nCookie: y\r\n" },
])("writeRequestHead() makes of $lines $want", ({ lines, want }) => {
  const text = writeRequest(["Host: h", ...lines]);
  assert.equal(text, `POST /a?b=c HTTP/1.1\r\nHost: h.example\r\n${want}\r\n`);
});

Deno.test("writeRequestHead() says that it is the last request where it is", () => {
  assert.match(writeRequest(["Host: h"], { closes: true }), /\r\nConnection: close\r\n\r\n$/);
});

Deno.test.each([
  { target: "", part: "target" },
  { target: "*", part: "target" },
  { target: "http://h/", part: "target" },
  { target: "/a b", part: "target" },
  { target: "/a\r\nB: c", part: "target" },
  { target: "/ü", part: "target" },
  { target: "/a#b", part: "target" },
  { authority: { host: "a\r\nB", port: 1 }, part: "authority" },
  { authority: { host: "", port: 1 }, part: "authority" },
  { authority: { host: "A", port: 1 }, part: "authority" },
  { authority: { host: "a/b", port: 1 }, part: "authority" },
  { authority: { host: "a@b", port: 1 }, part: "authority" },
])("writeRequestHead() throws at $target$authority", ({ part, ...options }) => {
  assert.throws(
    () => writeRequest(["Host: h"], options),
    (error) => error instanceof UnwritableHeadError && error.part === part,
  );
});

Deno.test.each(
  [
    [["A", "b\r\nC: d"]],
    [["A", "b\nc"]],
    [["A:", "b"]],
    [["", "b"]],
    [["A b", "c"]],
  ] as const,
)("writeFields() throws at %j", (field) => {
  assert.throws(() => writeFields([[field[0], field[1]]]), UnwritableHeadError);
});

function writeResponse(
  lines: readonly string[],
  options: { method?: string; closes?: boolean } = {},
) {
  const { method = "GET", closes = false } = options;
  const form = parseResponseHead(UTF8.encode([...lines, "", ""].join("\r\n")), { method });
  assert.ok(form.ok);
  return TEXT.decode(writeResponseHead(form.head, { framing: form.head.framing, closes }));
}

Deno.test("writeResponseHead() leaves out what was about the other connection", () => {
  const text = writeResponse([
    "HTTP/1.0 200 Fine",
    "Connection: close, x-gone",
    "X-Gone: 1",
    "Keep-Alive: timeout=5",
    "Proxy-Authenticate: Basic",
    "Trailer: A",
    "Set-Cookie: a",
    "Set-Cookie: b",
    "Content-Length: 5",
  ]);
  const want = "HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 5\r\n\r\n";
  assert.equal(text, want);
});

Deno.test.each([
  { name: "HEAD", line: "HTTP/1.1 200 OK", method: "HEAD", want: "Content-Length: 5\r\n" },
  { name: "304", line: "HTTP/1.1 304 Not Modified", method: "GET", want: "Content-Length: 5\r\n" },
  { name: "204", line: "HTTP/1.1 204 No Content", method: "GET", want: "" },
])(
  "writeResponseHead() tells the length of $name as it means something",
  ({ line, method, want }) => {
    const text = writeResponse([line, "Content-Length: 5"], { method });
    assert.equal(text, `${line}\r\n${want}\r\n`);
  },
);

Deno.test("writeResponseHead() says that the connection ends where it does", () => {
  assert.match(
    writeResponse(["HTTP/1.1 204 No"], { closes: true }),
    /\r\nConnection: close\r\n\r\n$/,
  );
});
