import assert from "node:assert/strict";
import { detectProtocol } from "./detect_protocol.ts";
import { BufferedStream } from "./http1/buffered_stream.ts";
import { memoryStreamOf } from "./http1/memory_stream.ts";
import { clientHello } from "./pipeline_fixture.ts";

Deno.test.each([
  { name: "TLS", bytes: clientHello("a.example"), want: { kind: "tls", serverName: "a.example" } },
  { name: "TLS without a name", bytes: clientHello(null), want: { kind: "tls", serverName: null } },
  { name: "HTTP/1", bytes: "GET / HTTP/1.1", want: { kind: "http1" } },
  { name: "a method like HTTP/2", bytes: "PROPFIND / HTTP/1.1", want: { kind: "http1" } },
  { name: "HTTP/2", bytes: "PRI * HTTP/2.0\r\n", want: { kind: "http2" } },
  { name: "lower case", bytes: "get / HTTP/1.1", want: { kind: "unknown" } },
  { name: "another protocol", bytes: "\x00\x01\x02", want: { kind: "unknown" } },
  { name: "nothing", bytes: "", want: { kind: "nothing" } },
  { name: "too little", bytes: "P", want: { kind: "unknown" } },
  {
    name: "half a hello",
    bytes: clientHello("a.example").subarray(0, 20),
    want: { kind: "unknown" },
  },
])("detectProtocol() knows $name, however it comes, and takes nothing", async ({ bytes, want }) => {
  for (const readBytesMax of [1, 100_000]) {
    const stream = new BufferedStream(memoryStreamOf(bytes, { readBytesMax }));
    assert.deepEqual(await detectProtocol(stream), want);
    await stream.peek(bytes.length);
    assert.equal(stream.buffered, bytes.length);
  }
});

Deno.test("detectProtocol() refuses malformed TLS", async () => {
  const stream = new BufferedStream(memoryStreamOf(Uint8Array.of(22, 3, 1, 0, 0)));
  assert.equal((await detectProtocol(stream)).kind, "malformed_tls");
});
