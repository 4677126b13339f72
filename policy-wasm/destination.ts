/**
 * Decides whether the addresses that a host resolved to may be dialled (SSRF protection).
 *
 * Pure: no I/O, no clock, no module state. The policy has allowed the host already; the caller
 * resolves it, passes all addresses in as facts, and dials none but the ones it gets back.
 *
 * Fails closed: one bad address rejects them all, and what no table names is not public.
 *
 * The mode is the first that applies:
 *
 * | Mode              | When                                                   | Addresses          |
 * | ----------------- | ------------------------------------------------------ | ------------------ |
 * | `trusted_gateway` | a host alias, declared, and a trusted gateway is known | that gateway       |
 * | `allowed_ips`     | the endpoint has `allowed_ips`                         | inside them        |
 * | `ip_literal`      | the host is an address, declared                       | that one           |
 * | `declared_host`   | the host is a name, declared                           | not always blocked |
 * | `public_only`     | otherwise: patterns, no host, advisor proposals        | public             |
 *
 * *Declared* is an endpoint that names exactly this host and that no advisor proposed. The
 * reference asks for that in mode `declared_host` alone. All modes but the last refuse the ports
 * of cluster control planes. No mode reaches a class that {@link isAlwaysBlocked} names, except
 * `trusted_gateway` its link-local gateway.
 *
 * Sources: IANA special-purpose address registries (RFC 6890, RFC 8190); for IPv6 inside of which
 * IPv4 is embedded RFC 4291 section 2.5.5, 3056, 4380, 5214, 6052, 7915 and 8215; for metadata
 * services the pages of their providers. The NAT64 prefix of an operator's own network
 * (RFC 6052) cannot be told from other global addresses, so it counts as public.
 *
 * @module
 */

import type { Reason } from "../proto/reason.ts";
import {
  type Cidr,
  cidrContains,
  cidrOf,
  cidrsOverlap,
  formatCidr,
  formatIp,
  type IpAddress,
  parseCidr,
  parseIp,
} from "./ip.ts";

/** What an address is for. All but `public` are internal. */
export type AddressClass =
  | "public"
  | "loopback"
  | "link_local"
  | "metadata"
  | "unspecified"
  | "multicast"
  | "broadcast"
  | "private"
  | "shared"
  | "unique_local"
  | "site_local"
  | "documentation"
  | "benchmark"
  | "discard"
  | "transition"
  | "reserved";

/** What is known about a connection whose host and port the policy has allowed. */
export interface DestinationFacts {
  /** Canonical host of the request (`canonicalHost`). */
  readonly host: string;
  readonly port: number;
  /** All addresses that the host resolved to, as text; for a literal host that address. */
  readonly addresses: readonly string[];
  /** The endpoint that the decision named. */
  readonly endpoint: {
    /** `exact` names the host of the request literally, `pattern` has a `*`, `none` is empty. */
    readonly hostKind: "exact" | "pattern" | "none";
    readonly allowedIps: readonly string[];
    /** The endpoint came from a proposal of the policy advisor. */
    readonly advisorProposed: boolean;
  };
  /** Address of the host machine that the sandbox was started with; used if link-local. */
  readonly trustedGatewayIp: string | null;
}

/** Which rule judged the addresses: see the table of this module. */
export type DestinationMode =
  | "trusted_gateway"
  | "allowed_ips"
  | "ip_literal"
  | "declared_host"
  | "public_only";

/** The reasons of {@link Reason} that this module gives. */
export type DestinationReason = Extract<Reason, `destination_${string}` | "allowed_ips_invalid">;

/** The addresses to dial, canonical and in the given order, or why there are none. */
export type DestinationVerdict =
  | {
    readonly ok: true;
    readonly mode: DestinationMode;
    readonly addresses: readonly string[];
  }
  | DestinationDenial;

export interface DestinationDenial {
  readonly ok: false;
  readonly reason: DestinationReason;
  /** One sentence for a person. */
  readonly detail: string;
  /** The first address that was not acceptable, where an address is the reason. */
  readonly address?: string;
}

/** Canonical text of an `allowed_ips` entry, or one sentence that says why it is unusable. */
export type AllowedIpForm =
  | { readonly ok: true; readonly cidr: string }
  | { readonly ok: false; readonly detail: string };

/** Returns the verdict about one connection, before anything is dialled. */
export function judgeDestination(facts: DestinationFacts): DestinationVerdict {
  const addresses: IpAddress[] = [];
  for (const text of facts.addresses) {
    const ip = parseIp(text);
    if (ip === null) return deny("destination_unresolved", "The host has an unreadable address");
    addresses.push(unmapped(ip));
  }
  if (addresses.length === 0) return deny("destination_unresolved", "The host has no address");
  const gateway = trustedGateway(facts.trustedGatewayIp);
  const literal = parseLiteral(facts.host);
  const mode = selectMode(facts, gateway, literal);
  if (mode !== "public_only" && CONTROL_PLANE_PORTS.includes(facts.port)) {
    const detail = `Port ${facts.port} belongs to the control plane of a cluster`;
    return deny("destination_control_plane_port", detail);
  }
  const allowed = mode === "allowed_ips" ? parseAllowedIps(facts.endpoint.allowedIps) : [];
  if (!Array.isArray(allowed)) return allowed;
  for (const ip of addresses) {
    const denial = judgeAddress(ip, { mode, gateway, literal, allowed });
    if (denial !== null) return denial;
  }
  return { ok: true, mode, addresses: addresses.map(formatIp) };
}

/** Returns what an address is for; one that embeds IPv4 is no better than what it embeds. */
export function classifyAddress(ip: IpAddress): AddressClass {
  const address = unmapped(ip);
  const own = classOf(address);
  if (address.version === 4 || isAlwaysBlocked(own)) return own;
  const embedded = embeddedAddresses(address).map(classOf);
  return embedded.find(isAlwaysBlocked) ?? embedded.find(isInternal) ?? own;
}

/** Returns whether no endpoint may reach the class. */
export function isAlwaysBlocked(addressClass: AddressClass): boolean {
  return ALWAYS_BLOCKED.includes(addressClass);
}

/** Returns whether only an endpoint that asks for it may reach the class, or none at all. */
export function isInternal(addressClass: AddressClass): boolean {
  return addressClass !== "public";
}

/**
 * Judges one entry of `allowed_ips`. A network that overlaps an always blocked one is refused, so
 * `0.0.0.0/0` and `::/0` are; one that merely holds a metadata address (`fd00::/8`) is accepted,
 * and that address stays blocked. IPv4-mapped networks become the IPv4 network that they mean.
 */
export function validateAllowedIp(text: string): AllowedIpForm {
  const parsed = parseCidr(text);
  if (parsed === null) return { ok: false, detail: "The entry is not an IP address or a CIDR" };
  const embedded = embeddedNetworks(parsed);
  const cidr = cidrContains(MAPPED, first(parsed)) ? embedded[0] ?? parsed : parsed;
  for (const network of [parsed, ...embedded]) {
    const blocked = BLOCKED_RANGES.find((range) => cidrsOverlap(range.network, network));
    if (blocked !== undefined) {
      const other = `${formatCidr(blocked.network)} (${CLASS_TEXTS[blocked.addressClass]})`;
      return { ok: false, detail: `The entry overlaps ${other}, which no endpoint may reach` };
    }
  }
  const addressClass = classifyAddress(first(cidr));
  if (cidr.prefix === widthOf(cidr) && isAlwaysBlocked(addressClass)) {
    const what = CLASS_TEXTS[addressClass];
    return { ok: false, detail: `The entry is ${what}, which no endpoint may reach` };
  }
  return { ok: true, cidr: formatCidr(cidr) };
}

/**
 * Returns whether an endpoint may never have this canonical host: a name of the machine itself or
 * of a metadata service, or an address that is always blocked.
 */
export function isRefusedHostName(host: string): boolean {
  if (ALWAYS_REFUSED_HOSTS.includes(host) || host.endsWith(".localhost")) return true;
  const literal = parseLiteral(host);
  return literal !== null && isAlwaysBlocked(classifyAddress(literal));
}

/** Names that resolve to the machine itself or to the metadata service of a cloud. */
export const ALWAYS_REFUSED_HOSTS: readonly string[] = [
  "localhost",
  "localhost.localdomain",
  "localhost4",
  "localhost6",
  "ip6-localhost",
  "ip6-loopback",
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "metadata.azure.internal",
  "metadata.tencentyun.com",
  "instance-data",
  "instance-data.ec2.internal",
];

/** Names under which container engines and OpenShell itself offer the host machine. */
export const HOST_ALIASES: readonly string[] = [
  "host.openshell.internal",
  "host.containers.internal",
  "host.docker.internal",
];

/** etcd, the Kubernetes API server and the kubelet. */
const CONTROL_PLANE_PORTS: readonly number[] = [2379, 2380, 6443, 10250, 10255];

const ALWAYS_BLOCKED: readonly AddressClass[] = [
  "loopback",
  "link_local",
  "metadata",
  "unspecified",
  "multicast",
  "broadcast",
];

const CLASS_TEXTS: Readonly<Record<AddressClass, string>> = {
  public: "a public address",
  loopback: "a loopback address",
  link_local: "a link-local address",
  metadata: "a cloud metadata or host service address",
  unspecified: "an unspecified address",
  multicast: "a multicast address",
  broadcast: "the broadcast address",
  private: "a private address",
  shared: "a shared carrier address",
  unique_local: "a unique local address",
  site_local: "a site-local address",
  documentation: "a documentation address",
  benchmark: "a benchmarking address",
  discard: "a discard address",
  transition: "an address of an IPv6 transition mechanism",
  reserved: "a reserved address",
};

interface Range {
  readonly network: Cidr;
  readonly addressClass: AddressClass;
}

/** First match wins: the more specific stands before the less specific. */
const RANGES: readonly Range[] = [
  range("169.254.169.254", "metadata"), // AWS, Azure, Google, Oracle, OpenStack, and others
  range("169.254.170.2", "metadata"), // AWS ECS task credentials
  range("169.254.170.23", "metadata"), // AWS EKS pod identity
  range("169.254.0.23", "metadata"), // Tencent
  range("169.254.42.42", "metadata"), // Scaleway
  range("100.100.100.200", "metadata"), // Alibaba
  range("168.63.129.16", "metadata"), // Azure wire server
  range("192.0.0.192", "metadata"), // Oracle Cloud Classic
  range("0.0.0.0/8", "unspecified"), // RFC 1122; Linux dials itself for 0.0.0.0
  range("10.0.0.0/8", "private"), // RFC 1918
  range("100.64.0.0/10", "shared"), // RFC 6598
  range("127.0.0.0/8", "loopback"), // RFC 1122
  range("169.254.0.0/16", "link_local"), // RFC 3927
  range("172.16.0.0/12", "private"), // RFC 1918
  range("192.0.0.0/24", "reserved"), // RFC 6890
  range("192.0.2.0/24", "documentation"), // RFC 5737
  range("192.88.99.0/24", "reserved"), // RFC 7526, former 6to4 relays
  range("192.168.0.0/16", "private"), // RFC 1918
  range("198.18.0.0/15", "benchmark"), // RFC 2544
  range("198.51.100.0/24", "documentation"), // RFC 5737
  range("203.0.113.0/24", "documentation"), // RFC 5737
  range("224.0.0.0/4", "multicast"), // RFC 5771
  range("255.255.255.255", "broadcast"), // RFC 919
  range("240.0.0.0/4", "reserved"), // RFC 1112
  range("0.0.0.0/0", "public"),
  range("fd00:ec2::254", "metadata"), // AWS
  range("fd00:ec2::23", "metadata"), // AWS EKS pod identity
  range("fd20:ce::254", "metadata"), // Google
  range("fd00:42::42", "metadata"), // Scaleway
  range("fe80::a9fe:a9fe", "metadata"), // OpenStack
  range("::", "unspecified"), // RFC 4291
  range("::1", "loopback"), // RFC 4291
  range("::/96", "transition"), // RFC 4291, IPv4-compatible
  range("64:ff9b::/96", "public"), // RFC 6052: as public as the IPv4 address behind it
  range("64:ff9b:1::/48", "transition"), // RFC 8215, translation inside one network
  range("100::/64", "discard"), // RFC 6666
  range("2001::/32", "transition"), // RFC 4380, Teredo
  range("2001:2::/48", "benchmark"), // RFC 5180
  range("2001::/23", "reserved"), // RFC 2928: protocol assignments, ORCHID
  range("2001:db8::/32", "documentation"), // RFC 3849
  range("2002::/16", "transition"), // RFC 3056, 6to4
  range("3fff::/20", "documentation"), // RFC 9637
  range("2000::/3", "public"), // RFC 4291: the only space assigned so far
  range("fc00::/7", "unique_local"), // RFC 4193
  range("fe80::/10", "link_local"), // RFC 4291
  range("fec0::/10", "site_local"), // RFC 3879
  range("ff00::/8", "multicast"), // RFC 4291
  range("::/0", "reserved"),
];

/** Metadata addresses are single; a network around one is usable without it. */
const BLOCKED_RANGES: readonly Range[] = RANGES.filter((candidate) =>
  isAlwaysBlocked(candidate.addressClass) && candidate.addressClass !== "metadata"
);

const IPV4_BITS = 0xffff_ffffn;

const MAPPED = cidrOf("::ffff:0:0/96");

/** Networks whose members hold an IPv4 address right behind the prefix. */
const EMBEDDINGS: readonly Cidr[] = [
  MAPPED,
  cidrOf("::/96"), // IPv4-compatible, RFC 4291
  cidrOf("::ffff:0:0:0/96"), // IPv4-translated, RFC 7915
  cidrOf("64:ff9b::/96"), // NAT64, RFC 6052
  cidrOf("2002::/16"), // 6to4, RFC 3056
  cidrOf("2001::/32"), // Teredo server, RFC 4380
];

const TEREDO = cidrOf("2001::/32");
const LOCAL_NAT64 = cidrOf("64:ff9b:1::/48");

interface Judgement {
  readonly mode: DestinationMode;
  readonly gateway: IpAddress | null;
  readonly literal: IpAddress | null;
  readonly allowed: readonly Cidr[];
}

function selectMode(
  facts: DestinationFacts,
  gateway: IpAddress | null,
  literal: IpAddress | null,
): DestinationMode {
  const { hostKind, allowedIps, advisorProposed } = facts.endpoint;
  const isDeclared = hostKind === "exact" && !advisorProposed;
  if (isDeclared && gateway !== null && HOST_ALIASES.includes(facts.host)) return "trusted_gateway";
  if (allowedIps.length > 0) return "allowed_ips";
  if (!isDeclared) return "public_only";
  if (literal === null) return "declared_host";
  return isAlwaysBlocked(classifyAddress(literal)) ? "public_only" : "ip_literal";
}

function judgeAddress(ip: IpAddress, judgement: Judgement): DestinationDenial | null {
  const { mode, gateway, literal, allowed } = judgement;
  if (literal !== null && !isSame(ip, literal)) {
    return deny("destination_unresolved", "The host is an address and resolved to another one", ip);
  }
  if (mode === "trusted_gateway" && gateway !== null && isSame(ip, gateway)) return null;
  const addressClass = classifyAddress(ip);
  const what = `${formatIp(ip)} is ${CLASS_TEXTS[addressClass]}`;
  if (isAlwaysBlocked(addressClass)) {
    return deny("destination_always_blocked", `${what}, which no endpoint may reach`, ip);
  }
  if (mode === "trusted_gateway") {
    const detail = `${formatIp(ip)} is not the trusted gateway that the host alias stands for`;
    return deny("destination_not_in_allowed_ips", detail, ip);
  }
  if (mode === "allowed_ips" && !allowed.some((cidr) => cidrContains(cidr, ip))) {
    const detail = `${formatIp(ip)} is outside the allowed_ips of the endpoint`;
    return deny("destination_not_in_allowed_ips", detail, ip);
  }
  if (mode === "public_only" && isInternal(addressClass)) {
    const detail = `${what}; an endpoint reaches it only with allowed_ips or by its exact host`;
    return deny("destination_internal", detail, ip);
  }
  return null;
}

function parseAllowedIps(entries: readonly string[]): Cidr[] | DestinationDenial {
  const networks: Cidr[] = [];
  for (const entry of entries) {
    const form = validateAllowedIp(entry);
    if (!form.ok) return deny("allowed_ips_invalid", form.detail);
    networks.push(cidrOf(form.cidr));
  }
  return networks;
}

/** Only a link-local gateway needs trust; any other one is an address like all others. */
function trustedGateway(text: string | null): IpAddress | null {
  const ip = text === null ? null : parseLiteral(text);
  return ip !== null && classifyAddress(ip) === "link_local" ? ip : null;
}

function parseLiteral(host: string): IpAddress | null {
  const ip = parseIp(host);
  return ip === null ? null : unmapped(ip);
}

/** Returns the IPv4 address of an IPv4-mapped one, which is what the kernel dials for it. */
function unmapped(ip: IpAddress): IpAddress {
  return cidrContains(MAPPED, ip) ? { version: 4, value: ip.value & IPV4_BITS } : ip;
}

function classOf(ip: IpAddress): AddressClass {
  return RANGES.find((candidate) => cidrContains(candidate.network, ip))?.addressClass ??
    "reserved";
}

/** Returns the IPv4 addresses that some device on the way may take out of an IPv6 address. */
function embeddedAddresses({ value, version }: IpAddress): IpAddress[] {
  const values: bigint[] = [];
  for (const network of EMBEDDINGS) {
    if (cidrContains(network, { version, value })) values.push(value >> lowBits(network));
  }
  // The client of a Teredo address is written with all its bits turned over.
  if (cidrContains(TEREDO, { version, value })) values.push(value ^ IPV4_BITS);
  if (cidrContains(LOCAL_NAT64, { version, value })) values.push(...localNat64Values(value));
  // ISATAP (RFC 5214) marks the interface with 0000:5efe or 0200:5efe under any prefix.
  if (((value >> 32n) & 0xfdff_ffffn) === 0x5efen) values.push(value);
  return values.map((bits) => ({ version: 4, value: bits & IPV4_BITS }));
}

/**
 * Returns the candidates for the IPv4 address under 64:ff9b:1::/48, where the network chooses one
 * of the prefix lengths 48, 56, 64 and 96 (RFC 6052 section 2.2). In a wrong layout padding reads
 * as 0.0.0.0/8, so these count only when nothing else is there.
 */
function localNat64Values(value: bigint): bigint[] {
  // The first three layouts leave out bits 64 to 71, and then the address follows the prefix.
  const packed = ((value >> 64n) << 56n) | (value & 0xff_ffff_ffff_ffffn);
  const candidates = [packed >> 40n, packed >> 32n, packed >> 24n, value];
  const values = candidates.map((bits) => bits & IPV4_BITS);
  const meaningful = values.filter((bits) => bits >> 24n !== 0n);
  return meaningful.length > 0 ? meaningful : values;
}

/** Returns the IPv4 networks that an IPv6 network stands for through {@link EMBEDDINGS}. */
function embeddedNetworks(cidr: Cidr): Cidr[] {
  const networks: Cidr[] = [];
  for (const embedding of EMBEDDINGS) {
    const isInside = cidr.prefix >= embedding.prefix && cidrsOverlap(embedding, cidr);
    const isAround = cidr.prefix < embedding.prefix && cidrsOverlap(embedding, cidr);
    if (isInside) {
      const value = (cidr.base >> lowBits(embedding)) & IPV4_BITS;
      const prefix = Math.min(32, cidr.prefix - embedding.prefix);
      networks.push({ version: 4, base: value, prefix });
    } else if (isAround && embedding.prefix === 96) {
      networks.push({ version: 4, base: 0n, prefix: 0 });
    }
  }
  return networks;
}

/** Returns how many bits follow the IPv4 address of an embedding. */
function lowBits(embedding: Cidr): bigint {
  return BigInt(128 - embedding.prefix - 32);
}

function widthOf(cidr: Cidr): number {
  return cidr.version === 4 ? 32 : 128;
}

function first(cidr: Cidr): IpAddress {
  return { version: cidr.version, value: cidr.base };
}

function isSame(left: IpAddress, right: IpAddress): boolean {
  return left.version === right.version && left.value === right.value;
}

function range(text: string, addressClass: AddressClass): Range {
  return { network: cidrOf(text), addressClass };
}

function deny(reason: DestinationReason, detail: string, ip?: IpAddress): DestinationDenial {
  if (ip === undefined) return { ok: false, reason, detail };
  return { ok: false, reason, detail, address: formatIp(ip) };
}
