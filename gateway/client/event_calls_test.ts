import assert from "node:assert/strict";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { ReadEventsResponseSchema } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { createGateway } from "./gateway_client.ts";
import { GatewayError } from "./gateway_error.ts";
import { createSocketGateway } from "./socket_gateway.ts";
import { openConnection } from "./transport.ts";
import type { Gateway, LogQuery } from "./types.ts";

const QUERY: LogQuery = {
  sandboxId: "id-1",
  workspace: "default",
  lines: 10_000,
  sinceMs: 5,
  sources: ["sandbox"],
  level: "warn",
};

const RECORDS = Array.from({ length: 3_000 }, (_, index) => `{"number":${index}}`);

type Protocol = "gRPC" | "Connect";

/** One message as it is on the wire; without flags, its length before it. */
function envelope(protocol: Protocol, fields: { record?: string; complete?: boolean }): Uint8Array {
  const message = create(ReadEventsResponseSchema, { source: "sandbox", ...fields });
  const bytes = protocol === "gRPC"
    ? toBinary(ReadEventsResponseSchema, message)
    : new TextEncoder().encode(toJsonString(ReadEventsResponseSchema, message));
  const enveloped = new Uint8Array(5 + bytes.length);
  new DataView(enveloped.buffer).setUint32(1, bytes.length);
  enveloped.set(bytes, 5);
  return enveloped;
}

/** Serves one answer that nothing follows, and cuts the connection when the client has read it. */
async function withAnswer(
  protocol: Protocol,
  chunks: readonly Uint8Array[],
  use: (gateway: Gateway, cut: () => void) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const socket = `${folder}/gateway.sock`;
  const sockets = new Set<Socket>();
  const server = createServer();
  server.prependListener("connection", (each: Socket) => void sockets.add(each));
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    const type = protocol === "gRPC" ? "application/grpc+proto" : "application/connect+json";
    stream.respond({ ":status": 200, "content-type": type });
    for (const chunk of chunks) stream.write(chunk);
  });
  await new Promise<void>((resolve) => {
    if (protocol === "gRPC") server.listen(0, "127.0.0.1", resolve);
    else server.listen(socket, resolve);
  });
  const cut = () => sockets.forEach((each) => each.destroy());
  const gateway = protocol === "gRPC"
    ? await byPort(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    : bySocket(socket);
  try {
    await use(gateway, cut);
  } finally {
    gateway.close();
    cut();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await Deno.remove(folder, { recursive: true });
  }
}

async function byPort(endpoint: string): Promise<Gateway> {
  const options = { gateway: "work", endpoint, tls: null, insecure: false };
  const { transport, close } = await openConnection(options);
  return createGateway({ name: "work", endpoint, auth: "plaintext", transport, close });
}

function bySocket(socket: string): Gateway {
  const openPort = () => Promise.reject(new Error("the port is not needed"));
  return createSocketGateway({ name: "work", endpoint: "https://127.0.0.1:1", socket, openPort });
}

/** Reads all; the connection is cut when `RECORDS` have come. */
async function read(gateway: Gateway, cut: () => void): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { record } of gateway.readEvents(QUERY, false, new AbortController().signal)) {
    found.push(record);
    if (found.length === RECORDS.length) cut();
  }
  return found;
}

const PROTOCOLS = ["gRPC", "Connect"] as const;

Deno.test.each(PROTOCOLS.map((protocol) => ({ protocol })))(
  "readEvents() by $protocol takes what is said to be whole for whole, however it ends",
  async ({ protocol }) => {
    const records = RECORDS.map((record) => envelope(protocol, { record }));
    const chunks = [...records, envelope(protocol, { complete: true })];
    await withAnswer(protocol, chunks, async (gateway, cut) => {
      assert.deepEqual(await read(gateway, cut), RECORDS);
    });
  },
);

Deno.test.each(PROTOCOLS.flatMap((protocol) => [
  { protocol, name: "after all records", change: (all: Uint8Array[]) => all },
  {
    protocol,
    name: "in the last message",
    change: (all: Uint8Array[]) => [...all, envelope(protocol, { complete: true }).slice(0, -1)],
  },
]))("readEvents() by $protocol never takes for whole what breaks off $name", async (
  { protocol, change },
) => {
  const chunks = change(RECORDS.map((record) => envelope(protocol, { record })));
  await withAnswer(protocol, chunks, async (gateway, cut) => {
    await assert.rejects(read(gateway, cut), (error) => {
      assert.ok(error instanceof GatewayError, String(error));
      assert.match(error.message, /^Cannot read the events: /);
      return true;
    });
  });
});
