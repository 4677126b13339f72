import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type ByteStream, writeAll } from "../byte_stream.ts";
import { Cable, connectPair, readAll } from "./fake_peer.ts";
import { SandboxAuthority } from "./sandbox_authority.ts";
import { TlsTerminator, type TlsTerminatorOptions } from "./tls_terminator.ts";

const HOST = "example.test";
const MEGABYTES = crypto.getRandomValues(new Uint8Array(64 * 1024));

interface Scene {
  readonly authority: SandboxAuthority;
  readonly terminator: TlsTerminator;
  /** The program's end, without TLS. */
  readonly program: Deno.TcpConn;
  /** The proxy's end, which the terminator gets. */
  readonly cable: Cable;
}

async function withScene(
  options: Partial<TlsTerminatorOptions>,
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  const authority = await SandboxAuthority.create();
  const [program, accepted] = await connectPair();
  using terminator = new TlsTerminator({ authority, ...options });
  const cable = new Cable(accepted);
  await body({ authority, terminator, program, cable });
  program[Symbol.dispose]();
  // Whatever happened, the terminator closes what it was given.
  await cable.closed;
}

/** Runs the body with both ends of a connection that has been established. */
async function withConnection(
  body: (secure: Deno.TlsConn, inside: ByteStream, scene: Scene) => Promise<void>,
  { host = HOST, ...options }: Partial<TlsTerminatorOptions> & { readonly host?: string } = {},
): Promise<void> {
  await withScene(options, async (scene) => {
    const terminated = scene.terminator.terminate(scene.cable, host);
    using secure = await startTls(scene, host);
    const inside = await terminated;
    await body(secure, inside, scene);
    inside.close();
  });
}

async function startTls(
  { program, authority }: Scene,
  hostname: string,
  alpnProtocols: string[] = ["h2", "http/1.1"],
): Promise<Deno.TlsConn> {
  const caCerts = [authority.caPem];
  const secure = await Deno.startTls(program, { hostname, caCerts, alpnProtocols });
  await secure.handshake();
  return secure;
}

Deno.test.each([{ host: HOST }, { host: "192.0.2.1" }, { host: "2001:db8::1" }])(
  "TlsTerminator.terminate() is $host for a program that trusts the authority",
  ({ host }) =>
    withConnection(async (secure, inside) => {
      assert.equal((await secure.handshake()).alpnProtocol, "http/1.1");
      await secure.write(Uint8Array.of(1, 2, 3));
      const buffer = new Uint8Array(10);
      assert.equal(await inside.read(buffer), 3);
      await inside.write(Uint8Array.of(4, 5));
      assert.equal(await secure.read(buffer), 2);
      assert.deepEqual([...buffer.subarray(0, 3)], [4, 5, 3]);
    }, { host }),
);

Deno.test("TlsTerminator.terminate() carries much, both ways at once", () =>
  withConnection(async (secure, inside) => {
    const send = async (stream: ByteStream) => {
      for (let i = 0; i < 64; i += 1) await writeAll(stream, MEGABYTES);
      await stream.closeWrite();
    };
    const want = new Uint8Array(64 * MEGABYTES.length);
    for (let i = 0; i < 64; i += 1) want.set(MEGABYTES, i * MEGABYTES.length);
    const [up, down] = await Promise.all([
      readAll(inside),
      readAll(secure),
      send(secure),
      send(inside),
    ]);
    assert.ok(Buffer.from(want).equals(up) && Buffer.from(want).equals(down));
  }));

Deno.test("TlsTerminator.terminate() ends each direction on its own", () =>
  withConnection(async (secure, inside) => {
    await secure.write(Uint8Array.of(1));
    await secure.closeWrite();
    assert.deepEqual([...await readAll(inside)], [1]);
    await inside.write(Uint8Array.of(2));
    await inside.closeWrite();
    assert.deepEqual([...await readAll(secure)], [2]);
  }));

Deno.test("TlsTerminator.terminate() reads the end of a program that is just gone", () =>
  withConnection(async (secure, inside, { cable }) => {
    await secure.write(Uint8Array.of(1));
    assert.equal(await inside.read(new Uint8Array(10)), 1);
    cable.cut();
    await secure.write(Uint8Array.of(2));
    assert.equal(await inside.read(new Uint8Array(10)), null);
  }));

Deno.test("TlsTerminator.terminate() delivers what was written before the close", () =>
  withConnection(async (secure, inside) => {
    await writeAll(inside, MEGABYTES);
    inside.close();
    assert.ok(Buffer.from(await readAll(secure)).equals(MEGABYTES));
  }));

Deno.test("TlsTerminator.terminate() does not wait for a program that never reads", () =>
  withConnection(async (secure, inside, { cable }) => {
    const writing = (async () => {
      for (;;) await writeAll(inside, MEGABYTES);
    })().catch((error) => error);
    await secure.write(Uint8Array.of(1));
    await inside.read(new Uint8Array(10));
    inside.close();
    assert.ok(await writing instanceof Error);
    await cable.closed;
  }, { drainMsMax: 10 }));

Deno.test("TlsTerminator.terminate() fails writes to a program that is gone", () =>
  withConnection(async (secure, inside) => {
    secure.close();
    await assert.rejects(async () => {
      for (;;) await writeAll(inside, MEGABYTES);
    });
  }));

Deno.test("TlsTerminator.terminate() closes at once, and may be closed twice", () =>
  withConnection(async (_secure, inside) => {
    const reading = inside.read(new Uint8Array(1));
    inside.close();
    inside.close();
    await assert.rejects(reading);
    await assert.rejects(inside.read(new Uint8Array(1)));
    await assert.rejects(inside.write(new Uint8Array(1)));
  }));

Deno.test("TlsTerminator.terminate() gives up on a program that says nothing", () =>
  withScene({ handshakeMsMax: 1 }, async ({ terminator, cable }) => {
    await assert.rejects(terminator.terminate(cable, HOST), {
      name: "TlsTerminationError",
      problem: "timeout",
    });
  }));

Deno.test.each([{ name: "before", isEarly: true }, { name: "during", isEarly: false }])(
  "TlsTerminator.terminate() gives up when it is aborted $name the handshake",
  ({ isEarly }) =>
    withScene({}, async ({ terminator, cable }) => {
      const controller = new AbortController();
      if (isEarly) controller.abort();
      const terminated = terminator.terminate(cable, HOST, controller.signal);
      controller.abort();
      await assert.rejects(terminated, { name: "TlsTerminationError", problem: "aborted" });
    }),
);

Deno.test("TlsTerminator.terminate() answers what is not TLS with an alert", () =>
  withScene({}, async ({ terminator, cable, program }) => {
    const answer = readAll(program);
    await program.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    await assert.rejects(terminator.terminate(cable, HOST), { problem: "handshake" });
    // An alert record, and nothing else.
    assert.equal((await answer)[0], 21);
  }));

Deno.test.each([
  { name: "speaks another protocol alone", alpn: ["h2"], host: HOST },
  { name: "wants another host", alpn: ["http/1.1"], host: "other.test" },
])(
  "TlsTerminator.terminate() refuses a program that $name",
  ({ alpn, host }) =>
    withScene({}, async (scene) => {
      const terminated = scene.terminator.terminate(scene.cable, HOST);
      const refused = assert.rejects(terminated, { problem: "handshake" });
      await assert.rejects(startTls(scene, host, [...alpn]));
      await refused;
    }),
);

Deno.test("TlsTerminator.terminate() refuses a host that no certificate can name", () =>
  withScene({}, async ({ terminator, cable }) => {
    await assert.rejects(terminator.terminate(cable, "not a host"), {
      name: "TlsTerminationError",
      code: "unavailable",
      problem: "no_certificate",
    });
  }));

Deno.test("TlsTerminator.terminate() drops whoever else connects to the hop", () =>
  withScene({}, async (scene) => {
    const intruder = Promise.withResolvers<Deno.TcpConn>();
    const connect = Deno.connect;
    // Gets in front of the terminator's own connection, once.
    Deno.connect = (async (options: Deno.ConnectOptions) => {
      Deno.connect = connect;
      intruder.resolve(await connect(options));
      return await connect(options);
    }) as typeof Deno.connect;
    const terminated = scene.terminator.terminate(scene.cable, HOST);
    using secure = await startTls(scene, HOST);
    const inside = await terminated;
    await secure.write(Uint8Array.of(1));
    assert.equal(await inside.read(new Uint8Array(10)), 1);
    await inside.write(Uint8Array.of(2));
    assert.equal(await secure.read(new Uint8Array(10)), 1);
    inside.close();
    // It may still complete a handshake, and finds an end behind it.
    const caCerts = [scene.authority.caPem];
    using dropped = await Deno.startTls(await intruder.promise, { hostname: HOST, caCerts });
    await dropped.handshake();
    assert.equal(await dropped.read(new Uint8Array(1)).catch(() => null), null);
  }));
