import assert from "node:assert/strict";
import * as fc from "fast-check";
import { CLIENT_HELLO_BYTES_MAX } from "../../../../proto/egress_limits.ts";
import { type ClientHello, parseClientHello } from "./client_hello.ts";

const ASCII = new TextEncoder();

type Part = string | readonly number[] | Uint8Array;

function bytes(...parts: readonly Part[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => [...typeof part === "string" ? ASCII.encode(part) : part]),
  );
}

/** Puts the length in front, in so many bytes. */
function vector(lengthBytes: number, ...parts: readonly Part[]): Uint8Array {
  const content = bytes(...parts);
  const length = Array.from(
    { length: lengthBytes },
    (_, i) => Math.floor(content.length / 256 ** (lengthBytes - 1 - i)) % 256,
  );
  return bytes(length, content);
}

function extension(type: number, ...content: readonly Part[]): Uint8Array {
  return bytes([type >> 8, type & 255], vector(2, ...content));
}

function serverNames(...names: readonly Part[]): Uint8Array {
  return extension(0, vector(2, ...names.map((name) => bytes([0], vector(2, name)))));
}

function protocols(...names: readonly string[]): Uint8Array {
  return extension(16, vector(2, ...names.map((name) => vector(1, name))));
}

const SUPPORTED_VERSIONS = extension(43, [2, 3, 4]);

interface HelloParts {
  readonly version?: Part;
  readonly session?: Part;
  readonly ciphers?: Part;
  readonly compressions?: Part;
  /** What comes behind the compressions: the extensions, as a vector. */
  readonly end?: Part;
}

function message(...extensions: readonly Uint8Array[]): Uint8Array {
  return messageOf({ end: vector(2, ...extensions) });
}

function messageOf(parts: HelloParts): Uint8Array {
  const { version = [3, 3], session = vector(1), ciphers = vector(2, [0x13, 1]) } = parts;
  const { compressions = vector(1, [0]), end = vector(2, SUPPORTED_VERSIONS) } = parts;
  return bytes([1], vector(3, version, new Uint8Array(32), session, ciphers, compressions, end));
}

/** Puts the message into records of at most so many bytes each. */
function records(payload: Uint8Array, bytesMax = 16_384): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += bytesMax) {
    parts.push(bytes([22, 3, 1], vector(2, payload.subarray(at, at + bytesMax))));
  }
  return bytes(...parts);
}

const HELLO = message(SUPPORTED_VERSIONS, serverNames("api.example.test"), protocols("h2", "x"));

Deno.test.each([
  { name: "name and protocols", payload: HELLO, host: "api.example.test", alpn: ["h2", "x"] },
  { name: "neither", payload: message(SUPPORTED_VERSIONS), host: null, alpn: [] },
  { name: "no extensions at all", payload: messageOf({ end: [] }), host: null, alpn: [] },
  { name: "an empty list of them", payload: message(), host: null, alpn: [] },
  { name: "an old version", payload: messageOf({ version: [3, 1] }), host: null, alpn: [] },
  {
    name: "a name in upper case",
    payload: message(serverNames("API.Example.test")),
    host: "api.example.test",
    alpn: [],
  },
  {
    name: "an address as a name",
    payload: message(serverNames("192.0.2.1")),
    host: "192.0.2.1",
    alpn: [],
  },
])("parseClientHello() reads a hello with $name", ({ payload, host, alpn }) => {
  const want: ClientHello = { kind: "hello", serverName: host, alpn };
  for (const bytesMax of [16_384, 100, 7, 1]) {
    assert.deepEqual(parseClientHello(records(payload, bytesMax)), want);
  }
  const later = bytes(records(payload), [20, 3, 3, 0, 1, 1]);
  assert.deepEqual(parseClientHello(later), want);
});

Deno.test("parseClientHello() needs more of each hello that is not whole", () => {
  for (const bytesMax of [16_384, 100, 3, 1]) {
    const whole = records(HELLO, bytesMax);
    for (let length = 0; length < whole.length; length += 1) {
      assert.deepEqual(parseClientHello(whole.subarray(0, length)), { kind: "need_more" });
    }
  }
});

Deno.test.each([
  { name: "a request", first: bytes("GET / HTTP/1.1\r\n") },
  { name: "HTTP/2", first: bytes("PRI * HTTP/2.0\r\n") },
  { name: "SSH", first: bytes("SSH-2.0-x\r\n") },
  { name: "an alert", first: bytes([21, 3, 1, 0, 2, 2, 40]) },
  { name: "SSL 2", first: bytes([0x80, 0x2e, 1, 0, 2]) },
  { name: "the first byte alone", first: bytes([22, 0x47]) },
])("parseClientHello() sees that $name is not TLS", ({ first }) => {
  assert.deepEqual(parseClientHello(first), { kind: "not_tls" });
});

const LONG = vector(2, new Uint8Array(CLIENT_HELLO_BYTES_MAX));

Deno.test.each([
  { name: "a record of no version", whole: bytes([22, 3, 5, 0, 1, 1]) },
  { name: "an empty record", whole: bytes([22, 3, 1, 0, 0], records(HELLO)) },
  { name: "another message", whole: records(bytes([2], HELLO.subarray(1))) },
  {
    name: "a record of another kind between two of its own",
    whole: bytes(records(HELLO.subarray(0, 9)), [20, 3, 3, 0, 1, 1], records(HELLO.subarray(9))),
  },
  { name: "a message behind it", whole: records(bytes(HELLO, [4])) },
  { name: "a message that is longer than a hello may be", whole: records(bytes([1, 1, 0, 0])) },
  { name: "a record that is", whole: bytes([22, 3, 1, 0x40, 0]) },
  { name: "records that are", whole: records(messageOf({ end: LONG }), 512) },
  { name: "many records that are", whole: records(messageOf({ end: LONG }), 1) },
  { name: "no version", whole: records(messageOf({ version: [2, 0] })) },
  { name: "a long session", whole: records(messageOf({ session: vector(1, new Uint8Array(33)) })) },
  { name: "no ciphers", whole: records(messageOf({ ciphers: vector(2) })) },
  { name: "half a cipher", whole: records(messageOf({ ciphers: vector(2, [1, 2, 3]) })) },
  { name: "ciphers that end too early", whole: records(messageOf({ ciphers: [0xff, 0xff] })) },
  { name: "no compressions", whole: records(messageOf({ compressions: vector(1) })) },
  { name: "half a length", whole: records(messageOf({ end: [0] })) },
  { name: "extensions that end too early", whole: records(messageOf({ end: [0, 9, 0, 0] })) },
  { name: "bytes behind them", whole: records(messageOf({ end: bytes(vector(2), [0]) })) },
  { name: "half an extension", whole: records(messageOf({ end: vector(2, [0, 43, 0]) })) },
  {
    name: "an extension twice",
    whole: records(message(SUPPORTED_VERSIONS, SUPPORTED_VERSIONS)),
  },
  { name: "two server names", whole: records(message(serverNames("a.test", "b.test"))) },
  {
    name: "server names twice",
    whole: records(message(serverNames("a.test"), serverNames("a.test"))),
  },
  { name: "no server name", whole: records(message(serverNames())) },
  { name: "an empty one", whole: records(message(serverNames(""))) },
  { name: "one beyond ASCII", whole: records(message(serverNames("bücher.test"))) },
  { name: "one with NUL", whole: records(message(serverNames("a.test\0.b.test"))) },
  { name: "one with a blank", whole: records(message(serverNames("a.test b.test"))) },
  { name: "one with a dot at its end", whole: records(message(serverNames("a.test."))) },
  { name: "one that reads as a number", whole: records(message(serverNames("0x7f.1"))) },
  { name: "one that is too long", whole: records(message(serverNames(`${"a.".repeat(130)}b`))) },
  {
    name: "one of another kind",
    whole: records(message(extension(0, vector(2, [1], vector(2, "a.test"))))),
  },
  {
    name: "bytes behind the server names",
    whole: records(message(extension(0, vector(2, [0], vector(2, "a.test")), [0]))),
  },
  {
    name: "a server name that ends too early",
    whole: records(message(extension(0, vector(2, [0, 0, 9], "a.test")))),
  },
  { name: "an empty list of protocols", whole: records(message(protocols())) },
  { name: "a protocol without a name", whole: records(message(protocols(""))) },
  {
    name: "bytes behind the protocols",
    whole: records(message(extension(16, vector(2, vector(1, "h2")), [0]))),
  },
])("parseClientHello() refuses $name", ({ whole }) => {
  assert.equal(parseClientHello(whole).kind, "malformed");
});

Deno.test("parseClientHello() never throws, whatever comes", () => {
  const kinds = new Set(["need_more", "not_tls", "malformed", "hello"]);
  const mutation = fc.tuple(fc.nat(), fc.nat({ max: 255 }));
  const mutations = fc.array(mutation, { minLength: 1, maxLength: 6 });
  const sizes = fc.constantFrom(16_384, 20, 1);
  fc.assert(
    fc.property(mutations, sizes, fc.boolean(), (changes, bytesMax, early) => {
      const payload = HELLO.slice();
      if (early) { for (const [at, byte] of changes) payload[at % payload.length] = byte; }
      const whole = records(payload, bytesMax);
      if (!early) { for (const [at, byte] of changes) whole[at % whole.length] = byte; }
      assert.ok(kinds.has(parseClientHello(whole).kind));
    }),
    { numRuns: 3_000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (rest) => {
    assert.ok(kinds.has(parseClientHello(bytes([22, 3, 1], rest)).kind));
  }));
});

Deno.test("parseClientHello() reads what Deno sends", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  using server = await listener.accept();
  using secure = await Deno.startTls(client, {
    hostname: "real.example.test",
    alpnProtocols: ["h2", "http/1.1"],
  });
  const handshake = secure.handshake().catch(() => {});
  const buffer = new Uint8Array(CLIENT_HELLO_BYTES_MAX);
  let hello: ClientHello = { kind: "need_more" };
  for (let length = 0; hello.kind === "need_more";) {
    length += (await server.read(buffer.subarray(length)))!;
    hello = parseClientHello(buffer.subarray(0, length));
  }
  assert.deepEqual(hello, {
    kind: "hello",
    serverName: "real.example.test",
    alpn: ["h2", "http/1.1"],
  });
  server.closeWrite();
  await handshake;
});
