import assert from "node:assert/strict";
import fc from "fast-check";
import {
  cidrContains,
  cidrOf,
  cidrsOverlap,
  formatCidr,
  formatIp,
  InvalidCidrError,
  type IpAddress,
  parseCidr,
  parseIp,
} from "./ip.ts";

Deno.test.each([
  ["0.0.0.0", "0.0.0.0"],
  ["255.255.255.255", "255.255.255.255"],
  ["192.0.2.10", "192.0.2.10"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["2001:DB8::A", "2001:db8::a"],
  ["2001:0db8:0000:0000:0000:0000:0000:000a", "2001:db8::a"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ["::ffff:c000:201", "::ffff:192.0.2.1"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["0000:0000:0000:0000:0000:ffff:255.255.255.255", "::ffff:255.255.255.255"],
])("parseIp() %s is %s", (text, want) => {
  const ip = parseIp(text);
  assert.ok(ip !== null);
  assert.equal(formatIp(ip), want);
});

Deno.test.each([
  "",
  ".",
  "1.2.3",
  "1.2.3.4.5",
  "1.2.3.4.",
  ".1.2.3.4",
  "1..3.4",
  "01.2.3.4",
  "1.2.3.04",
  "00.0.0.0",
  "256.1.1.1",
  "1.2.3.1000",
  "+1.2.3.4",
  "1.2.3.-4",
  " 1.2.3.4",
  "1.2.3.4 ",
  "0x7f.0.0.1",
  "2130706433",
  "127.1",
  "１.2.3.4",
  ":",
  ":::",
  "1:::2",
  "1::2::3",
  ":1",
  "1:",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4::5:6:7:8",
  "12345::",
  "g::",
  "::-1",
  "fe80::1%eth0",
  "[::1]",
  "::1/128",
  "1.2.3.4::",
  "::1.2.3.4:5",
  "::1.2.3",
  "::01.2.3.4",
  "1:2:3:4:5:6:7:1.2.3.4",
  "0000:0000:0000:0000:0000:ffff:255.255.255.2555",
])("parseIp() refuses %j", (text) => {
  assert.equal(parseIp(text), null);
});

Deno.test.each([
  ["10.1.2.3", "10.1.2.3/32"],
  ["10.1.2.3/8", "10.0.0.0/8"],
  ["10.1.2.3/0", "0.0.0.0/0"],
  ["10.1.2.255/31", "10.1.2.254/31"],
  ["fd00::1", "fd00::1/128"],
  ["FD12::1/8", "fd00::/8"],
  ["2001:db8::ffff/127", "2001:db8::fffe/127"],
  ["::ffff:10.0.0.0/104", "::ffff:10.0.0.0/104"],
])("parseCidr() %s is %s", (text, want) => {
  const cidr = parseCidr(text);
  assert.ok(cidr !== null);
  assert.equal(formatCidr(cidr), want);
});

Deno.test.each([
  "",
  "/8",
  "10.0.0.0/",
  "10.0.0.0/33",
  "10.0.0.0/08",
  "10.0.0.0/-1",
  "10.0.0.0/8/8",
  "10.0.0.0/ 8",
  "10.0.0.0/255.0.0.0",
  "10/8",
  "fd00::/129",
  "example.com/8",
])("parseCidr() refuses %j", (text) => {
  assert.equal(parseCidr(text), null);
  assert.throws(() => cidrOf(text), InvalidCidrError);
});

Deno.test.each([
  ["10.0.0.0/8", "10.255.255.255", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["0.0.0.0/0", "255.255.255.255", true],
  ["0.0.0.0/0", "::", false],
  ["::/0", "1.2.3.4", false],
  ["fd00::/8", "fdff::1", true],
  ["fd00::/8", "fc00::1", false],
  ["192.0.2.1", "192.0.2.1", true],
  ["192.0.2.1", "192.0.2.2", false],
])("cidrContains() %s and %s: %j", (cidr, text, want) => {
  const ip = parseIp(text);
  assert.ok(ip !== null);
  assert.equal(cidrContains(cidrOf(cidr), ip), want);
});

Deno.test.each([
  ["10.0.0.0/8", "10.2.0.0/16", true],
  ["10.2.0.0/16", "10.0.0.0/8", true],
  ["10.0.0.0/9", "10.128.0.0/9", false],
  ["0.0.0.0/0", "::/0", false],
  ["::/0", "fe80::/10", true],
  ["fe80::/10", "fec0::/10", false],
])("cidrsOverlap() %s and %s: %j", (left, right, want) => {
  assert.equal(cidrsOverlap(cidrOf(left), cidrOf(right)), want);
});

const PLAIN = { noNullPrototype: true };

const ANY_IP: fc.Arbitrary<IpAddress> = fc.oneof(
  fc.record({ version: fc.constant(4 as const), value: fc.bigInt(0n, (1n << 32n) - 1n) }, PLAIN),
  fc.record({ version: fc.constant(6 as const), value: fc.bigInt(0n, (1n << 128n) - 1n) }, PLAIN),
  // Few bits set, so that runs of zero groups occur.
  fc.record({
    version: fc.constant(6 as const),
    value: fc.uniqueArray(fc.bigInt(0n, 127n), { maxLength: 4 })
      .map((bits) => bits.reduce((value, bit) => value | (1n << bit), 0n)),
  }, PLAIN),
);

Deno.test("formatIp() gives text that parses to the same address", () => {
  fc.assert(fc.property(ANY_IP, (ip) => assert.deepEqual(parseIp(formatIp(ip)), ip)));
});

Deno.test("formatIp() writes IPv6 as the URL standard does, but for mapped IPv4", () => {
  fc.assert(fc.property(ANY_IP, (ip) => {
    fc.pre(ip.version === 6 && ip.value >> 32n !== 0xffffn);
    assert.equal(`[${formatIp(ip)}]`, new URL(`http://[${formatIp(ip)}]`).hostname);
  }));
});

Deno.test("parseIp() never throws and accepts IPv6 only where the URL standard does", () => {
  const text = fc.string({ unit: fc.constantFrom(..."01af:.%"), maxLength: 24 });
  fc.assert(fc.property(text, (candidate) => {
    const ip = parseIp(candidate);
    if (candidate.includes(":")) {
      assert.equal(ip !== null, URL.canParse(`http://[${candidate}]`));
    }
  }));
});

Deno.test("parseCidr() gives the network that contains the address", () => {
  fc.assert(fc.property(ANY_IP, fc.nat(128), (ip, bits) => {
    const prefix = ip.version === 4 ? bits % 33 : bits;
    const cidr = cidrOf(`${formatIp(ip)}/${prefix}`);
    assert.ok(cidrContains(cidr, ip));
    assert.deepEqual(parseCidr(formatCidr(cidr)), cidr);
  }));
});
