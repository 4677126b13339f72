/**
 * Attacks by names and addresses: another spelling, another answer.
 *
 * @module
 */

import type { Attack } from "../support/attack.ts";
import { ALL_MODES, bytes, connection, pythonTrial } from "./scripts.ts";

/** Asks for a tunnel, and sends the canary into it where there is one. */
function trial(target: string, shows: RegExp) {
  const text = bytes(target);
  return pythonTrial(
    `t = ${text}.replace(b"\\xa7", CANARY.encode())
sock = raw()
sock.sendall(b"CONNECT " + t + b" HTTP/1.1\\r\\nHost: api.example.com\\r\\n\\r\\n")
said = head(sock)
show(said)
if b" 200 " in said: send(sock, b"GET /?" + CANARY.encode() + b" HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n")
else: show(rest(sock))`,
    shows,
  );
}

const REFUSED = /^HTTP\/1\.1 (400|403|431|502) /;

/** Any name on this port is allowed, within one private network. */
const ANY_NAME = trial("private.example.com:8081", /^HTTP\/1\.1 200 [^]*X-Origin: private-8081/);

/** By a pattern. */
const PATTERN = trial("good.example.org:443", /^HTTP\/1\.1 200 /);

/** What the proxy cannot take for a place is a finding: there is nothing to decide about. */
const MALFORMED = "malformed-request";

/** Spellings of places that nobody may reach, on a port where any name is allowed. */
const SPELLINGS: readonly (readonly [
  id: string,
  title: string,
  host: string,
  reason: string,
  recorded?: string,
])[] = [
  ["ipv4", "loopback", "127.0.0.1", "destination_always_blocked"],
  ["ipv4-other", "another address of loopback", "127.255.255.254", "destination_always_blocked"],
  ["short", "loopback, shortened", "127.1", "invalid_host"],
  ["hex", "loopback in hexadecimal", "0x7f000001", "invalid_host"],
  ["hex-parts", "loopback, one part in hexadecimal", "0x7f.0.0.1", "invalid_host"],
  ["decimal", "loopback as one number", "2130706433", "invalid_host"],
  ["octal", "loopback in octal", "0177.0.0.1", "invalid_host"],
  ["overflow", "loopback by a number that wraps around", "4425673729", "invalid_host"],
  ["dot", "loopback with a dot at its end", "127.0.0.1.", "invalid_host"],
  ["ipv6", "loopback in IPv6", "[::1]", "destination_always_blocked", "::1"],
  [
    "ipv6-long",
    "loopback in IPv6 at full length",
    "[0:0:0:0:0:0:0:1]",
    "destination_always_blocked",
    "::1",
  ],
  [
    "mapped",
    "loopback, mapped into IPv6",
    "[::ffff:127.0.0.1]",
    "destination_always_blocked",
    "::ffff:127.0.0.1",
  ],
  [
    "mapped-hex",
    "the same in hexadecimal",
    "[::ffff:7f00:1]",
    "destination_always_blocked",
    "::ffff:127.0.0.1",
  ],
  [
    "compatible",
    "loopback, compatible with IPv6",
    "[::7f00:1]",
    "destination_always_blocked",
    "::7f00:1",
  ],
  [
    "sixtofour",
    "loopback by 6to4",
    "[2002:7f00:1::1]",
    "destination_always_blocked",
    "2002:7f00:1::1",
  ],
  [
    "nat64",
    "loopback by NAT64",
    "[64:ff9b::7f00:1]",
    "destination_always_blocked",
    "64:ff9b::7f00:1",
  ],
  ["zone", "link-local with a zone", "[fe80::1%lo]", "invalid_host", "[fe80::1%lo]"],
  ["link-local", "link-local in IPv6", "[fe80::1]", "destination_always_blocked", "fe80::1"],
  ["zero", "the address of no host", "0.0.0.0", "destination_always_blocked"],
  ["zero-short", "zero", "0", "invalid_host"],
  ["unspecified", "the unspecified address in IPv6", "[::]", "destination_always_blocked", "::"],
  ["localhost", "localhost", "localhost", "destination_always_blocked"],
  ["localhost-case", "LOCALHOST", "LOCALHOST", "destination_always_blocked", "localhost"],
  ["localhost-dot", "localhost with a dot", "localhost.", "invalid_host"],
  ["metadata", "metadata", "169.254.169.254", "destination_always_blocked"],
  [
    "metadata-mapped",
    "metadata, mapped into IPv6",
    "[::ffff:a9fe:a9fe]",
    "destination_always_blocked",
    "::ffff:169.254.169.254",
  ],
  [
    "metadata-nat64",
    "metadata by NAT64",
    "[64:ff9b::a9fe:a9fe]",
    "destination_always_blocked",
    "64:ff9b::a9fe:a9fe",
  ],
  ["metadata-decimal", "metadata as one number", "2852039166", "invalid_host"],
  ["metadata-ecs", "metadata of containers", "169.254.170.2", "destination_always_blocked"],
  [
    "metadata-six",
    "metadata in IPv6",
    "[fd00:ec2::254]",
    "destination_always_blocked",
    "fd00:ec2::254",
  ],
  ["multicast", "all hosts", "224.0.0.1", "destination_always_blocked"],
  ["broadcast", "broadcast", "255.255.255.255", "destination_always_blocked"],
  ["machine", "the machine's own address", "10.255.0.1", "destination_not_in_allowed_ips"],
  ["other-private", "another private network", "192.168.0.1", "destination_not_in_allowed_ips"],
  ["public-literal", "a public address", "11.22.33.10", "destination_not_in_allowed_ips"],
];

const SPELLING_ATTACKS = SPELLINGS.map(([id, title, host, reason, recorded = host]): Attack => ({
  id: `name-${id}`,
  title,
  area: "names",
  modes: ALL_MODES,
  attack: trial(`${host}:8081`, REFUSED),
  twin: ANY_NAME,
  event: connection(recorded, 8081, reason),
}));

/** Targets of `CONNECT` that two readers could take for two places. */
const TARGETS: readonly (readonly [
  id: string,
  title: string,
  target: string,
  event?: readonly [host: string, port: number, reason: string],
])[] = [
  ["userinfo", "a user name before the host", "api.example.com@127.0.0.1:8081"],
  ["userinfo-port", "a host and port before another", "api.example.com:443@127.0.0.1:8081"],
  ["fragment", "a fragment", "127.0.0.1:8081#api.example.com:443"],
  ["slash", "a path", "127.0.0.1:8081/api.example.com:443"],
  ["two-ports", "two ports", "127.0.0.1:8081:443"],
  ["plus-port", "a port with a sign", "127.0.0.1:+8081"],
  ["hex-port", "a port in hexadecimal", "127.0.0.1:0x1f91"],
  ["long-port", "a port that wraps around", "127.0.0.1:73617"],
  ["no-port", "no port", "api.example.com"],
  ["no-host", "no host", ":8081"],
  ["open-bracket", "a bracket that is not closed", "[::1:8081"],
  ["escaped-nul", "an escaped zero byte", "127.0.0.1%00.example.com:8081", [
    "127.0.0.1%00.example.com",
    8081,
    "invalid_host",
  ]],
  ["backslash", "a backslash", "127.0.0.1\\.example.com:8081", [
    "127.0.0.1\\.example.com",
    8081,
    "invalid_host",
  ]],
  ["star", "a star", "*.example.org:443", ["*.example.org", 443, "invalid_host"]],
  ["comma", "two hosts", "good.example.org,127.0.0.1:8081", [
    "good.example.org,127.0.0.1",
    8081,
    "invalid_host",
  ]],
  ["trailing-dot", "an allowed host with a dot at its end", "api.example.com.:443", [
    "api.example.com.",
    443,
    "invalid_host",
  ]],
  ["two-dots", "an empty label", "api..example.com:443", ["api..example.com", 443, "invalid_host"]],
  ["long-label", "a label of a hundred letters", `${"a".repeat(100)}.example.org:443`, [
    `${"a".repeat(100)}.example.org`,
    443,
    "invalid_host",
  ]],
  ["long-name", "a name of three hundred letters", `${"a.".repeat(150)}example.org:443`, [
    `${"a.".repeat(150)}example.org`,
    443,
    "invalid_host",
  ]],
  ["punycode", "a name that looks like an allowed one", "xn--pi-7kc.example.com:443", [
    "xn--pi-7kc.example.com",
    443,
    "host_not_allowed",
  ]],
  ["suffix", "an allowed host as the beginning of another", "api.example.com.evil.com:443", [
    "api.example.com.evil.com",
    443,
    "host_not_allowed",
  ]],
  ["prefix", "an allowed host as the end of another", "evilapi.example.com:443", [
    "evilapi.example.com",
    443,
    "host_not_allowed",
  ]],
  ["two-labels", "two labels for one star", "a.b.example.org:443", [
    "a.b.example.org",
    443,
    "host_not_allowed",
  ]],
  ["no-label", "no label for a star", "example.org:443", ["example.org", 443, "host_not_allowed"]],
  ["other-port", "another port of an allowed host", "api.example.com:8443", [
    "api.example.com",
    8443,
    "port_not_allowed",
  ]],
  ["full-width", "full-width digits", "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1:8081"],
  ["ideographic", "ideographic full stops", "127\xe3\x80\x820\xe3\x80\x820\xe3\x80\x821:8081"],
  ["circled", "circled letters", "\xe2\x93\x9bocalhost:8081"],
  ["soft-hyphen", "a soft hyphen", "local\xc2\xadhost:8081"],
  ["cyrillic", "letters of another script", "\xd0\xb0pi.example.com:443"],
  ["latin1", "a byte that is no UTF-8", "\xe9.example.org:443"],
  ["tab", "a tab", "127.0.0.1\t:8081"],
  ["escape", "escapes of a terminal", "\x1b[2J.example.org:443"],
  ["quotes", "quotes of JSON", '","action":"Allowed.example.org:443'],
];

const TARGET_ATTACKS = TARGETS.map(([id, title, target, event]): Attack => ({
  id: `target-${id}`,
  title,
  area: "names",
  modes: ALL_MODES,
  attack: trial(target, REFUSED),
  twin: target.includes("8081") ? ANY_NAME : PATTERN,
  ...event === undefined ? { finding: MALFORMED } : { event: connection(...event) },
}));

/** Names that match a pattern, and what their addresses are. */
const ANSWERS: readonly (readonly [name: string, title: string, reason: string])[] = [
  ["loop", "a name of loopback", "destination_always_blocked"],
  ["loop8", "a name of another address of loopback", "destination_always_blocked"],
  ["both", "a name of a public address and loopback", "destination_always_blocked"],
  ["private", "a name of a private address", "destination_internal"],
  ["metadata", "a name of metadata", "destination_always_blocked"],
  ["zero", "a name of no host", "destination_always_blocked"],
  ["self", "a name of the machine itself", "destination_internal"],
  ["mapped", "a name of loopback, mapped into IPv6", "destination_always_blocked"],
  ["nat64", "a name of loopback by NAT64", "destination_always_blocked"],
  ["sixtofour", "a name of loopback by 6to4", "destination_always_blocked"],
  ["loop6", "a name of loopback in IPv6", "destination_always_blocked"],
  ["link6", "a name of a link-local address", "destination_always_blocked"],
  ["unique6", "a name of a private address in IPv6", "destination_internal"],
  ["multicast", "a name of all hosts", "destination_always_blocked"],
  ["broadcast", "a name of broadcast", "destination_always_blocked"],
];

const ANSWER_ATTACKS = ANSWERS.map(([name, title, reason]): Attack => ({
  id: `answer-${name}`,
  title,
  area: "names",
  modes: ALL_MODES,
  attack: trial(`${name}.example.org:443`, REFUSED),
  twin: PATTERN,
  event: connection(`${name}.example.org`, 443, reason),
}));

const OTHERS: readonly Attack[] = [
  {
    id: "answer-flip",
    title: "a name that is public when it is judged, and loopback when asked again",
    area: "names",
    attack: {
      ...trial("flip.example.org:443", /^HTTP\/1\.1 200 /),
      script: trial("flip.example.org:443", /./).script.replace("CANARY.encode()", 'b"none"'),
    },
    twin: PATTERN,
    event: connection("flip.example.org", 443, undefined, {
      verdict: "allowed",
      rule: "patterns",
    }),
  },
  {
    id: "answer-mixed",
    title: "a public and a private address",
    area: "names",
    modes: ALL_MODES,
    attack: trial("mixed.example.net:443", REFUSED),
    twin: PATTERN,
    event: connection("mixed.example.net", 443, "destination_internal"),
  },
  {
    id: "answer-rule-loopback",
    title: "loopback by a rule that names it",
    area: "names",
    modes: ALL_MODES,
    attack: trial("loopback.example.com:8080", REFUSED),
    twin: PATTERN,
    event: connection("loopback.example.com", 8080, "destination_always_blocked"),
  },
  {
    id: "answer-rule-metadata",
    title: "metadata by a rule that names it",
    area: "names",
    modes: ALL_MODES,
    attack: trial("metadata.example.com:80", REFUSED),
    twin: PATTERN,
    event: connection("metadata.example.com", 80, "destination_always_blocked"),
  },
  {
    id: "name-exfiltration",
    title: "data in a name that no rule allows",
    area: "names",
    modes: ALL_MODES,
    attack: trial("§.example.com:443", REFUSED),
    twin: PATTERN,
    event: connection("§.example.com", 443, "host_not_allowed"),
    isCanaryNamed: true,
  },
  {
    id: "name-exfiltration-pattern",
    title: "data in the place of a star, for the name servers",
    area: "names",
    attack: trial("§.example.org:443", REFUSED),
    twin: PATTERN,
    event: connection("§.example.org", 443, "dns_failed"),
    isCanaryNamed: true,
    accepted: "Patterns of hosts",
  },
];

export const NAME_ATTACKS: readonly Attack[] = [
  ...SPELLING_ATTACKS,
  ...TARGET_ATTACKS,
  ...ANSWER_ATTACKS,
  ...OTHERS,
];
