import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type AddressClass,
  ALWAYS_REFUSED_HOSTS,
  classifyAddress,
  type DestinationFacts,
  isAlwaysBlocked,
  isInternal,
  isRefusedHostName,
  judgeDestination,
  validateAllowedIp,
} from "./destination.ts";
import { formatIp, parseIp } from "./ip.ts";

/** Pairs each address of the lists with what it is. */
function each(want: AddressClass, ...lists: readonly string[]): [string, AddressClass][] {
  return words(...lists).map((text) => [text, want]);
}

function words(...lists: readonly string[]): string[] {
  return lists.flatMap((list) => list.split(" "));
}

const CLASSES: readonly (readonly [string, AddressClass])[] = [
  // IPv4, with both edges of each range.
  ...each(
    "public",
    "1.1.1.1 8.8.8.8 9.255.255.255 1.0.0.0 11.0.0.0 100.63.255.255 100.128.0.0",
    "126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0",
    "192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255",
  ),
  ...each("unspecified", "0.0.0.0 0.255.255.255"),
  ...each("private", "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0"),
  ...each("shared", "100.64.0.0 100.127.255.255"),
  ...each("loopback", "127.0.0.1 127.255.255.255"),
  ...each("link_local", "169.254.0.0 169.254.169.253 169.254.255.255"),
  ...each("reserved", "192.0.0.0 192.0.0.255 192.88.99.1 240.0.0.0 255.255.255.254"),
  ...each("documentation", "192.0.2.0 198.51.100.1 203.0.113.255"),
  ...each("benchmark", "198.18.0.0 198.19.255.255"),
  ...each("multicast", "224.0.0.0 239.255.255.255"),
  ...each("broadcast", "255.255.255.255"),
  // Metadata services.
  ...each(
    "metadata",
    "169.254.169.254 169.254.170.2 169.254.170.23 169.254.0.23 169.254.42.42 100.100.100.200",
    "168.63.129.16 192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:42::42",
    "fe80::a9fe:a9fe",
  ),
  // IPv6.
  ...each("unspecified", "::"),
  ...each("loopback", "::1"),
  ...each("public", "2606:4700::1111 2001:4860:4860::8888 2001:200::1 3ffe:ffff::1 3fff:1000::1"),
  ...each("reserved", "1fff::1 4000::1 5f00::1 100:0:0:1::1 2001:1::1 2001:10::1 2001:20::1"),
  ...each("discard", "100::1"),
  ...each("benchmark", "2001:2::1"),
  ...each("documentation", "2001:db8::1 3fff::1 3fff:0fff::1"),
  ...each("unique_local", "fc00::1 fdff::1"),
  ...each("link_local", "fe80::1 febf::1"),
  ...each("site_local", "fec0::1 feff::1"),
  ...each("multicast", "ff02::1"),
  // IPv4 inside: mapped, translated, compatible.
  ["::ffff:8.8.8.8", "public"],
  ["::ffff:127.0.0.1", "loopback"],
  ["::ffff:a9fe:a9fe", "metadata"],
  ["::ffff:10.0.0.1", "private"],
  ["::ffff:0.0.0.0", "unspecified"],
  ["::ffff:0:127.0.0.1", "loopback"],
  ["::ffff:0:8.8.8.8", "reserved"],
  ["::8.8.8.8", "transition"],
  ["::127.0.0.1", "loopback"],
  ["::10.0.0.1", "private"],
  ["::2", "unspecified"],
  // NAT64.
  ["64:ff9b::8.8.8.8", "public"],
  ["64:ff9b::127.0.0.1", "loopback"],
  ["64:ff9b::169.254.169.254", "metadata"],
  ["64:ff9b::192.168.0.1", "private"],
  ["64:ff9b::100.100.100.200", "metadata"],
  ["64:ff9b:0:1::8.8.8.8", "reserved"],
  ["64:ff9b:1::8.8.8.8", "transition"],
  ["64:ff9b:1::10.0.0.1", "private"],
  ["64:ff9b:1::127.0.0.1", "loopback"],
  ["64:ff9b:1::", "unspecified"],
  ["64:ff9b:1:a9fe:a9:fe00::", "metadata"], // prefix length 48
  ["64:ff9b:1:12a9:fe:a9fe::", "metadata"], // prefix length 56
  ["64:ff9b:1:1234:a9:fea9:fe00::", "metadata"], // prefix length 64
  // 6to4, Teredo, ISATAP.
  ["2002:808:808::1", "transition"],
  ["2002:7f00:1::", "loopback"],
  ["2002:a9fe:a9fe::1", "metadata"],
  ["2002:a00:1::1", "private"],
  ["2001:0:808:808:0:0:f7f7:f7f7", "transition"], // server and client 8.8.8.8
  ["2001:0:7f00:1:0:0:f7f7:f7f7", "loopback"], // server 127.0.0.1
  ["2001:0:808:808:0:0:80ff:fffe", "loopback"], // client 127.0.0.1
  ["2001:0:808:808:0:0:5601:5601", "metadata"], // client 169.254.169.254
  ["2001:0:808:808:0:0:f5ff:fffe", "private"], // client 10.0.0.1
  ["2606:4700::5efe:8.8.8.8", "public"],
  ["2606:4700::5efe:10.0.0.1", "private"],
  ["2606:4700::200:5efe:127.0.0.1", "loopback"],
  ["fd00::5efe:169.254.169.254", "metadata"],
  ["fd00::5efe:8.8.8.8", "unique_local"],
];

Deno.test.each([...CLASSES])("classifyAddress() %s is %s", (text, want) => {
  const ip = parseIp(text);
  assert.ok(ip !== null);
  assert.equal(classifyAddress(ip), want);
});

Deno.test.each([
  { addressClass: "public", blocked: false, internal: false },
  { addressClass: "loopback", blocked: true, internal: true },
  { addressClass: "link_local", blocked: true, internal: true },
  { addressClass: "metadata", blocked: true, internal: true },
  { addressClass: "unspecified", blocked: true, internal: true },
  { addressClass: "multicast", blocked: true, internal: true },
  { addressClass: "broadcast", blocked: true, internal: true },
  { addressClass: "private", blocked: false, internal: true },
  { addressClass: "shared", blocked: false, internal: true },
  { addressClass: "unique_local", blocked: false, internal: true },
  { addressClass: "site_local", blocked: false, internal: true },
  { addressClass: "documentation", blocked: false, internal: true },
  { addressClass: "benchmark", blocked: false, internal: true },
  { addressClass: "discard", blocked: false, internal: true },
  { addressClass: "transition", blocked: false, internal: true },
  { addressClass: "reserved", blocked: false, internal: true },
])("isAlwaysBlocked() and isInternal() of $addressClass", (row) => {
  assert.equal(isAlwaysBlocked(row.addressClass as AddressClass), row.blocked);
  assert.equal(isInternal(row.addressClass as AddressClass), row.internal);
});

Deno.test.each([
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["10.1.2.3/8", "10.0.0.0/8"],
  ["10.1.2.3", "10.1.2.3/32"],
  ["192.168.1.0/24", "192.168.1.0/24"],
  ["8.8.8.8", "8.8.8.8/32"],
  ["100.64.0.0/10", "100.64.0.0/10"],
  ["168.0.0.0/8", "168.0.0.0/8"],
  ["240.0.0.0/5", "240.0.0.0/5"],
  ["fd00::/8", "fd00::/8"],
  ["FD00::1", "fd00::1/128"],
  ["2001:db8::/32", "2001:db8::/32"],
  ["::ffff:10.1.0.0/112", "10.1.0.0/16"],
  ["::ffff:10.0.0.1", "10.0.0.1/32"],
  ["64:ff9b::10.0.0.0/104", "64:ff9b::a00:0/104"],
])("validateAllowedIp() takes %s as %s", (text, cidr) => {
  assert.deepEqual(validateAllowedIp(text), { ok: true, cidr });
});

Deno.test.each([
  "",
  ...words(
    "example.com 10.0.0.0/33 10.0.0/8 0.0.0.0/0 0.0.0.0 0.0.0.0/32 0.0.0.0/1 0.1.0.0/16 ::/0 ::",
    "::/96 127.0.0.1 127.0.0.0/8 126.0.0.0/7 64.0.0.0/2 169.254.169.254 169.254.1.0/24",
    "168.0.0.0/5 100.100.100.200 168.63.129.16/32 192.0.0.192 fd00:ec2::254 224.0.0.0/8",
    "128.0.0.0/1 255.255.255.255 240.0.0.0/4 ::1 fe80::/10 fe80::1 fe00::/8 ff00::/8 ff02::1",
    "::ffff:127.0.0.1 ::ffff:169.254.0.0/112 ::ffff:0.0.0.0/96 ::ffff:0:0/95",
    "::ffff:100.100.100.200 64:ff9b::/96 64:ff9b::/64 64:ff9b::7f00:0/104",
    "64:ff9b::169.254.169.254 64:ff9b:1::127.0.0.1 2002:7f00::/24 2002::/16 2001::/32",
    "2606:4700::5efe:127.0.0.1",
  ),
])("validateAllowedIp() refuses %j", (text) => {
  assert.equal(validateAllowedIp(text).ok, false);
});

const DECLARED = { hostKind: "exact", allowedIps: [], advisorProposed: false } as const;
const PATTERN = { ...DECLARED, hostKind: "pattern" } as const;
const PROPOSED = { ...DECLARED, advisorProposed: true } as const;
const LISTED = { ...DECLARED, allowedIps: ["10.0.0.0/8", "fd00::/8"] } as const;
const HOSTLESS = { ...LISTED, hostKind: "none" } as const;

const BASE: DestinationFacts = {
  host: "api.example.com",
  port: 443,
  addresses: ["8.8.8.8"],
  endpoint: DECLARED,
  trustedGatewayIp: null,
};

/** A host alias with a trusted gateway, which is what mode 1 takes. */
const ALIAS: DestinationFacts = {
  ...BASE,
  host: "host.docker.internal",
  port: 8080,
  addresses: ["169.254.1.2"],
  trustedGatewayIp: "169.254.1.2",
};

interface Row {
  readonly name: string;
  readonly facts: DestinationFacts;
  /** A mode, or a reason that denies. */
  readonly want: string;
}

type Change = readonly [name: string, change: Partial<DestinationFacts>];

function rows(base: DestinationFacts, want: string, changes: readonly Change[]): Row[] {
  return changes.map(([name, change]) => ({ name, facts: { ...base, ...change }, want }));
}

const NO_ADDRESS_ROWS: readonly Row[] = [
  ...rows(BASE, "destination_unresolved", [
    ["no address", { addresses: [] }],
    ["an unreadable address", { addresses: ["8.8.8.8", "127.1"] }],
    ["an address with a zone", { addresses: ["fe80::1%eth0"] }],
  ]),
];

const TRUSTED_GATEWAY_ROWS: readonly Row[] = [
  ...rows(ALIAS, "trusted_gateway", [
    ["the trusted gateway", {}],
    ["the second alias", { host: "host.containers.internal" }],
    ["the third alias", { host: "host.openshell.internal" }],
    ["the trusted gateway as mapped IPv4", { addresses: ["::ffff:169.254.1.2"] }],
    ["an alias before allowed_ips", { endpoint: LISTED }],
  ]),
  ...rows(ALIAS, "destination_always_blocked", [
    ["another name for the trusted gateway", { host: "gateway.internal" }],
    ["an alias at another link-local address", { addresses: ["169.254.1.3"] }],
    ["an alias whose gateway is a metadata service", {
      addresses: ["169.254.169.254"],
      trustedGatewayIp: "169.254.169.254",
    }],
    ["an alias whose gateway is loopback", {
      addresses: ["127.0.0.1"],
      trustedGatewayIp: "127.0.0.1",
    }],
    ["an alias with an unreadable gateway, like any name", { trustedGatewayIp: "gateway" }],
    ["a pattern that covers the alias", { endpoint: PATTERN }],
    ["an alias that an advisor proposed", { endpoint: PROPOSED }],
  ]),
  ...rows(ALIAS, "destination_not_in_allowed_ips", [
    ["an alias at a public address", { addresses: ["169.254.1.2", "8.8.8.8"] }],
  ]),
  ...rows(ALIAS, "destination_control_plane_port", [
    ["an alias on a control plane port", { port: 6443 }],
  ]),
  ...rows(ALIAS, "declared_host", [
    ["an alias whose gateway is private, like any name", {
      addresses: ["172.17.0.1"],
      trustedGatewayIp: "172.17.0.1",
    }],
    ["an alias without a gateway, like any name", {
      addresses: ["10.0.0.1"],
      trustedGatewayIp: null,
    }],
  ]),
];

const ALLOWED_IPS_ROWS: readonly Row[] = [
  ...rows(BASE, "allowed_ips", [
    ["an address inside allowed_ips", { addresses: ["10.1.2.3"], endpoint: LISTED }],
    ["IPv6 inside allowed_ips", { addresses: ["10.1.2.3", "fd12::1"], endpoint: LISTED }],
    ["mapped IPv4 inside allowed_ips", { addresses: ["::ffff:10.1.2.3"], endpoint: LISTED }],
    ["a hostless endpoint", { addresses: ["10.1.2.3"], endpoint: HOSTLESS }],
    ["an advisor proposal with allowed_ips", {
      addresses: ["10.1.2.3"],
      endpoint: { ...LISTED, advisorProposed: true },
    }],
    ["a literal inside allowed_ips", {
      host: "10.1.2.3",
      addresses: ["10.1.2.3"],
      endpoint: LISTED,
    }],
  ]),
  ...rows(BASE, "destination_not_in_allowed_ips", [
    ["a public address outside allowed_ips", { endpoint: LISTED }],
    ["one address of two outside allowed_ips", {
      addresses: ["10.1.2.3", "192.168.0.1"],
      endpoint: LISTED,
    }],
  ]),
  ...rows(BASE, "destination_always_blocked", [
    ["loopback with allowed_ips", { addresses: ["127.0.0.1"], endpoint: LISTED }],
    ["a metadata address inside allowed_ips", { addresses: ["fd00:ec2::254"], endpoint: LISTED }],
    ["a metadata address inside shared allowed_ips", {
      addresses: ["100.100.100.200"],
      endpoint: { ...DECLARED, allowedIps: ["100.64.0.0/10"] },
    }],
  ]),
  ...rows(BASE, "destination_control_plane_port", [
    ["allowed_ips on a control plane port", {
      port: 10250,
      addresses: ["10.1.2.3"],
      endpoint: LISTED,
    }],
  ]),
  ...rows(BASE, "allowed_ips_invalid", [
    ["allowed_ips with an always blocked entry", {
      addresses: ["10.1.2.3"],
      endpoint: { ...DECLARED, allowedIps: ["10.0.0.0/8", "0.0.0.0/0"] },
    }],
    ["allowed_ips with an unreadable entry", {
      endpoint: { ...DECLARED, allowedIps: ["8.8.8.8", "ten"] },
    }],
  ]),
];

const IP_LITERAL_ROWS: readonly Row[] = [
  ...rows(BASE, "ip_literal", [
    ["a declared public literal", { host: "8.8.8.8" }],
    ["a declared private literal", { host: "10.0.0.1", addresses: ["10.0.0.1"] }],
    ["a declared IPv6 literal", { host: "fd00::1", addresses: ["fd00:0::1"] }],
    ["a declared mapped literal", { host: "::ffff:10.0.0.1", addresses: ["10.0.0.1"] }],
  ]),
  ...rows(BASE, "destination_unresolved", [
    ["a literal at another address", { host: "10.0.0.1", addresses: ["10.0.0.2"] }],
  ]),
  ...rows(BASE, "destination_control_plane_port", [
    ["a literal on a control plane port", {
      host: "10.0.0.1",
      port: 2379,
      addresses: ["10.0.0.1"],
    }],
  ]),
  ...rows(BASE, "destination_always_blocked", [
    ["a loopback literal", { host: "127.0.0.1", addresses: ["127.0.0.1"] }],
    ["a metadata literal in a public range", {
      host: "168.63.129.16",
      addresses: ["168.63.129.16"],
    }],
    ["a loopback literal on a control plane port", { host: "::1", port: 6443, addresses: ["::1"] }],
  ]),
  ...rows(BASE, "destination_internal", [
    ["a private literal that a pattern covers", {
      host: "10.0.0.1",
      addresses: ["10.0.0.1"],
      endpoint: PATTERN,
    }],
    ["a private literal that an advisor proposed", {
      host: "10.0.0.1",
      addresses: ["10.0.0.1"],
      endpoint: PROPOSED,
    }],
  ]),
  ...rows(BASE, "public_only", [
    ["a public literal that an advisor proposed", { host: "8.8.8.8", endpoint: PROPOSED }],
  ]),
];

const DECLARED_HOST_ROWS: readonly Row[] = [
  ...rows(BASE, "declared_host", [
    ["a declared name at a public address", {}],
    ["a declared name at private addresses", {
      addresses: ["192.168.0.9", "fd00::9", "100.64.0.9"],
    }],
    ["a declared name at a documentation address", { addresses: ["192.0.2.1"] }],
  ]),
  ...["127.0.0.1", "0.0.0.0", "169.254.169.254", "169.254.1.1", "224.0.0.1", "255.255.255.255"]
    .concat(["::1", "::", "fe80::1", "ff02::1", "fd00:ec2::254", "::ffff:127.0.0.1"])
    .concat(["64:ff9b::7f00:1", "2002:7f00:1::", "100.100.100.200", "168.63.129.16"])
    .map((address) => ({
      name: `a declared name that also has ${address}`,
      facts: { ...BASE, addresses: ["8.8.8.8", address] },
      want: "destination_always_blocked",
    })),
  ...[2379, 2380, 6443, 10250, 10255].map((port) => ({
    name: `a declared name on port ${port}`,
    facts: { ...BASE, port },
    want: "destination_control_plane_port",
  })),
];

const PUBLIC_ONLY_ROWS: readonly Row[] = [
  ...rows(BASE, "public_only", [
    ["a pattern", { endpoint: PATTERN }],
    ["an advisor proposal", { endpoint: PROPOSED }],
    ["no host and no allowed_ips", { endpoint: { ...DECLARED, hostKind: "none" } }],
    ["a pattern through NAT64", { addresses: ["8.8.8.8", "64:ff9b::808:808"], endpoint: PATTERN }],
    ["a pattern on a control plane port", { port: 6443, endpoint: PATTERN }],
  ]),
  ...["10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "192.0.0.1", "192.0.2.1"]
    .concat(["198.18.0.1", "240.0.0.1", "fc00::1", "fec0::1", "2001:db8::1", "100::1"])
    .concat(["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2002:808:808::1", "5f00::1"])
    .map((address) => ({
      name: `a pattern that also has ${address}`,
      facts: { ...BASE, addresses: ["8.8.8.8", address], endpoint: PATTERN },
      want: "destination_internal",
    })),
  ...["127.0.0.1", "169.254.169.254", "::1"].map((address) => ({
    name: `an advisor proposal at ${address}`,
    facts: { ...BASE, addresses: [address], endpoint: PROPOSED },
    want: "destination_always_blocked",
  })),
];

Deno.test.each([
  ...NO_ADDRESS_ROWS,
  ...TRUSTED_GATEWAY_ROWS,
  ...ALLOWED_IPS_ROWS,
  ...IP_LITERAL_ROWS,
  ...DECLARED_HOST_ROWS,
  ...PUBLIC_ONLY_ROWS,
])("judgeDestination() $name: $want", ({ facts, want }) => {
  const got = judgeDestination(facts);
  assert.equal(got.ok ? got.mode : got.reason, want);
  if (got.ok) assert.equal(got.addresses.length, facts.addresses.length);
});

Deno.test("judgeDestination() gives the addresses to dial in order and canonical", () => {
  const got = judgeDestination({ ...BASE, addresses: ["FD00:0::1", "::ffff:8.8.8.8"] });
  assert.deepEqual(got, { ok: true, mode: "declared_host", addresses: ["fd00::1", "8.8.8.8"] });
});

Deno.test("judgeDestination() names the first bad address", () => {
  const got = judgeDestination({ ...BASE, addresses: ["8.8.8.8", "::ffff:127.0.0.1", "::1"] });
  assert.deepEqual(got, {
    ok: false,
    reason: "destination_always_blocked",
    detail: "127.0.0.1 is a loopback address, which no endpoint may reach",
    address: "127.0.0.1",
  });
});

const ANY_ADDRESS = fc.oneof(
  fc.constantFrom("8.8.8.8", "127.0.0.1", "169.254.1.2", "169.254.169.254", "10.0.0.1", "::1", "x"),
  fc.bigInt(0n, (1n << 32n) - 1n).map((value) => formatIp({ version: 4, value })),
  fc.bigInt(0n, (1n << 128n) - 1n).map((value) => formatIp({ version: 6, value })),
);

const ANY_FACTS: fc.Arbitrary<DestinationFacts> = fc.record({
  host: fc.oneof(fc.constantFrom("a.example", "host.docker.internal", "10.0.0.1"), ANY_ADDRESS),
  port: fc.constantFrom(80, 443, 6443),
  addresses: fc.array(ANY_ADDRESS, { maxLength: 3 }),
  endpoint: fc.record({
    hostKind: fc.constantFrom("exact", "pattern", "none"),
    allowedIps: fc.constantFrom([], ["10.0.0.0/8"], ["::/0"]),
    advisorProposed: fc.boolean(),
  }),
  trustedGatewayIp: fc.option(ANY_ADDRESS),
});

Deno.test("judgeDestination() never dials a blocked address, but for the trusted gateway", () => {
  fc.assert(
    fc.property(ANY_FACTS, (facts) => {
      const got = judgeDestination(facts);
      if (!got.ok) return;
      for (const text of got.addresses) {
        const ip = parseIp(text);
        assert.ok(ip !== null);
        const addressClass = classifyAddress(ip);
        if (got.mode === "trusted_gateway") assert.equal(addressClass, "link_local");
        else assert.equal(isAlwaysBlocked(addressClass), false);
        if (got.mode === "public_only") assert.equal(addressClass, "public");
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("validateAllowedIp() gives text that it accepts unchanged", () => {
  const text = fc.tuple(ANY_ADDRESS, fc.nat(128)).map(([address, prefix]) =>
    `${address}/${prefix}`
  );
  fc.assert(fc.property(text, (entry) => {
    const got = validateAllowedIp(entry);
    if (got.ok) assert.deepEqual(validateAllowedIp(got.cidr), got);
  }));
});

Deno.test.each([
  ...ALWAYS_REFUSED_HOSTS,
  "a.localhost",
  "a.b.localhost",
  "127.0.0.1",
  "169.254.169.254",
  "100.100.100.200",
  "::1",
  "::ffff:127.0.0.1",
  "fe80::1",
])("isRefusedHostName() refuses %s", (host) => {
  assert.equal(isRefusedHostName(host), true);
});

Deno.test.each([
  "example.com",
  "localhost.example.com",
  "notlocalhost",
  "metadata.example.com",
  "host.docker.internal",
  "10.0.0.1",
  "8.8.8.8",
  "fd00::1",
])("isRefusedHostName() takes %s", (host) => {
  assert.equal(isRefusedHostName(host), false);
});
