import assert from "node:assert/strict";
import { type AddressInfo, createServer, Server } from "node:net";
import { keepListening } from "./keep_listening.ts";

Deno.test("keepListening() has a server listen again that hears nobody", async () => {
  const server = createServer((socket) => {
    // Whoever only looks has gone before it reads.
    socket.on("error", () => {});
    socket.end("here");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const deaf = Promise.withResolvers<void>();
  let times = 0;
  const stop = keepListening(server, {
    host: "127.0.0.1",
    port,
    checkMs: 10,
    onDeaf: () => {
      times++;
      deaf.resolve();
    },
  });
  assert.equal(await ask(port), "here");
  assert.equal(times, 0);
  Server.prototype.close.call(server);
  await deaf.promise;
  for (;;) if (await ask(port).catch(() => "") === "here") break;
  stop();
  assert.equal(times, 1);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
});

async function ask(port: number): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return await new Response(connection.readable).text();
}
