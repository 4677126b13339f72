/**
 * The server name in a hello is the one that a TLS server of Node finds.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer, type SecureContext } from "node:tls";
import { writeAll } from "../../../drivers/supervisor/egress/byte_stream.ts";
import { parseClientHello } from "../../../drivers/supervisor/egress/tls/client_hello.ts";
import type { Target } from "../target.ts";
import { CLIENT_HELLO } from "./client_hello.ts";

export const SERVER_NAME: Target = {
  name: "server_name",
  holds: "the server name in a hello is the one that a TLS server finds",
  iterations: 300,
  generate: CLIENT_HELLO.generate,
  check: async (input) => {
    const form = parseClientHello(input);
    if (form.kind !== "hello") return;
    const found = await askServer(input);
    // A server may refuse what it likes before it looks at the name.
    if (found === null) return;
    assert.equal(form.serverName ?? "", found.toLowerCase(), "the server finds another name");
  },
};

/** Returns the name that the server asks a certificate for, `null` where it asks for none. */
async function askServer(hello: Uint8Array): Promise<string | null> {
  let found: string | null = null;
  const server = createServer({
    SNICallback: (name: string, done: (error: Error | null, context?: SecureContext) => void) => {
      // Node gives an empty one where there is none.
      found = name;
      done(new Error("That was all"));
    },
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    await writeAll(connection, hello);
    await connection.closeWrite();
    while (await connection.read(new Uint8Array(1024)) !== null);
  } catch {
    // The server has closed.
  } finally {
    connection.close();
    await new Promise((resolve) => server.close(resolve));
  }
  return found;
}
