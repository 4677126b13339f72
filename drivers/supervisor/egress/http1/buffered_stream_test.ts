import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { HTTP_BUFFER_BYTES_MAX } from "../../../../proto/egress_limits.ts";
import { writeAll } from "../byte_stream.ts";
import { BufferedStream } from "./buffered_stream.ts";
import { BufferFullError } from "./http1_error.ts";
import { memoryPair, memoryStreamOf, readAll } from "./memory_stream.ts";

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder();

function streamOf(text: string, readBytesMax = Infinity): BufferedStream {
  return new BufferedStream(memoryStreamOf(text, { readBytesMax }));
}

const HEAD = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

Deno.test.each([
  { name: "a head", text: HEAD, kind: "head", rest: "" },
  { name: "a head alone", text: `${HEAD}rest`, kind: "head", rest: "rest" },
  { name: "one of two heads", text: `${HEAD}${HEAD}`, kind: "head", rest: HEAD },
  { name: "nothing", text: "", kind: "ended", rest: "" },
  { name: "half a head", text: HEAD.slice(0, -1), kind: "truncated", rest: null },
  { name: "one byte", text: "G", kind: "truncated", rest: null },
  { name: "a bare LF at the end", text: "GET /\r\n\n", kind: "bare_line_feed", rest: null },
  { name: "a bare LF", text: "GET /\nHost: h\r\n\r\n", kind: "bare_line_feed", rest: null },
  { name: "a bare LF first", text: "\nGET /", kind: "bare_line_feed", rest: null },
  { name: "a long head", text: `${"a".repeat(100)}\r\n\r\n`, kind: "too_large", rest: null },
  { name: "no end of a line", text: "a".repeat(1_000), kind: "too_large", rest: null },
  { name: "a head of the bound", text: `${"a".repeat(96)}\r\n\r\n`, kind: "head", rest: "" },
])("readHead() finds $name however it is cut", async ({ text, kind, rest }) => {
  for (let size = 1; size <= text.length + 1; size += 1) {
    const stream = streamOf(text, size);
    const read = await stream.readHead(100);
    assert.equal(read.kind, kind);
    if (read.kind !== "head" || rest === null) continue;
    assert.equal(TEXT.decode(read.bytes) + rest, text);
    assert.equal(TEXT.decode(await readAll(stream)), rest);
  }
});

Deno.test("readHead() refuses a bare LF without waiting for more", async () => {
  const [near, far] = memoryPair();
  await writeAll(far, UTF8.encode("GET / HTTP/1.1\nHost: h"));
  assert.equal((await new BufferedStream(near).readHead(100)).kind, "bare_line_feed");
});

Deno.test("readHead() gives bytes that later reads leave alone", async () => {
  const stream = streamOf(`${HEAD}${"x".repeat(50)}`, 7);
  const read = await stream.readHead(100);
  await readAll(stream);
  assert.equal(read.kind === "head" && TEXT.decode(read.bytes), HEAD);
});

Deno.test("peek() takes nothing", async () => {
  const stream = streamOf("abcdef", 2);
  assert.equal(TEXT.decode(await stream.peek(3)), "abcd");
  assert.equal(TEXT.decode(await stream.peek(1)), "abcd");
  assert.equal(TEXT.decode(await stream.peek(9)), "abcdef");
  assert.equal(stream.ended, true);
  assert.equal(TEXT.decode(await readAll(stream)), "abcdef");
});

Deno.test("peek() fails beyond the bound", async () => {
  const stream = new BufferedStream(memoryStreamOf("abcdef"), 4);
  await assert.rejects(stream.peek(5), BufferFullError);
  stream.consume(1);
  assert.equal(TEXT.decode(await stream.peek(4)), "bcde");
});

Deno.test("fill() shares one read among callers", async () => {
  const [near, far] = memoryPair();
  const stream = new BufferedStream(near);
  const watching = stream.fill();
  const reading = stream.read(new Uint8Array(8));
  await writeAll(far, UTF8.encode("abc"));
  assert.equal(await watching, true);
  assert.equal(await reading, 3);
});

Deno.test("fill() keeps failing after a failure, since the stream may claim an end then", async () => {
  let reads = 0;
  const stream = new BufferedStream({
    read: () => {
      reads += 1;
      return reads === 1 ? Promise.reject(new Deno.errors.UnexpectedEof()) : Promise.resolve(null);
    },
    write: (bytes) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  });
  await assert.rejects(stream.fill(), Deno.errors.UnexpectedEof);
  await assert.rejects(stream.fill(), Deno.errors.UnexpectedEof);
  await assert.rejects(stream.read(new Uint8Array(1)), Deno.errors.UnexpectedEof);
  assert.equal(stream.failed, true);
});

Deno.test("read() gives all bytes in order, whatever was peeked and taken in between", async () => {
  const steps = fc.array(
    fc.record({
      kind: fc.constantFrom("peek", "read", "consume"),
      bytes: fc.integer({ min: 1, max: 40_000 }),
    }),
    { maxLength: 30 },
  );
  const content = Uint8Array.from({ length: 150_000 }, (_, index) => index % 251);
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 70_000 }), async (plan, readBytesMax) => {
      const stream = new BufferedStream(memoryStreamOf(content, { readBytesMax }));
      let at = 0;
      const check = (bytes: Uint8Array) =>
        assert.equal(Buffer.compare(bytes, content.subarray(at, at + bytes.length)), 0);
      for (const { kind, bytes } of plan) {
        if (kind === "peek") check(await stream.peek(bytes));
        if (kind === "consume") {
          at += Math.min(bytes, stream.buffered);
          stream.consume(bytes);
        }
        if (kind === "read") {
          const into = new Uint8Array(bytes);
          const count = await stream.read(into);
          check(into.subarray(0, count ?? 0));
          at += count ?? 0;
        }
        assert.ok(stream.buffered <= HTTP_BUFFER_BYTES_MAX);
      }
      check(await readAll(stream));
    }),
    { numRuns: 40 },
  );
});

Deno.test("write(), closeWrite() and close() reach the wrapped stream", async () => {
  const [near, far] = memoryPair();
  const stream = new BufferedStream(near);
  await writeAll(stream, UTF8.encode("abc"));
  await stream.closeWrite();
  assert.equal(TEXT.decode(await readAll(far)), "abc");
  stream.close();
  assert.equal(near.isClosed, true);
  stream.close();
  new BufferedStream(near).close();
});
