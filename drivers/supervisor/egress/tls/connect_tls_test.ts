import assert from "node:assert/strict";
import {
  type Authority,
  type CertificateRequest,
  createAuthority,
  issueCertificate,
} from "../../../system/pki/certificate.ts";
import { connectTls } from "./connect_tls.ts";
import { connectPair, readAll } from "./fake_peer.ts";

const DAY_MS = 86_400_000;
const LEAF: CertificateRequest = {
  commonName: "server.test",
  dnsNames: ["server.test"],
  ipAddresses: ["192.0.2.1", "2001:db8::1"],
  usage: "server",
  days: 7,
};

function authorityAt(now: Date): Promise<Authority> {
  const request = { commonName: "CA", organization: "Test", days: 30, extractable: false };
  return createAuthority({ ...request, now });
}

interface Server {
  readonly connection: Deno.TcpConn;
  /** Its own end, once it has accepted. */
  readonly accepted: Deno.TlsConn;
  readonly caCerts: readonly string[];
}

/** Runs the body with a connection to a server that shows a certificate. */
async function withServer(
  { change = {}, now = new Date(), alpn = ["h2", "http/1.1"] }: {
    readonly change?: Partial<CertificateRequest>;
    readonly now?: Date;
    readonly alpn?: readonly string[];
  },
  body: (server: Server) => Promise<void>,
): Promise<void> {
  const authority = await authorityAt(now);
  const { certPem, keyPem } = await issueCertificate(authority, { ...LEAF, now, ...change });
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: certPem,
    key: keyPem,
    alpnProtocols: [...alpn],
  });
  const { port } = listener.addr as Deno.NetAddr;
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  using accepted = await listener.accept();
  listener.close();
  const handshake = accepted.handshake().catch(() => {});
  await body({ connection, accepted, caCerts: [authority.certPem] });
  accepted[Symbol.dispose]();
  await handshake;
}

Deno.test.each([{ host: "server.test" }, { host: "192.0.2.1" }, { host: "2001:db8::1" }])(
  "connectTls() speaks with $host, in HTTP/1.1",
  ({ host }) =>
    withServer({}, async ({ connection, accepted, caCerts }) => {
      const stream = await connectTls(connection, host, undefined, { caCerts });
      assert.equal((await accepted.handshake()).alpnProtocol, "http/1.1");
      await stream.write(Uint8Array.of(1));
      await stream.closeWrite();
      assert.deepEqual([...await readAll(accepted)], [1]);
      await accepted.write(Uint8Array.of(2));
      await accepted.closeWrite();
      assert.deepEqual([...await readAll(stream)], [2]);
      stream.close();
      stream.close();
    }),
);

Deno.test.each([
  { name: "another name", host: "other.test", problem: "name_mismatch" },
  { name: "another address", host: "192.0.2.2", problem: "name_mismatch" },
  { name: "a host that is none", host: "not a host", problem: "name_mismatch" },
  { name: "an end in the past", now: new Date(Date.now() - 20 * DAY_MS), problem: "expired" },
  {
    name: "a beginning in the future",
    now: new Date(Date.now() + 40 * DAY_MS),
    problem: "not_yet_valid",
  },
  { name: "an authority that is not known", isTrusted: false, problem: "unknown_issuer" },
  {
    name: "a certificate for clients",
    change: { usage: "client" as const },
    problem: "bad_certificate",
  },
  { name: "another protocol", alpn: ["h2"], problem: "handshake" },
])("connectTls() refuses a server with $name", async (row) => {
  const { host = "server.test", isTrusted = true, problem, ...server } = row;
  await withServer(server, async ({ connection, caCerts }) => {
    const options = isTrusted ? { caCerts } : {};
    await assert.rejects(connectTls(connection, host, undefined, options), {
      name: "UpstreamTlsError",
      code: "unavailable",
      reason: "upstream_tls_failed",
      problem,
    });
    assert.throws(() => connection.close());
  });
});

Deno.test("connectTls() refuses a server that does not speak TLS", async () => {
  const [connection, server] = await connectPair();
  using _server = server;
  await server.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await assert.rejects(connectTls(connection, "server.test"), { problem: "handshake" });
});

Deno.test("connectTls() gives up on a server that says nothing", async () => {
  const [connection, server] = await connectPair();
  using _server = server;
  const options = { handshakeMsMax: 1 };
  await assert.rejects(connectTls(connection, "server.test", undefined, options), {
    problem: "timeout",
  });
});

Deno.test.each([{ name: "before", isEarly: true }, { name: "during", isEarly: false }])(
  "connectTls() gives up when it is aborted $name the handshake",
  async ({ isEarly }) => {
    const [connection, server] = await connectPair();
    using _server = server;
    const controller = new AbortController();
    if (isEarly) controller.abort();
    const connected = connectTls(connection, "server.test", controller.signal);
    controller.abort();
    await assert.rejects(connected, { problem: "aborted" });
  },
);

Deno.test("connectTls() tells a server that is just gone from one that has ended", async () => {
  // The server sits behind a relay, which can cut what TLS itself would end properly.
  await withServer({}, async ({ connection: behind, accepted, caCerts }) => {
    const [connection, relay] = await connectPair();
    const relayed = [
      relay.readable.pipeTo(behind.writable),
      behind.readable.pipeTo(relay.writable),
    ];
    const stream = await connectTls(connection, "server.test", undefined, { caCerts });
    await accepted.handshake();
    await relay.closeWrite();
    await assert.rejects(stream.read(new Uint8Array(1)), {
      name: "TlsTruncatedError",
      code: "unavailable",
    });
    stream.close();
    accepted[Symbol.dispose]();
    await Promise.allSettled(relayed);
  });
});

Deno.test("connectTls() trusts what its process was started with, and nothing that is missing", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const authority = await authorityAt(new Date());
    const file = `${folder}/bundle.pem`;
    await Deno.writeTextFile(file, authority.certPem);
    const { certPem, keyPem } = await issueCertificate(authority, LEAF);
    const tls = { cert: certPem, key: keyPem };
    using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls });
    const serving = serve(listener);
    const { port } = listener.addr as Deno.NetAddr;
    for (const { env, want } of environments(file)) {
      assert.equal(await connectAs(env, port), want, JSON.stringify(env));
    }
    listener.close();
    await serving;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function environments(file: string) {
  return [
    { env: {}, want: "unknown_issuer" },
    { env: { SSL_CERT_FILE: file }, want: "unknown_issuer" },
    { env: { DENO_TLS_CA_STORE: "system", SSL_CERT_FILE: file }, want: "connected" },
    { env: { DENO_CERT: file }, want: "connected" },
    { env: { DENO_TLS_CA_STORE: "system", SSL_CERT_FILE: "/missing" }, want: "trust_store" },
    { env: { DENO_CERT: "/missing" }, want: "trust_store" },
  ];
}

async function serve(listener: Deno.TlsListener): Promise<void> {
  for await (const accepted of listener) {
    await accepted.handshake().catch(() => {});
    accepted[Symbol.dispose]();
  }
}

async function connectAs(env: Readonly<Record<string, string>>, port: number): Promise<string> {
  const script = `
    import { connectTls } from ${JSON.stringify(new URL("./connect_tls.ts", import.meta.url))};
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: ${port} });
    const connected = connectTls(connection, "server.test");
    console.log(await connected.then((stream) => (stream.close(), "connected"), (e) => e.problem));
  `;
  const home = Deno.env.get("HOME") ?? "/";
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", script],
    clearEnv: true,
    env: { HOME: home, ...env },
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout).trim();
}
