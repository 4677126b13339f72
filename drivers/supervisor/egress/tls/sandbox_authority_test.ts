import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { TLS_LEAVES_MAX } from "../../../../proto/egress_limits.ts";
import { SandboxAuthority } from "./sandbox_authority.ts";

const DAY_MS = 86_400_000;
const LONG_HOST = `${"a".repeat(60)}.${"b".repeat(60)}.test`;

Deno.test("SandboxAuthority has its name, and a new key each time", async () => {
  const [one, other] = [await SandboxAuthority.create(), await SandboxAuthority.create()];
  const certificate = new X509Certificate(one.caPem);
  assert.equal(certificate.subject, "O=OpenShell\nCN=OpenShell Sandbox CA");
  assert.equal(certificate.ca, true);
  assert.ok(!certificate.verify(new X509Certificate(other.caPem).publicKey));
});

Deno.test.each([
  { host: "example.test", names: "DNS:example.test" },
  { host: "my_host.example.test", names: "DNS:my_host.example.test" },
  { host: "192.0.2.1", names: "IP Address:192.0.2.1" },
  { host: "2001:db8::1", names: "IP Address:2001:db8::1" },
  { host: LONG_HOST, names: `DNS:${LONG_HOST}` },
])("SandboxAuthority.leafFor() is about $host alone", async ({ host, names }) => {
  const authority = await SandboxAuthority.create();
  const leaf = new X509Certificate((await authority.leafFor(host)).certPem);
  assert.equal(leaf.subjectAltName, names);
  assert.ok(leaf.verify(new X509Certificate(authority.caPem).publicKey));
  assert.equal(leaf.ca, false);
});

Deno.test("SandboxAuthority.leafFor() makes one for all who ask, at once or later", async () => {
  const authority = await SandboxAuthority.create();
  const asked = Array.from({ length: 8 }, () => authority.leafFor("example.test"));
  const leaves = new Set([...await Promise.all(asked), await authority.leafFor("example.test")]);
  assert.equal(leaves.size, 1);
});

Deno.test("SandboxAuthority.leafFor() forgets the least used host", async () => {
  const authority = await SandboxAuthority.create();
  const kept = await authority.leafFor("kept.test");
  const lost = await authority.leafFor("lost.test");
  for (let i = 0; i < TLS_LEAVES_MAX - 1; i += 1) {
    await authority.leafFor(`${i}.test`);
    assert.equal(await authority.leafFor("kept.test"), kept);
  }
  assert.notEqual(await authority.leafFor("lost.test"), lost);
});

Deno.test.each([
  { name: "keeps one that is five days old", afterMs: 5 * DAY_MS, isKept: true },
  { name: "renews one with less than a day left", afterMs: 6 * DAY_MS, isKept: false },
  { name: "renews one from after the clock was set back", afterMs: -DAY_MS, isKept: false },
])("SandboxAuthority.leafFor() $name", async ({ afterMs, isKept }) => {
  let now = Date.now();
  const authority = await SandboxAuthority.create({ now: () => now });
  const first = await authority.leafFor("example.test");
  now += afterMs;
  assert.equal(await authority.leafFor("example.test") === first, isKept);
});

Deno.test("SandboxAuthority.leafFor() refuses what is no host, and does not keep that", async () => {
  const authority = await SandboxAuthority.create();
  for (let i = 0; i < 2; i += 1) {
    await assert.rejects(authority.leafFor("not a host"), { name: "CertificateRequestError" });
  }
});
