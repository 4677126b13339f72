import assert from "node:assert/strict";
import { fakeGateway } from "../../gateway/client/fake_gateway.ts";
import type { Gateway } from "../../gateway/client/types.ts";
import { serveForward } from "./serve.ts";

/** Serves while `use` runs, and returns what failed. */
async function serving(
  gateway: Gateway,
  use: (port: number) => Promise<void>,
): Promise<readonly unknown[]> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const abort = new AbortController();
  const failures: unknown[] = [];
  const served = serveForward(gateway, listener, {
    sandboxId: "id",
    port: 8080,
    signal: abort.signal,
    onFailure: (error) => failures.push(error),
  });
  try {
    await use(listener.addr.port);
  } finally {
    abort.abort();
    await served;
  }
  return failures;
}

async function talk(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  await connection.closeWrite();
  let got = "";
  const chunk = new Uint8Array(1024);
  for (let count; (count = await connection.read(chunk)) !== null;) {
    got += new TextDecoder().decode(chunk.subarray(0, count));
  }
  return got;
}

Deno.test("serveForward() passes each connection on, both ways and to its end", async () => {
  const targets: unknown[] = [];
  const gateway = fakeGateway({
    async *forward(target, { inputs }) {
      targets.push(target);
      for await (const bytes of inputs) yield bytes;
      yield new TextEncoder().encode(" end");
    },
  });
  const failures = await serving(gateway, async (port) => {
    const answers = await Promise.all([talk(port, "one"), talk(port, "two")]);
    assert.deepEqual(answers, ["one end", "two end"]);
  });
  assert.deepEqual(failures, []);
  assert.deepEqual(targets[0], { sandboxId: "id", port: 8080 });
});

Deno.test("serveForward() tells of a connection that fails, and goes on", async () => {
  let calls = 0;
  const gateway = fakeGateway({
    async *forward(_target, { inputs }) {
      if (++calls === 1) throw new TypeError("refused");
      yield* inputs;
    },
  });
  const failures = await serving(gateway, async (port) => {
    assert.equal(await talk(port, "one"), "");
    assert.equal(await talk(port, "two"), "two");
  });
  assert.match(String(failures), /refused/);
});

Deno.test("serveForward() ends open connections with itself", async () => {
  let aborted = false;
  let opened = Promise.withResolvers<void>();
  const gateway = fakeGateway({
    async *forward(_target, { signal }) {
      opened.resolve();
      await new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => {
          aborted = true;
          resolve();
        })
      );
      yield new Uint8Array();
    },
  });
  let connection: Deno.TcpConn | null = null;
  await serving(gateway, async (port) => {
    opened = Promise.withResolvers();
    connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await opened.promise;
  });
  assert.ok(aborted);
  (connection as Deno.TcpConn | null)?.close();
});
