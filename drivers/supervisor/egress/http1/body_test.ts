import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { writeAll } from "../byte_stream.ts";
import { type BodyOptions, createScratch, relayBody } from "./body.ts";
import { BufferedStream } from "./buffered_stream.ts";
import { BodyRelayError } from "./http1_error.ts";
import { memoryPair, memoryStreamOf, readAll } from "./memory_stream.ts";
import type { ResponseFraming } from "./response_head.ts";

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder();

const CHUNKED: ResponseFraming = { kind: "chunked" };
const UNTIL_CLOSE: ResponseFraming = { kind: "until_close" };
const NONE: ResponseFraming = { kind: "none" };

function lengthOf(bytes: number): ResponseFraming {
  return { kind: "length", bytes };
}

interface Relayed {
  readonly sent: string;
  readonly rest: string;
  readonly writes: number;
  readonly problem: string | null;
}

async function relay(
  text: string,
  framing: ResponseFraming,
  options: Partial<BodyOptions> & { readonly readBytesMax?: number } = {},
): Promise<Relayed> {
  const { readBytesMax = Infinity, ...rest } = options;
  const from = new BufferedStream(memoryStreamOf(text, { readBytesMax }));
  const [to, far] = memoryPair({ pipeBytes: Infinity });
  let problem: string | null = null;
  try {
    await relayBody(from, to, framing, { output: "chunked", ...rest });
  } catch (error) {
    assert.ok(error instanceof BodyRelayError);
    problem = error.problem;
  }
  await to.closeWrite();
  const sent = TEXT.decode(await readAll(far));
  const left = problem === null ? TEXT.decode(await readAll(from)) : "";
  return { sent, rest: left, writes: to.writeSizes.length, problem };
}

Deno.test.each(
  [
    { name: "nothing", text: "next", framing: NONE, output: "chunked", sent: "", rest: "next" },
    {
      name: "length 0",
      text: "next",
      framing: lengthOf(0),
      output: "chunked",
      sent: "",
      rest: "next",
    },
    {
      name: "a length",
      text: "abcdenext",
      framing: lengthOf(5),
      output: "chunked",
      sent: "abcde",
      rest: "next",
    },
    {
      name: "until the close",
      text: "abc",
      framing: UNTIL_CLOSE,
      output: "plain",
      sent: "abc",
      rest: "",
    },
    {
      name: "until the close, empty",
      text: "",
      framing: UNTIL_CLOSE,
      output: "plain",
      sent: "",
      rest: "",
    },
    {
      name: "until the close, empty, in chunks",
      text: "",
      framing: UNTIL_CLOSE,
      output: "chunked",
      sent: "0\r\n\r\n",
      rest: "",
    },
    {
      name: "chunks without chunks",
      text: "3\r\nabc\r\n0\r\n\r\nnext",
      framing: CHUNKED,
      output: "plain",
      sent: "abc",
      rest: "next",
    },
    {
      name: "an empty body of chunks",
      text: "0\r\n\r\nnext",
      framing: CHUNKED,
      output: "chunked",
      sent: "0\r\n\r\n",
      rest: "next",
    },
    {
      name: "one without chunks",
      text: "0\r\n\r\nnext",
      framing: CHUNKED,
      output: "plain",
      sent: "",
      rest: "next",
    },
  ] as const,
)("relayBody() relays $name however it is cut", async ({ text, framing, output, sent, rest }) => {
  for (let readBytesMax = 1; readBytesMax <= text.length + 1; readBytesMax += 1) {
    const got = await relay(text, framing, { output, readBytesMax });
    assert.deepEqual({ ...got, writes: 0 }, { sent, rest, writes: 0, problem: null });
    const withHead = await relay(text, framing, { output, readBytesMax, head: UTF8.encode("H") });
    assert.equal(withHead.sent, `H${sent}`);
  }
});

Deno.test("relayBody() frames chunks anew: sizes, trailers and case of the sender are gone", async () => {
  const text = "00A\r\n0123456789\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\nnext";
  const got = await relay(text, CHUNKED);
  assert.deepEqual(got, {
    sent: "b\r\n0123456789a\r\n0\r\n\r\n",
    rest: "next",
    writes: 1,
    problem: null,
  });
});

Deno.test("relayBody() frames what ends with its connection", async () => {
  const got = await relay("abc", UNTIL_CLOSE, { head: UTF8.encode("H\r\n\r\n") });
  assert.equal(got.sent, "H\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
});

Deno.test.each([
  { text: "", framing: lengthOf(1), problem: "body_truncated", sent: "" },
  { text: "abc", framing: lengthOf(5), problem: "body_truncated", sent: "abc" },
  { text: "", framing: CHUNKED, problem: "body_truncated", sent: "" },
  { text: "3\r\nabc\r\n", framing: CHUNKED, problem: "body_truncated", sent: "3\r\nabc\r\n" },
  { text: "3\r\nabc\r\n0\r\n", framing: CHUNKED, problem: "body_truncated", sent: "3\r\nabc\r\n" },
  {
    text: "3\r\nabc\r\n0\r\n\r",
    framing: CHUNKED,
    problem: "body_truncated",
    sent: "3\r\nabc\r\n",
  },
  { text: "3;x\r\nabc\r\n0\r\n\r\n", framing: CHUNKED, problem: "body_invalid", sent: "" },
])(
  "relayBody() never ends $text of $framing.kind in order",
  async ({ text, framing, problem, sent }) => {
    const got = await relay(text, framing);
    assert.equal(got.problem, problem);
    assert.equal(got.sent, sent);
    for (let readBytesMax = 1; readBytesMax < text.length; readBytesMax += 1) {
      const cut = await relay(text, framing, { readBytesMax });
      assert.equal(cut.problem, problem);
      assert.ok(!cut.sent.includes("0\r\n\r\n"));
    }
  },
);

Deno.test.each([
  { framing: UNTIL_CLOSE },
  { framing: CHUNKED },
  { framing: lengthOf(5) },
])("relayBody() takes a reset for no end of $framing.kind", async ({ framing }) => {
  const [near, far] = memoryPair();
  const [to] = memoryPair();
  const relaying = relayBody(new BufferedStream(near), to, framing, { output: "chunked" });
  far.reset();
  await assert.rejects(relaying, { problem: "body_unreadable" });
  assert.deepEqual(to.writeSizes, []);
});

Deno.test("relayBody() says that the receiver failed", async () => {
  const [to, far] = memoryPair();
  far.reset();
  const from = new BufferedStream(memoryStreamOf("abc"));
  const relaying = relayBody(from, to, lengthOf(3), { output: "plain" });
  await assert.rejects(relaying, { problem: "body_unwritable" });
});

Deno.test("relayBody() sends the head with the first bytes in one write", async () => {
  const from = new BufferedStream(memoryStreamOf("abcdef"));
  await from.peek(6);
  const [to] = memoryPair();
  await relayBody(from, to, lengthOf(6), { output: "plain", head: UTF8.encode("HEAD") });
  assert.deepEqual(to.writeSizes, [10]);
});

Deno.test("relayBody() lets the head wait for first bytes that are about to come", async () => {
  const [near, far] = memoryPair();
  const [to] = memoryPair();
  const relaying = relayBody(new BufferedStream(near), to, lengthOf(3), {
    output: "plain",
    head: UTF8.encode("HEAD"),
    coalesces: true,
  });
  await writeAll(far, UTF8.encode("abc"));
  await relaying;
  assert.deepEqual(to.writeSizes, [7]);
});

Deno.test("relayBody() does not let the head wait for long", async () => {
  const [near, far] = memoryPair();
  const [to, client] = memoryPair();
  const relaying = relayBody(new BufferedStream(near), to, CHUNKED, {
    output: "chunked",
    head: UTF8.encode("HEAD"),
    coalesces: true,
  });
  const buffer = new Uint8Array(64);
  assert.equal(await client.read(buffer), 4);
  await writeAll(far, UTF8.encode("1\r\na\r\n"));
  // A piece of a stream goes on when it is there, without the end of the body.
  const count = await client.read(buffer);
  assert.equal(TEXT.decode(buffer.subarray(0, count ?? 0)), "1\r\na\r\n");
  await writeAll(far, UTF8.encode("0\r\n\r\n"));
  await relaying;
});

Deno.test("relayBody() gives back any body through any framing, with bounded pieces", async () => {
  const content = Uint8Array.from({ length: 300_000 }, (_, index) => index % 253);
  const cases = fc.record({
    bytes: fc.integer({ min: 0, max: content.length }),
    chunkBytes: fc.integer({ min: 1, max: 100_000 }),
    readBytesMax: fc.integer({ min: 1_000, max: 100_000 }),
  });
  const scratch = createScratch();
  await fc.assert(
    fc.asyncProperty(cases, async ({ bytes, chunkBytes, readBytesMax }) => {
      const body = content.subarray(0, bytes);
      const framed = frame(body, chunkBytes);
      const first = await relayBytes(framed, CHUNKED, { readBytesMax, scratch });
      const second = await relayBytes(first, CHUNKED, { readBytesMax, scratch, isPlain: true });
      assert.equal(Buffer.compare(second, body), 0);
    }),
    { numRuns: 30 },
  );
});

function frame(body: Uint8Array, chunkBytes: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const part = body.subarray(at, at + chunkBytes);
    parts.push(UTF8.encode(`${part.length.toString(16)}\r\n`), part, UTF8.encode("\r\n"));
  }
  return Uint8Array.from(Buffer.concat([...parts, UTF8.encode("0\r\n\r\n")]));
}

async function relayBytes(
  bytes: Uint8Array,
  framing: ResponseFraming,
  options: {
    readonly readBytesMax: number;
    readonly scratch: Uint8Array;
    readonly isPlain?: boolean;
  },
): Promise<Uint8Array> {
  const { readBytesMax, scratch, isPlain = false } = options;
  const from = new BufferedStream(memoryStreamOf(bytes, { readBytesMax }));
  const [to, far] = memoryPair({ pipeBytes: Infinity });
  const output = isPlain ? "plain" : "chunked";
  await relayBody(from, to, framing, { output, scratch: () => scratch });
  assert.ok(to.writeSizes.every((size) => size <= scratch.length));
  await to.closeWrite();
  return await readAll(far);
}
