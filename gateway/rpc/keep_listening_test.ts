import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, Server } from "node:net";
import { keepListening } from "./keep_listening.ts";

Deno.test.each([
  { name: "a port", address: { hostname: "127.0.0.1", port: 0 } },
  { name: "a socket of the machine", address: null },
])("keepListening() has a server listen again that hears nobody, at $name", async ({ address }) => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/s`;
  const server = createServer((socket) => {
    // Whoever only looks has gone before it reads.
    socket.on("error", () => {});
    socket.end("here");
  });
  const begin = () => {
    if (address === null) server.listen(path);
    else server.listen(port, address.hostname);
  };
  let port = 0;
  const listening = once(server, "listening");
  begin();
  await listening;
  if (address !== null) port = (server.address() as AddressInfo).port;
  const dial = (): Promise<Deno.Conn> =>
    address === null
      ? Deno.connect({ transport: "unix", path })
      : Deno.connect({ hostname: address.hostname, port });
  const ask = async () => await new Response((await dial()).readable).text();
  const deaf = Promise.withResolvers<void>();
  let times = 0;
  const stop = keepListening(server, {
    dial,
    listen: begin,
    checkMs: 10,
    onDeaf: () => {
      times++;
      deaf.resolve();
    },
  });
  assert.equal(await ask(), "here");
  assert.equal(times, 0);
  Server.prototype.close.call(server);
  await deaf.promise;
  for (;;) if (await ask().catch(() => "") === "here") break;
  stop();
  assert.equal(times, 1);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  await Deno.remove(folder, { recursive: true });
});
