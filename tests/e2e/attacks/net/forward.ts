/**
 * Attacks on the proxy itself: its own requests, its patience and its record.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { WantedEvent } from "../../support/events.ts";
import { curl } from "../../support/probes.ts";
import type { World } from "../../support/world.ts";
import type { Attack, Trial } from "../support/attack.ts";
import { OPEN } from "./http_trials.ts";
import { ALL_MODES, bytes, connection, pythonTrial, request } from "./scripts.ts";

const HOST = "api.example.com";
const URL_OPEN = `http://${HOST}/open/x?q=§`;
const H = `Host: ${HOST}\r\n`;

function asked(text: string, shows: RegExp): Trial {
  return pythonTrial(`ask(${bytes(text)}.replace(b"\\xa7", CANARY.encode()))`, shows);
}

const FORWARD: Trial = asked(
  `GET ${URL_OPEN} HTTP/1.1\r\n${H}\r\n`,
  /^HTTP\/1\.1 200 [^]*X-Origin: api-http/,
);

const REFUSED = /^(HTTP\/1\.1 4\d\d (?![^]*HTTP\/1\.1 200)|HTTP\/1\.1 501 |\s*$|\s*<\w+>$)/;

interface Case {
  readonly id: string;
  readonly title: string;
  readonly sends: string;
  /** Absent where it is a finding. */
  readonly event?: WantedEvent;
  readonly shows?: RegExp;
  readonly isAuditable?: true;
}

const CASES: readonly Case[] = [
  {
    id: "forward-host-other",
    title: "Host names another host than the target",
    sends: `GET ${URL_OPEN} HTTP/1.1\r\nHost: other.example.com\r\n\r\n`,
  },
  {
    id: "forward-other",
    title: "a host that no rule allows",
    sends: "GET http://other.example.com/?q=§ HTTP/1.1\r\nHost: other.example.com\r\n\r\n",
    event: connection("other.example.com", 80, "host_not_allowed"),
  },
  {
    id: "forward-path",
    title: "a path that no rule allows",
    sends: `GET http://${HOST}/secret?q=§ HTTP/1.1\r\n${H}\r\n`,
    event: request(HOST, 80, "request_not_allowed", { path: "/secret" }),
    isAuditable: true,
  },
  {
    id: "forward-userinfo",
    title: "a user name that looks like the allowed host",
    sends: `GET http://${HOST}:80@other.example.com/?q=§ HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "forward-https",
    title: "https in absolute form",
    sends: `GET https://${HOST}/secret?q=§ HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "forward-ftp",
    title: "another scheme",
    sends: `GET ftp://${HOST}/secret?q=§ HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "forward-file",
    title: "a file of the machine",
    sends: `GET file:///etc/shadow?q=§ HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "forward-origin-form",
    title: "a path alone, and Host of the machine",
    sends: "GET /?q=§ HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n",
  },
  {
    id: "forward-no-host",
    title: "a target without a host",
    sends: "GET http:///secret?q=§ HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
  },
  {
    id: "forward-loopback",
    title: "loopback",
    sends: "GET http://127.0.0.1:8081/?q=§ HTTP/1.1\r\nHost: 127.0.0.1:8081\r\n\r\n",
    event: connection("127.0.0.1", 8081, "destination_always_blocked"),
  },
  {
    id: "forward-metadata",
    title: "metadata by a rule that names it",
    sends:
      "GET http://metadata.example.com/latest?q=§ HTTP/1.1\r\nHost: metadata.example.com\r\n\r\n",
    event: connection("metadata.example.com", 80, "destination_always_blocked"),
  },
  {
    id: "forward-cl-te",
    title: "length and chunks",
    sends: `POST http://${HOST}/open/in HTTP/1.1\r\n${H}Content-Length: 4\r\n` +
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /secret?q=§ HTTP/1.1\r\n\r\n",
  },
  {
    id: "forward-pipeline",
    title: "a forbidden request after an allowed one",
    sends: `GET http://${HOST}/open/x HTTP/1.1\r\n${H}\r\n` +
      `GET http://${HOST}/secret?q=§ HTTP/1.1\r\n${H}\r\n`,
    event: request(HOST, 80, undefined, { verdict: "allowed", path: "/open/x" }),
    shows: /^HTTP\/1\.1 200 (?![^]*\nHTTP\/1\.1)(?![^]*secret)/,
  },
  {
    id: "forward-upgrade",
    title: "an upgrade to WebSocket",
    sends: `GET ${URL_OPEN} HTTP/1.1\r\n${H}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n§`,
    event: request(HOST, 80, "unsupported_protocol"),
  },
  {
    id: "forward-override",
    title: "X-HTTP-Method-Override",
    sends: `GET ${URL_OPEN} HTTP/1.1\r\n${H}X-HTTP-Method-Override: DELETE\r\n\r\n`,
    event: request(HOST, 80, "invalid_request"),
  },
  {
    id: "forward-connect-body",
    title: "CONNECT with a body",
    sends: `CONNECT ${HOST}:443 HTTP/1.1\r\n${H}Content-Length: 38\r\n\r\n§`,
  },
  {
    id: "forward-line-ends",
    title: "a line end inside of the target",
    sends: `GET http://${HOST}/open/x\rX: §\n HTTP/1.1\r\n${H}\r\n`,
  },
  {
    id: "forward-proxy-request",
    title: "the proxy asks itself",
    sends: "GET http://127.0.0.1:3128/?q=§ HTTP/1.1\r\nHost: 127.0.0.1:3128\r\n\r\n",
    event: connection("127.0.0.1", 3128, "host_not_allowed"),
  },
  {
    id: "log-path-ansi",
    title: "escapes of a terminal in a path",
    sends: `GET http://${HOST}/%1b%5b2J?q=§ HTTP/1.1\r\n${H}\r\n`,
    event: request(HOST, 80, "invalid_path"),
  },
  {
    id: "log-path-quotes",
    title: "quotes of JSON in a path",
    sends: `GET http://${HOST}/","action":"Allowed?q=§ HTTP/1.1\r\n${H}\r\n`,
    event: request(HOST, 80, "request_not_allowed", { path: "/%22,%22action%22:%22Allowed" }),
    isAuditable: true,
  },
  {
    id: "log-path-spaces",
    title: "a path that looks like the end of a line of the log",
    sends: `GET http://${HOST}/%20[policy:api%20engine:opa]?q=§ HTTP/1.1\r\n${H}\r\n`,
    event: request(HOST, 80, "request_not_allowed"),
    isAuditable: true,
  },
  {
    id: "log-method-quotes",
    title: "signs in a method",
    sends: `A'|~!#$%&*+^\`_.- ${URL_OPEN} HTTP/1.1\r\n${H}\r\n`,
    event: request(HOST, 80, "request_not_allowed"),
    isAuditable: true,
  },
];

const SHORT_ATTACKS = CASES.map(
  ({ id, title, sends, event, shows = REFUSED, isAuditable }): Attack => ({
    id,
    title,
    area: "http",
    modes: ALL_MODES,
    attack: asked(sends, shows),
    twin: FORWARD,
    ...event === undefined ? { finding: "malformed-request" } : { event },
    ...isAuditable && { isAuditable },
    ...id.startsWith("log-") && { check: assertPlainLog },
  }),
);

/** What a person reads holds no control characters, whoever chose the text. */
async function assertPlainLog({ machine }: World, sandbox: string): Promise<void> {
  const text = await machine.must(["logs", sandbox, "-n", "30"]);
  // deno-lint-ignore no-control-regex -- these are what is looked for
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
}

/** Nobody else has to wait, and nothing is decided about what never says what it wants. */
const PATIENCE: readonly Attack[] = [
  {
    id: "slow-heads",
    title: "two hundred heads that never end, while others go on",
    area: "http",
    attack: pythonTrial(
      `held = []
for n in range(200):
  sock = raw()
  sock.sendall(b"GET http://${HOST}/open/x HTTP/1.1\\r\\nX: " + CANARY.encode())
  held.append(sock)
os.system("curl -sS -m 15 -o /dev/null -w '%{http_code}' -x '' http://127.0.0.1:1/ 2>/dev/null; true")
print("held", len(held))`,
      /held 200/,
    ),
    twin: OPEN,
  },
  {
    id: "slow-tunnels",
    title: "a tunnel in which nothing is ever said",
    area: "http",
    attack: pythonTrial(
      `sock = tunnel("${HOST}:443")
sock.shutdown(socket.SHUT_WR)
show(rest(sock))`,
      /^connect 200\n$/,
    ),
    twin: OPEN,
    event: connection(HOST, 443, undefined, { verdict: "allowed" }),
  },
  {
    id: "endless-head",
    title: "a head without end",
    area: "http",
    attack: pythonTrial(
      `sock = raw()
data = b"GET http://${HOST}/open/x HTTP/1.1\\r\\n"
try:
  for n in range(2000):
    sock.sendall(data)
    data = b"X: " + CANARY.encode() * 20 + b"\\r\\n"
except OSError: print("stopped")
show(rest(sock))`,
      /HTTP\/1\.1 431 |stopped/,
    ),
    twin: OPEN,
    finding: "malformed-request",
  },
  {
    id: "endless-line",
    title: "a first line without end",
    area: "http",
    attack: pythonTrial(`ask(b"G" * 100000 + CANARY.encode())`, /HTTP\/1\.1 431 |<\w+>/),
    twin: OPEN,
    finding: "malformed-request",
  },
  {
    id: "endless-body",
    title: "a body of many megabytes after a refused head",
    area: "http",
    attack: pythonTrial(
      `sock = inside("${HOST}")
try:
  sock.sendall(b"POST /secret HTTP/1.1\\r\\nHost: ${HOST}\\r\\nContent-Length: 900000000000\\r\\n\\r\\n")
  for n in range(400): sock.sendall(CANARY.encode() * 1000)
except OSError: print("stopped")
show(rest(sock))`,
      /stopped|HTTP\/1\.1 403 /,
    ),
    twin: OPEN,
    event: request(HOST, 443, "request_not_allowed", { method: "POST", path: "/secret" }),
  },
  {
    id: "head-then-nothing",
    title: "a head that is cut off by the end of the connection",
    area: "http",
    attack: pythonTrial(
      `sock = raw()
sock.sendall(b"GET http://${HOST}/open/x?q=" + CANARY.encode() + b" HTTP/1.1\\r\\nHost: ${HOST}\\r\\n")
sock.shutdown(socket.SHUT_WR)
show(rest(sock))`,
      /^$/,
    ),
    twin: OPEN,
  },
  {
    id: "flood-connections",
    title: "a thousand connections, one after the other",
    area: "http",
    attack: pythonTrial(
      `for n in range(1000): raw().close()
print("done")`,
      /^done$/m,
    ),
    twin: { script: curl("https://full.example.com/after-flood"), shows: /status 200 connect 200/ },
  },
];

export const PROXY_ATTACKS: readonly Attack[] = [...SHORT_ATTACKS, ...PATIENCE];
