import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  type Authority,
  type CertificateRequest,
  createAuthority,
  issueCertificate,
  loadAuthority,
} from "./certificate.ts";
import { createSigningKey, exportKeyPem } from "./keys.ts";

const CA = { commonName: "Test CA", organization: "Test", days: 30, extractable: true };
const LEAF: CertificateRequest = {
  commonName: "h.test",
  dnsNames: ["h.test", "*.h.test"],
  ipAddresses: ["127.0.0.1", "::1"],
  usage: "server",
  days: 7,
};
const NOW = new Date("2030-06-01T12:00:00.500Z");
const LONG_HOST = `${"a".repeat(60)}.${"b".repeat(60)}.test`;

const HAS_OPENSSL = hasProgram("openssl");
const HAS_CURL = hasProgram("curl");
const HAS_PYTHON = hasProgram("python3");
if (!HAS_OPENSSL) console.log("Ignored: tests that need openssl");
if (!HAS_CURL) console.log("Ignored: tests that need curl");
if (!HAS_PYTHON) console.log("Ignored: tests that need python3");

function hasProgram(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["--help"], stdout: "null", stderr: "null" })
      .outputSync().code < 128;
  } catch {
    return false;
  }
}

async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, text);
  return text;
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("createAuthority() and issueCertificate() write what node:crypto reads", async () => {
  const authority = await createAuthority({ ...CA, now: NOW });
  const issued = await issueCertificate(authority, {
    ...LEAF,
    organizationalUnit: "unit",
    now: NOW,
  });
  const ca = new X509Certificate(authority.certPem);
  const leaf = new X509Certificate(issued.certPem);
  assert.equal(ca.subject, "O=Test\nCN=Test CA");
  assert.equal(ca.ca, true);
  assert.equal(leaf.ca, false);
  assert.equal(leaf.subject, "OU=unit\nCN=h.test");
  assert.equal(leaf.issuer, ca.subject);
  assert.equal(
    leaf.subjectAltName,
    "DNS:h.test, DNS:*.h.test, IP Address:127.0.0.1, IP Address:::1",
  );
  assert.equal(new Date(leaf.validFrom).toISOString(), "2030-05-02T12:00:00.000Z");
  assert.equal(new Date(leaf.validTo).toISOString(), "2030-06-08T12:00:00.000Z");
  assert.equal(issued.notAfter.toISOString(), "2030-06-08T12:00:00.000Z");
  assert.ok(leaf.verify(ca.publicKey) && ca.verify(ca.publicKey) && leaf.checkIssued(ca));
});

Deno.test("issueCertificate() never outlives its authority", async () => {
  const authority = await createAuthority({ ...CA, days: 3, now: NOW });
  const issued = await issueCertificate(authority, { ...LEAF, days: 7, now: NOW });
  assert.equal(issued.notAfter.getTime(), authority.notAfter.getTime());
});

Deno.test("issueCertificate() gives each certificate a serial of its own", async () => {
  const authority = await createAuthority(CA);
  const key = await createSigningKey({ extractable: true });
  const serials = new Set<string>();
  for (let i = 0; i < 32; i += 1) {
    const { certPem } = await issueCertificate(authority, { ...LEAF, key });
    serials.add(new X509Certificate(certPem).serialNumber);
  }
  assert.equal(serials.size, 32);
  for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/);
});

Deno.test("issueCertificate() signs with a key that cannot leave WebCrypto", async () => {
  const authority = await createAuthority({ ...CA, extractable: false });
  const { certPem } = await issueCertificate(authority, LEAF);
  assert.ok(new X509Certificate(certPem).verify(new X509Certificate(authority.certPem).publicKey));
  await assert.rejects(exportKeyPem(authority.key));
});

Deno.test("loadAuthority() goes on where createAuthority() ended", async () => {
  const made = await createAuthority({ ...CA, now: NOW });
  const loaded = await loadAuthority(made.certPem, await exportKeyPem(made.key));
  assert.deepEqual(loaded.name, made.name);
  assert.deepEqual(loaded.keyId, made.keyId);
  assert.equal(loaded.notAfter.getTime(), made.notAfter.getTime());
  const { certPem } = await issueCertificate(loaded, LEAF);
  assert.ok(new X509Certificate(certPem).verify(new X509Certificate(made.certPem).publicKey));
});

Deno.test("loadAuthority() reads an end after 2049", async () => {
  const made = await createAuthority({ ...CA, days: 10_000, now: NOW });
  const loaded = await loadAuthority(made.certPem, await exportKeyPem(made.key));
  assert.equal(loaded.notAfter.toISOString(), made.notAfter.toISOString());
  assert.ok(loaded.notAfter.getUTCFullYear() > 2050);
});

Deno.test.each([
  { name: "the key of another", pick: (a: Pems, b: Pems) => [a.cert, b.key] },
  { name: "a key for a certificate", pick: (a: Pems) => [a.key, a.key] },
  { name: "a certificate for a key", pick: (a: Pems) => [a.cert, a.cert] },
  { name: "a cut certificate", pick: (a: Pems) => [a.cert.slice(0, 200), a.key] },
  { name: "nothing", pick: () => ["", ""] },
])("loadAuthority() refuses $name", async ({ pick }) => {
  const [cert, key] = pick(await pems(), await pems());
  await assert.rejects(loadAuthority(cert!, key!), { name: "EncodingError" });
});

interface Pems {
  readonly cert: string;
  readonly key: string;
}

async function pems(): Promise<Pems> {
  const { certPem, key } = await createAuthority(CA);
  return { cert: certPem, key: await exportKeyPem(key) };
}

Deno.test.each([
  { name: "an empty name", change: { dnsNames: [""] } },
  { name: "a name beyond ASCII", change: { dnsNames: ["bücher.test"] } },
  { name: "a name with NUL", change: { dnsNames: ["h.test\0.evil.test"] } },
  { name: "a name with a blank", change: { dnsNames: ["h.test evil.test"] } },
  { name: "a star in the middle", change: { dnsNames: ["h.*.test"] } },
  { name: "a trailing dot", change: { dnsNames: ["h.test."] } },
  { name: "an address as a name", change: { dnsNames: ["127.0.0.1"] } },
  { name: "a label that is too long", change: { dnsNames: ["a".repeat(64)] } },
  { name: "a name as an address", change: { ipAddresses: ["h.test"] } },
  { name: "a network as an address", change: { ipAddresses: ["10.0.0.0/8"] } },
  { name: "a common name that is too long", change: { commonName: "a".repeat(65) } },
])("issueCertificate() refuses $name", async ({ change }) => {
  const authority = await createAuthority(CA);
  await assert.rejects(issueCertificate(authority, { ...LEAF, ...change }), {
    name: "CertificateRequestError",
  });
});

Deno.test({
  name: "openssl reads and verifies what is issued, by its strict rules",
  ignore: !HAS_OPENSSL,
  fn: () =>
    withFolder(async (folder) => {
      const authority = await createAuthority(CA);
      await Deno.writeTextFile(`${folder}/ca.pem`, authority.certPem);
      const text = await run("openssl", "x509", "-in", `${folder}/ca.pem`, "-noout", "-text");
      assert.match(text, /X509v3 Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/);
      assert.match(text, /X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
      assert.match(text, /ASN1 OID: prime256v1\n/);
      for (const [index, { change, purpose, want }] of STRICT.entries()) {
        const path = `${folder}/${index}.pem`;
        const { certPem } = await issueCertificate(authority, { ...LEAF, ...change });
        await Deno.writeTextFile(path, certPem);
        const verify = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile"];
        await run("openssl", ...verify, `${folder}/ca.pem`, path);
        const leaf = await run("openssl", "x509", "-in", path, "-noout", "-text");
        assert.match(leaf, /X509v3 Key Usage: critical\s+Digital Signature\n/);
        assert.match(leaf, want);
      }
    }),
});

const STRICT: readonly {
  readonly change: Partial<CertificateRequest>;
  readonly purpose: string;
  readonly want: RegExp;
}[] = [
  { change: {}, purpose: "sslserver", want: /Usage: \s*TLS Web Server Authentication\n/ },
  { change: { usage: "client" }, purpose: "sslclient", want: /TLS Web Client Authentication\n/ },
  { change: { usage: "both" }, purpose: "sslclient", want: /Server Auth\w+, TLS Web Client/ },
  { change: { dnsNames: [], ipAddresses: [] }, purpose: "sslserver", want: /CN = h\.test\n/ },
  {
    change: { commonName: LONG_HOST, dnsNames: [LONG_HOST] },
    purpose: "sslserver",
    want: /Subject: \n[^]*Alternative Name: critical/,
  },
];

Deno.test.each([
  { name: "openssl", ignore: !HAS_OPENSSL, host: "h.test" },
  { name: "curl", ignore: !HAS_CURL, host: "h.test" },
  { name: "curl", ignore: !HAS_CURL, host: "127.0.0.1" },
  { name: "python3", ignore: !HAS_PYTHON, host: "h.test" },
  { name: "python3", ignore: !HAS_PYTHON, host: "127.0.0.1" },
  { name: "deno", ignore: false, host: "sub.h.test" },
  { name: "deno", ignore: false, host: "::1" },
  { name: "deno", ignore: false, host: LONG_HOST },
])("$name takes the certificate in a handshake as $host", async ({ name, ignore, host }) => {
  // Printed above: the program is not there.
  if (ignore) return;
  const authority = await createAuthority({ ...CA, extractable: false });
  const dnsNames = [...LEAF.dnsNames, LONG_HOST];
  const { certPem, keyPem } = await issueCertificate(authority, { ...LEAF, dnsNames });
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: certPem, key: keyPem });
  const { port } = listener.addr as Deno.NetAddr;
  const served = serveOnce(listener);
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/ca.pem`, authority.certPem);
    await CLIENTS[name]!({ host, port, folder, authority });
  });
  await served;
});

interface Visit {
  readonly host: string;
  readonly port: number;
  readonly folder: string;
  readonly authority: Authority;
}

const PYTHON = `
import socket, ssl, sys
host, port, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.verify_flags |= ssl.VERIFY_X509_STRICT
with socket.create_connection(("127.0.0.1", int(port))) as raw:
    with context.wrap_socket(raw, server_hostname=host) as secure:
        secure.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
        assert b"200" in secure.recv(100)
`;

const CLIENTS: Readonly<Record<string, (visit: Visit) => Promise<unknown>>> = {
  openssl: ({ host, port, folder }) =>
    run(
      "openssl",
      ...["s_client", "-connect", `127.0.0.1:${port}`, "-servername", host],
      ...["-verify_hostname", host, "-CAfile", `${folder}/ca.pem`, "-verify_return_error"],
      "-x509_strict",
    ),
  curl: ({ host, port, folder }) =>
    run(
      "curl",
      ...["--silent", "--show-error", "--cacert", `${folder}/ca.pem`],
      ...["--resolve", `${host}:${port}:127.0.0.1`, `https://${host}:${port}/`],
    ),
  python3: ({ host, port, folder }) =>
    run("python3", "-c", PYTHON, host, `${port}`, `${folder}/ca.pem`),
  deno: async ({ host, port, authority }) => {
    const raw = await Deno.connect({ hostname: "127.0.0.1", port });
    const caCerts = [authority.certPem];
    using secure = await Deno.startTls(raw, { hostname: host, caCerts });
    await secure.handshake();
    await secure.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    assert.ok(await secure.read(new Uint8Array(100)) !== null);
  },
};

async function serveOnce(listener: Deno.TlsListener): Promise<void> {
  using connection = await listener.accept();
  await connection.handshake();
  // openssl sends nothing: its input is empty.
  if (await connection.read(new Uint8Array(1000)) === null) return;
  const answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  await connection.write(new TextEncoder().encode(answer));
}
