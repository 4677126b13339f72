/**
 * Hosts and addresses: one canonical spelling, and no spelling by which a resolver, a C library or a
 * URL parser would get to a place that is judged as another one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { canonicalHost } from "../../../policy-wasm/canonical/host.ts";
import { classifyAddress, judgeDestination } from "../../../policy-wasm/destination.ts";
import { formatIp, parseCidr, parseIp } from "../../../policy-wasm/ip.ts";
import { mutate } from "../mutate.ts";
import { anyHost, HOST_WORDS, inetAton } from "../support/hosts.ts";
import { latin1Bytes, latin1Text, type Target } from "../target.ts";

export const HOST: Target = {
  name: "host",
  holds: "a host has one spelling, and no other reader finds an internal address in it",
  iterations: 8_000,
  generate: (chance) => {
    const input = latin1Bytes(anyHost(chance));
    return chance.once(3) ? input : mutate(input, chance, { words: HOST_WORDS });
  },
  check: (input) => {
    const text = latin1Text(input);
    const form = canonicalHost(text);
    assert.deepEqual(canonicalHost(input), form, "bytes read differently");
    checkIp(text);
    if (!form.ok) return;
    assert.deepEqual(canonicalHost(form.host), form, "it has two canonical forms");
    checkOtherReaders(text, form.host, form.kind);
    if (form.kind !== "name") checkDestination(form.host);
  },
};

/** What the address parser takes, Node takes, as the same address. */
function checkIp(text: string): void {
  const ip = parseIp(text);
  if (ip === null) return;
  assert.equal(isIP(text), ip.version, "Node takes it for no address");
  const formatted = formatIp(ip);
  assert.deepEqual(parseIp(formatted), ip);
  assert.equal(formatIp(parseIp(formatted)!), formatted);
  const cidr = parseCidr(text);
  assert.equal(cidr?.base, ip.value);
}

function checkOtherReaders(raw: string, host: string, kind: "name" | "ipv4" | "ipv6"): void {
  for (const text of [raw, host]) {
    const number = inetAton(text);
    if (number !== null) {
      assert.equal(kind, "ipv4", "a C library reads an IPv4 address in it");
      assert.equal(parseIp(host)?.value, BigInt(number), "a C library reads another address");
    }
    const literal = text.includes(":") && !text.startsWith("[") ? `[${text}]` : text;
    const url = URL.parse(`http://${literal}/`);
    if (url === null) continue;
    const seen = canonicalHost(url.hostname);
    assert.ok(seen.ok, `a URL parser finds ${url.hostname}`);
    assert.equal(seen.host, host, "a URL parser finds another host");
  }
}

const INTERNAL = new BlockList();
for (
  const [network, prefix] of [
    ["127.0.0.0", 8],
    ["10.0.0.0", 8],
    ["172.16.0.0", 12],
    ["192.168.0.0", 16],
    ["169.254.0.0", 16],
    ["100.64.0.0", 10],
    ["0.0.0.0", 8],
    ["224.0.0.0", 3],
  ] as const
) INTERNAL.addSubnet(network, prefix, "ipv4");
for (
  const [network, prefix] of [
    ["::", 127],
    ["fe80::", 10],
    ["fc00::", 7],
    ["ff00::", 8],
  ] as const
) INTERNAL.addSubnet(network, prefix, "ipv6");

const NEVER = new BlockList();
NEVER.addSubnet("127.0.0.0", 8, "ipv4");
NEVER.addSubnet("169.254.0.0", 16, "ipv4");
NEVER.addSubnet("0.0.0.0", 8, "ipv4");
NEVER.addSubnet("::", 127, "ipv6");
NEVER.addSubnet("fe80::", 10, "ipv6");

/** Node's tables are asked as well; the address behind a translation counts like itself. */
function checkDestination(host: string): void {
  const embedded = embeddedIn(host);
  const has = (list: BlockList) =>
    list.check(host, host.includes(":") ? "ipv6" : "ipv4") ||
    (embedded !== null && list.check(embedded, "ipv4"));
  const addressClass = classifyAddress(parseIp(host)!);
  if (has(INTERNAL)) assert.notEqual(addressClass, "public", "an internal address is public");
  for (const hostKind of ["exact", "pattern", "none"] as const) {
    for (const allowedIps of [[], ["10.0.0.0/8"]]) {
      const verdict = judgeDestination({
        host,
        port: 443,
        addresses: [host],
        endpoint: { hostKind, allowedIps, advisorProposed: false },
        trustedGatewayIp: null,
      });
      if (!verdict.ok) continue;
      assert.ok(!has(NEVER), "an address is dialled that nobody may reach");
      const isOwn = hostKind === "exact" || allowedIps.length > 0;
      assert.ok(isOwn || !has(INTERNAL), "an internal address is dialled unasked");
    }
  }
}

/** The IPv4 address at the end of a mapped, compatible, translated or NAT64 address. */
function embeddedIn(host: string): string | null {
  const ip = parseIp(host);
  if (ip?.version !== 6) return null;
  const prefix = ip.value >> 32n;
  const isEmbedding = [0xffffn, 0n, 0xffff_0000n, 0x0064_ff9bn << 64n].includes(prefix);
  return isEmbedding ? formatIp({ version: 4, value: ip.value & 0xffff_ffffn }) : null;
}
