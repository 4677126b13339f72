import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalHost } from "./host.ts";

const LABEL_63 = "a".repeat(63);
const HOST_253 = `${LABEL_63}.${LABEL_63}.${LABEL_63}.${"b".repeat(61)}`;

Deno.test.each([
  ["example.com", "name", "example.com"],
  ["EXAMPLE.Com", "name", "example.com"],
  ["localhost", "name", "localhost"],
  ["a", "name", "a"],
  ["_dmarc.example.com", "name", "_dmarc.example.com"],
  ["-a-.example.com", "name", "-a-.example.com"],
  ["xn--bcher-kva.example", "name", "xn--bcher-kva.example"],
  ["1.example.com", "name", "1.example.com"],
  ["example.1a", "name", "example.1a"],
  ["example.0xg", "name", "example.0xg"],
  ["example.x1", "name", "example.x1"],
  ["example.1-2", "name", "example.1-2"],
  ["example.1_", "name", "example.1_"],
  [LABEL_63, "name", LABEL_63],
  [HOST_253, "name", HOST_253],
  ["127.0.0.1", "ipv4", "127.0.0.1"],
  ["255.255.255.255", "ipv4", "255.255.255.255"],
  ["::1", "ipv6", "::1"],
  ["[::1]", "ipv6", "::1"],
  ["[2001:DB8:0:0::A]", "ipv6", "2001:db8::a"],
  ["[::FFFF:169.254.169.254]", "ipv6", "::ffff:169.254.169.254"],
  ["[::ffff:a9fe:a9fe]", "ipv6", "::ffff:169.254.169.254"],
  ["0:0:0:0:0:0:0:0", "ipv6", "::"],
])("canonicalHost() takes %j as a %s, written %s", (raw, kind, host) => {
  assert.deepEqual(canonicalHost(raw), { ok: true, host, kind });
  assert.deepEqual(canonicalHost(new TextEncoder().encode(raw)), { ok: true, host, kind });
});

Deno.test.each(
  [
    ["", /empty$/],
    [".", /empty label/],
    ["..", /empty label/],
    ["example.com.", /ends with a dot/],
    ["EXAMPLE.COM.", /ends with a dot/],
    ["127.0.0.1.", /ends with a dot/],
    [".example.com", /empty label/],
    ["a..b", /empty label/],
    [`${LABEL_63}a.com`, /label that is longer/],
    [`a.${LABEL_63}a`, /label that is longer/],
    [`${HOST_253}b`, /longer than 253/],
    ["127.1", /four plain decimals/],
    ["127.0.1", /four plain decimals/],
    ["2130706433", /four plain decimals/],
    ["0x7f000001", /four plain decimals/],
    ["0x7f.0.0.1", /four plain decimals/],
    ["0X7F.0.0.0X1", /four plain decimals/],
    ["0177.0.0.1", /four plain decimals/],
    ["127.0.0.01", /four plain decimals/],
    ["256.0.0.1", /four plain decimals/],
    ["1.2.3.4.5", /four plain decimals/],
    ["example.123", /four plain decimals/],
    ["example.0x", /four plain decimals/],
    ["0", /four plain decimals/],
    ["example.com:443", /not an IPv6 address/],
    ["127.0.0.1:80", /not an IPv6 address/],
    ["[::1]:80", /opening bracket/],
    ["[::1", /opening bracket/],
    ["::1]", /not an IPv6 address/],
    ["[]", /not an IPv6 address/],
    ["[127.0.0.1]", /not an IPv6 address/],
    ["[v1.x]", /not an IPv6 address/],
    ["[fe80::1%25eth0]", /zone/],
    ["fe80::1%eth0", /zone/],
    ["[[::1]]", /not an IPv6 address/],
    ["a b", /white space/],
    [" a", /white space/],
    ["a\t", /white space/],
    ["a\r\nb", /white space/],
    ["a\0.example.com", /white space or a control/],
    ["a\x7f", /white space or a control/],
    ["example%2ecom", /character %/],
    ["example.com/", /character \//],
    ["user@example.com", /character @/],
    ["example.com\\", /character \\/],
    ['"example.com"', /character "/],
    ["'a'", /character '/],
    ["*.example.com", /character \*/],
    ["a,b", /character ,/],
    ["a?b", /character \?/],
    ["a#b", /character #/],
    ["ｅxample.com", /beyond ASCII/],
    ["example。com", /beyond ASCII/],
    ["example．com", /beyond ASCII/],
    ["example｡com", /beyond ASCII/],
    ["bücher.example", /beyond ASCII/],
    ["\u212a.example", /beyond ASCII/],
    ["exa\u00admple.com", /beyond ASCII/],
    ["\u200bexample.com", /beyond ASCII/],
    ["①.example", /beyond ASCII/],
    ["\ufeffexample.com", /beyond ASCII/],
  ] as const,
)("canonicalHost() refuses %j", (raw, want) => {
  for (const form of [raw, new TextEncoder().encode(raw)]) {
    const got = canonicalHost(form);
    assert.ok(!got.ok);
    assert.match(got.detail, want);
  }
});

Deno.test("canonicalHost() gives a host that is its own canonical form", () => {
  const label = fc.string({ unit: fc.constantFrom(..."aZ09-_x:[]f"), maxLength: 6 });
  fc.assert(fc.property(fc.array(label, { maxLength: 5 }), (labels) => {
    const got = canonicalHost(labels.join("."));
    fc.pre(got.ok);
    assert.deepEqual(canonicalHost(got.host), got);
  }));
});

Deno.test("canonicalHost() accepts no name that the URL standard reads as something else", () => {
  const text = fc.string({ unit: fc.constantFrom(..."aB09xX.-_"), minLength: 1, maxLength: 12 });
  fc.assert(fc.property(text, (raw) => {
    const got = canonicalHost(raw);
    fc.pre(got.ok);
    assert.equal(new URL(`http://${raw}/`).hostname, got.host);
  }));
});

Deno.test("canonicalHost() never throws and keeps to its characters", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const got = canonicalHost(bytes);
    if (got.ok) assert.match(got.host, /^[a-z0-9._:-]+$/);
  }));
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const got = canonicalHost(text);
    if (got.ok) assert.match(got.host, /^[a-z0-9._:-]+$/);
  }));
});
