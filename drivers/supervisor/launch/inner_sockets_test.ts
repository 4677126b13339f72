import assert from "node:assert/strict";
import { adoptListener } from "./adopt_listener_ffi.ts";
import type { InnerConnection } from "./jail.ts";
import { HAS_BASH, HAS_PERL, jailTest, MISSING, withJail } from "./jail_fixture.ts";

const NEEDS_BASH = MISSING ?? (HAS_BASH ? null : "needs bash");

/** Answers each connection with a text that it gets from the host's own network. */
async function relayFromHost(listener: Deno.TcpListener, port: number): Promise<void> {
  for await (const accepted of listener) {
    const dialled = await Deno.connect({ hostname: "127.0.0.1", port });
    await dialled.readable.pipeTo(accepted.writable);
  }
}

async function serveText(listener: Deno.TcpListener, text: string): Promise<void> {
  for await (const accepted of listener) {
    await accepted.write(new TextEncoder().encode(text));
    accepted.close();
  }
}

jailTest(
  "Jail.listen() accepts inside while the host is dialled from outside",
  () =>
    withJail(async ({ jail, run }) => {
      const host = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const proxy = await jail.listen(3128);
      const done = [serveText(host, "from the host\n"), relayFromHost(proxy, host.addr.port)];
      try {
        const dial = (at: string) => run(`exec 3<>/dev/tcp/${at} && cat <&3`, "/bin/bash");
        assert.equal((await dial("127.0.0.1/3128")).out, "from the host\n");
        assert.match((await dial(`127.0.0.1/${host.addr.port}`)).out, /refused/);
        assert.match((await dial("192.0.2.1/80")).out, /unreachable/);
        const { out } = await run("tail -n +3 /proc/net/dev | cut -d: -f1");
        assert.equal(out.trim(), "lo");
      } finally {
        proxy.close();
        host.close();
        await Promise.all(done);
      }
    }),
  NEEDS_BASH,
);

jailTest("Jail.listen() refuses a port that is taken", () =>
  withJail(async ({ jail }) => {
    const first = await jail.listen(3128);
    try {
      await assert.rejects(jail.listen(3128), { name: "JailCallError", message: /errno 98/ });
      // In the host's network the port is free.
      Deno.listen({ hostname: "127.0.0.1", port: 3128 }).close();
    } finally {
      first.close();
    }
    await jail.close();
    await assert.rejects(jail.listen(3128), { name: "JailCallError" });
  }));

jailTest(
  "Jail.dial() reaches what listens inside, and nothing of the host",
  () =>
    withJail(async ({ jail }) => {
      const inner = await jail.listen(4000);
      const host = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const serving = serveText(inner, "from inside\n");
      try {
        for (let time = 0; time < 50; time++) {
          const connection = await jail.dial(4000);
          assert.equal(await new Response(connection.readable).text(), "from inside\n");
          await connection.writable.close();
        }
        await assert.rejects(jail.dial(host.addr.port), { name: "JailCallError" });
        await assert.rejects(jail.dial(4001), { name: "JailCallError", code: "unavailable" });
      } finally {
        inner.close();
        host.close();
        await serving;
      }
      await jail.close();
      await assert.rejects(jail.dial(4000), { name: "JailCallError" });
    }),
);

jailTest(
  "Jail.dial() reaches a program that listens on IPv6 alone",
  () =>
    withJail(async ({ jail, run }) => {
      const script = `use Socket qw(:all); socket(S, AF_INET6, SOCK_STREAM, 0) or die;
      bind(S, pack_sockaddr_in6(4000, inet_pton(AF_INET6, "::1"))) or die; listen(S, 1) or die;
      print "ready\\n"; $| = 1; accept(C, S) or die; print C "six\\n";`;
      const serving = run(script, "/usr/bin/perl");
      let connection: InnerConnection | null = null;
      const deadline = performance.now() + 5000;
      while (connection === null && performance.now() < deadline) {
        connection = await jail.dial(4000).catch(() => null);
      }
      assert.ok(connection !== null);
      assert.equal(await new Response(connection.readable).text(), "six\n");
      await connection.writable.close();
      assert.equal((await serving).code, 0);
    }),
  MISSING ?? (HAS_PERL ? null : "needs perl"),
);

Deno.test("adoptListener() refuses what is no socket, and leaves no listener", async () => {
  // A state of 0A in the list of sockets is one that listens.
  const listening = () =>
    Deno.readTextFileSync("/proc/self/net/tcp").split("\n")
      .filter((line) => /^\s*\d+: 0100007F:\w{4} \w{8}:\w{4} 0A /.test(line))
      .map((line) => line.trim().split(/\s+/)[9]);
  const own = () =>
    [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`);
      } catch {
        return ""; // Closed meanwhile.
      }
    });
  for (const descriptor of [-1, 1 << 20]) {
    assert.throws(() => adoptListener(descriptor), { name: "JailCallError" });
  }
  const deadline = performance.now() + 10_000;
  const isLeft = () => {
    const sockets = new Set(own());
    return listening().some((inode) => sockets.has(`socket:[${inode}]`));
  };
  // What was closed may take a moment.
  while (isLeft() && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(!isLeft());
});
