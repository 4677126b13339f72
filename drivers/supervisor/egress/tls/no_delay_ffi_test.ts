import assert from "node:assert/strict";
import { NoDelay } from "./no_delay_ffi.ts";

Deno.test("NoDelay.listen() lets small writes go at once, and Deno alone does not", async () => {
  const noDelay = new NoDelay();
  const listen = () => Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const fast = await twoWritesMs(noDelay.listen(listen));
  const slow = await twoWritesMs(listen());
  noDelay.close();
  // 40 ms each way of an exchange against a fraction of one: a busy machine cannot swap them.
  assert.ok(fast < slow / 2, `${fast} ms is not much less than ${slow} ms`);
});

/** Time for exchanges in which the accepting side writes twice before the other one answers. */
async function twoWritesMs(listener: Deno.TcpListener): Promise<number> {
  const { port } = listener.addr as Deno.NetAddr;
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  using server = await listener.accept();
  listener.close();
  const bytes = new Uint8Array(100);
  const start = performance.now();
  for (let i = 0; i < 8; i += 1) {
    await client.write(bytes);
    await server.read(bytes);
    await server.write(bytes.subarray(0, 50));
    await server.write(bytes.subarray(0, 50));
    for (let left = 100; left > 0;) left -= (await client.read(bytes))!;
  }
  return performance.now() - start;
}
