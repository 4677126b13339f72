import assert from "node:assert/strict";
import { UnwritableHeadError } from "./http1_error.ts";
import { bareResponse, encodeResponse, jsonResponse } from "./respond.ts";
import { parseResponseHead } from "./response_head.ts";

const TEXT = new TextDecoder();

Deno.test("encodeResponse() writes a denial", () => {
  const response = jsonResponse(403, { error: "policy_denied" }, [["X-OpenShell-Policy", "docs"]]);
  assert.equal(
    TEXT.decode(encodeResponse(response)),
    "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nX-OpenShell-Policy: docs\r\n" +
      'Content-Length: 25\r\nConnection: close\r\n\r\n{"error":"policy_denied"}',
  );
});

Deno.test("encodeResponse() leaves the body out of an answer to HEAD", () => {
  const text = TEXT.decode(encodeResponse(jsonResponse(403, {}), "HEAD"));
  assert.match(text, /\r\nContent-Length: 2\r\nConnection: close\r\n\r\n$/);
});

Deno.test.each([200, 400, 403, 431, 500, 502, 504, 505, 599])(
  "encodeResponse() writes what parseResponseHead() reads, status %d",
  (status) => {
    const form = parseResponseHead(encodeResponse(bareResponse(status)), { method: "GET" });
    assert.ok(form.ok);
    assert.equal(form.head.status, status);
    assert.deepEqual(form.head.framing, { kind: "length", bytes: 0 });
    assert.equal(form.head.keepAlive, false);
  },
);

Deno.test.each([
  { name: "another line", status: 403, headers: [["A", "b\r\nC: d"]] },
  { name: "a bad name", status: 403, headers: [["A b", "c"]] },
  { name: "framing", status: 403, headers: [["content-length", "1"]] },
  { name: "chunks", status: 403, headers: [["Transfer-Encoding", "chunked"]] },
  { name: "Connection", status: 403, headers: [["Connection", "keep-alive"]] },
  { name: "an interim status", status: 100, headers: [] },
  { name: "no status", status: 0, headers: [] },
  { name: "a fraction", status: 403.5, headers: [] },
])("encodeResponse() throws at $name", ({ status, headers }) => {
  const fields = headers.map(([name = "", value = ""]) => [name, value] as const);
  assert.throws(
    () => encodeResponse({ status, headers: fields, body: new Uint8Array(0) }),
    UnwritableHeadError,
  );
});
