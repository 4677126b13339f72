import assert from "node:assert/strict";
import fc from "fast-check";
import { HTTP_TRAILER_BYTES_MAX } from "../../../../proto/egress_limits.ts";
import { ChunkDecoder } from "./chunk_decoder.ts";
import { BodyRelayError } from "./http1_error.ts";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

interface Decoded {
  readonly data: string;
  readonly rest: string;
  readonly done: boolean;
}

/** Decodes pieces of one size, as they would come from the network, into room of another. */
function decode(text: string, pieceBytes = Infinity, roomBytes = 64): Decoded {
  const decoder = new ChunkDecoder();
  const input = bytesOf(text);
  const room = new Uint8Array(roomBytes);
  let data = "";
  let at = 0;
  while (at < input.length && !decoder.done) {
    const step = decoder.decode(input.subarray(at, at + pieceBytes), room);
    data += String.fromCharCode(...room.subarray(0, step.produced));
    at += step.consumed;
  }
  return { data, rest: text.slice(at), done: decoder.done };
}

Deno.test.each([
  { text: "0\r\n\r\n", data: "", rest: "" },
  { text: "3\r\nabc\r\n0\r\n\r\n", data: "abc", rest: "" },
  { text: "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", data: "abcde", rest: "" },
  { text: "A\r\n0123456789\r\n0\r\n\r\n", data: "0123456789", rest: "" },
  { text: "a\r\n0123456789\r\n0\r\n\r\n", data: "0123456789", rest: "" },
  { text: "003\r\nabc\r\n000\r\n\r\n", data: "abc", rest: "" },
  { text: "2\r\n\r\n\r\n0\r\n\r\n", data: "\r\n", rest: "" },
  { text: "5\r\n0\r\n\r\n\r\n0\r\n\r\n", data: "0\r\n\r\n", rest: "" },
  { text: "0\r\n\r\nGET / HTTP/1.1\r\n", data: "", rest: "GET / HTTP/1.1\r\n" },
  { text: "1\r\na\r\n0\r\nX-Sum: 1\r\nB: c\r\n\r\nrest", data: "a", rest: "rest" },
])("ChunkDecoder decodes $text however it is cut", ({ text, data, rest }) => {
  for (let pieceBytes = 1; pieceBytes <= text.length; pieceBytes += 1) {
    assert.deepEqual(decode(text, pieceBytes), { data, rest, done: true });
    assert.deepEqual(decode(text, pieceBytes, 1), { data, rest, done: true });
  }
});

Deno.test.each([
  ["\r\n"],
  ["\n"],
  ["g\r\n"],
  [" 3\r\nabc"],
  ["3 \r\nabc"],
  ["3\t\r\nabc"],
  ["-3\r\nabc"],
  ["+3\r\nabc"],
  ["0x3\r\nabc"],
  ["3\nabc"],
  ["3\rabc"],
  ["3\r\r\nabc"],
  ["3;a=b\r\nabc"],
  ["3;\r\nabc"],
  ['3;a="\r\n"\r\nabc'],
  ["3\r\nabcd\r\n0\r\n\r\n"],
  ["3\r\nab\r\n0\r\n\r\n"],
  ["3\r\nabc\n0\r\n\r\n"],
  ["3\r\nabc0\r\n\r\n"],
  ["3\r\nabc\r\r\n"],
  ["3\r\nabc\r\n\r\n"],
  ["0\r\n\n"],
  ["0\r\n\rx"],
  ["0\n\n"],
  ["1000000000000\r\n"],
  ["0000000000000\r\n"],
  ["0\r\nContent-Length: 5\r\n\r\n"],
  ["0\r\ntransfer-encoding: chunked\r\n\r\n"],
  ["0\r\nHost: x\r\n\r\n"],
  ["0\r\nConnection: close\r\n\r\n"],
  ["0\r\nContent_Length: 5\r\n\r\n"],
  ["0\r\nA: b\n\r\n"],
  ["0\r\nA: b\rC: d\r\n\r\n"],
  ["0\r\nA\r\n\r\n"],
  ["0\r\nA : b\r\n\r\n"],
  ["0\r\n A: b\r\n\r\n"],
  ["0\r\nA: \0\r\n\r\n"],
  ["0\r\nA: \xff\r\n\r\n"],
  ["0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"],
])("ChunkDecoder refuses %j however it is cut", (text) => {
  for (const pieceBytes of [1, 2, 3, 7, text.length]) {
    assert.throws(
      () => decode(text, pieceBytes),
      (error) => error instanceof BodyRelayError && error.problem === "body_invalid",
    );
  }
});

Deno.test("ChunkDecoder refuses trailers that are too long, also in many lines", () => {
  const long = `A: ${"b".repeat(HTTP_TRAILER_BYTES_MAX)}\r\n`;
  const many = "A: b\r\n".repeat(HTTP_TRAILER_BYTES_MAX / 4);
  for (const trailers of [long, many]) {
    assert.throws(() => decode(`0\r\n${trailers}\r\n`), BodyRelayError);
  }
});

Deno.test("ChunkDecoder is not done before the last byte", () => {
  const text = "3\r\nabc\r\n0\r\nA: b\r\n\r\n";
  for (let length = 0; length < text.length; length += 1) {
    assert.equal(decode(text.slice(0, length)).done, false);
  }
});

Deno.test("ChunkDecoder gives back any data in any chunks, cut anywhere", () => {
  const chunks = fc.array(fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 300 }));
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), (
      parts,
      pieceBytes,
      roomBytes,
    ) => {
      const framed = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("");
      const got = decode(`${framed}0\r\n\r\nrest`, pieceBytes, roomBytes);
      assert.deepEqual(got, { data: parts.join(""), rest: "rest", done: true });
    }),
  );
});

Deno.test("ChunkDecoder answers random bytes with data or its own error", () => {
  const text = fc.string({ unit: fc.constantFrom(..."0123\r\n;:aA \t\0\xff"), maxLength: 40 });
  fc.assert(fc.property(text, (random) => {
    try {
      decode(random, 3);
    } catch (error) {
      assert.ok(error instanceof BodyRelayError);
    }
  }));
});
