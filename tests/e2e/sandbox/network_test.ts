/**
 * Who may connect where, and which addresses nobody reaches whatever the policy says.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { WantedEvent } from "../support/events.ts";
import { ANYONE, BASH, CURL, policy, rest } from "../support/policies.ts";
import { curl, type Probe, probe, runScripts, sendRaw } from "../support/probes.ts";
import { sandboxSuite } from "../support/suite.ts";
import { ADDRESSES } from "../support/world.ts";

const POLICY = policy({
  api: { endpoints: [{ host: "api.example.com", port: 443 }] },
  api_for_bash: { endpoints: [{ host: "api.example.com", port: 8443 }], binaries: [BASH] },
  other_for_bash: { endpoints: [{ host: "other.example.com", port: 443 }], binaries: [BASH] },
  copy: { endpoints: [{ host: "copy.example.com", port: 443 }] },
  ports: { endpoints: [{ host: "full.example.com", ports: [443, 8443] }] },
  internal: {
    endpoints: [
      { host: "loopback.example.com", port: 8080 },
      { host: "metadata.example.com", port: 80 },
    ],
    binaries: ANYONE,
  },
  private: {
    endpoints: [
      { host: "private.example.com", port: 443, allowed_ips: ["10.20.0.0/16"] },
      { host: "private.example.com", port: 80, allowed_ips: ["10.99.0.0/16"] },
      { host: ADDRESSES.private, port: 443 },
      { host: ADDRESSES.private, port: 80 },
      { port: 8081, allowed_ips: ["10.20.0.0/16"] },
      { host: "mixed.example.net", port: 443, allowed_ips: ["11.22.33.0/24"] },
    ],
  },
  wild: { endpoints: [{ host: "*.wild.example.net", port: 443 }] },
  wild_private: { endpoints: [{ host: "*.example.com", port: 8080 }] },
  forward: { endpoints: [rest("api.example.com", 80, { access: "full" })] },
  broken: {
    endpoints: [
      { host: "gone.example.com", port: 443 },
      { host: "wrong.example.com", port: 443 },
      { host: "unresolved.example.com", port: 443 },
    ],
  },
  control_plane: { endpoints: [{ host: "keep.example.com", port: 6443 }] },
});

function connection(
  host: string,
  port: number,
  verdict: WantedEvent["verdict"],
  more: Partial<WantedEvent> = {},
): WantedEvent {
  return { kind: "connection", host, port, verdict, ...more };
}

const REFUSED = /status 000 connect 403/;

const RULES: readonly Probe[] = [
  {
    name: "no rule: refused",
    script: curl("https://no-rule.example.org/"),
    shows: REFUSED,
    event: connection("no-rule.example.org", 443, "denied", { reason: "host_not_allowed" }),
  },
  {
    name: "a rule for host, port and program: allowed",
    script: curl("https://api.example.com/allowed"),
    shows: /"target":"\/allowed"[^]*status 200 connect 200/,
    event: connection("api.example.com", 443, "allowed", { rule: "api", binary: CURL }),
  },
  {
    name: "another port: refused",
    script: curl("https://api.example.com:444/"),
    shows: REFUSED,
    event: connection("api.example.com", 444, "denied", { reason: "port_not_allowed" }),
  },
  {
    name: "another program: refused",
    script: curl("https://other.example.com/"),
    shows: REFUSED,
    event: connection("other.example.com", 443, "denied", {
      reason: "binary_not_allowed",
      binary: CURL,
    }),
  },
  {
    name: "two rules do not combine",
    script: curl("https://api.example.com:8443/"),
    shows: REFUSED,
    event: connection("api.example.com", 8443, "denied", { reason: "binary_not_allowed" }),
  },
  {
    name: "a copy of an allowed program is another program",
    script: `cp /usr/bin/curl /tmp/copy; exec -a /usr/bin/curl /tmp/copy -sS -m 9 -w ` +
      `'%{http_connect}' https://copy.example.com/`,
    shows: /403$/m,
    event: connection("copy.example.com", 443, "denied", {
      reason: "binary_not_allowed",
      binary: "/tmp/copy",
    }),
  },
  {
    name: "each port of a list is allowed",
    script: curl("https://full.example.com:8443/"),
    shows: /status 200 connect 200/,
    event: connection("full.example.com", 8443, "allowed", { rule: "ports" }),
  },
];

const ADDRESS_RULES: readonly Probe[] = [
  {
    name: "loopback is never reached, also by a rule",
    script: curl("http://loopback.example.com:8080/", "--proxytunnel"),
    shows: REFUSED,
    event: connection("loopback.example.com", 8080, "denied", {
      reason: "destination_always_blocked",
    }),
  },
  {
    name: "metadata is never reached, also by a rule",
    script: curl("http://metadata.example.com/", "--proxytunnel"),
    shows: REFUSED,
    event: connection("metadata.example.com", 80, "denied", {
      reason: "destination_always_blocked",
    }),
  },
  {
    name: "a private address by allowed_ips",
    script: curl("https://private.example.com/"),
    shows: /status 200 connect 200/,
    event: connection("private.example.com", 443, "allowed", { rule: "private" }),
  },
  {
    name: "a private address outside of allowed_ips",
    script: curl("http://private.example.com/", "--proxytunnel"),
    shows: REFUSED,
    event: connection("private.example.com", 80, "denied", {
      reason: "destination_not_in_allowed_ips",
    }),
  },
  {
    name: "a private address by its literal",
    script: curl(`https://${ADDRESSES.private}/`),
    shows: /status 200 connect 200/,
    event: connection(ADDRESSES.private, 443, "allowed"),
  },
  {
    name: "any name whose address is in allowed_ips",
    script: curl("http://private.example.com:8081/", "--proxytunnel"),
    shows: /status 200 connect 200/,
    event: connection("private.example.com", 8081, "allowed"),
  },
  {
    name: "one bad address among good ones refuses all",
    script: curl("https://mixed.example.net/"),
    shows: REFUSED,
    event: connection("mixed.example.net", 443, "denied", {
      reason: "destination_not_in_allowed_ips",
    }),
  },
  {
    name: "a pattern does not lead to internal addresses",
    script: curl("http://other.example.com:8080/", "--proxytunnel"),
    shows: REFUSED,
    event: connection("other.example.com", 8080, "denied", { reason: "destination_internal" }),
  },
  {
    name: "ports of control planes",
    script: curl("https://keep.example.com:6443/"),
    shows: REFUSED,
    event: connection("keep.example.com", 6443, "denied", {
      reason: "destination_control_plane_port",
    }),
  },
];

const NAMES: readonly Probe[] = [
  {
    name: "a star is one label",
    script: curl("https://one.wild.example.net/"),
    shows: /status 200 connect 200/,
    event: connection("one.wild.example.net", 443, "allowed", { rule: "wild" }),
  },
  {
    name: "a star is not two labels",
    script: curl("https://two.one.wild.example.net/"),
    shows: REFUSED,
    event: connection("two.one.wild.example.net", 443, "denied", { reason: "host_not_allowed" }),
  },
  {
    name: "a star is not none",
    script: curl("https://wild.example.net/"),
    shows: REFUSED,
    event: connection("wild.example.net", 443, "denied", { reason: "host_not_allowed" }),
  },
  {
    name: "a name without an address",
    script: curl("https://unresolved.example.com/"),
    shows: /status 000 connect (403|502)/,
    event: connection("unresolved.example.com", 443, "denied"),
  },
  {
    name: "nobody listens",
    script: curl("https://gone.example.com/"),
    shows: /status 000 connect 502/,
  },
  {
    name: "the certificate is for another name",
    script: curl("https://wrong.example.com/secret-path"),
    shows: /status (000|502)/,
    neverSent: "/secret-path",
  },
];

const FORWARD: readonly Probe[] = [
  {
    name: "forward: a private literal",
    script: curl(`http://${ADDRESSES.private}/forwarded`),
    shows: /"target":"\/forwarded"[^]*status 200/,
  },
  {
    name: "forward: no rule",
    script: curl("http://no-forward.example.org/"),
    shows: /"error":\s*"policy_denied"[^]*status 403/,
  },
  {
    name: "forward: https is refused",
    script: sendRaw(
      "GET https://api.example.com/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
    ),
    shows: /^HTTP\/1\.1 400 [^]*CONNECT/,
  },
  {
    name: "the answer to a refused CONNECT says why",
    script: sendRaw(
      "CONNECT no-body.example.org:443 HTTP/1.1\r\nHost: no-body.example.org\r\n\r\n",
    ),
    shows: /^HTTP\/1\.1 403 [^]*application\/json[^]*"error":\s*"policy_denied"/i,
    event: connection("no-body.example.org", 443, "denied", { reason: "host_not_allowed" }),
  },
  {
    name: "origin-form is no proxy request",
    script: sendRaw("GET /x HTTP/1.1\r\nHost: api.example.com\r\n\r\n"),
    shows: /^HTTP\/1\.1 4\d\d /,
  },
];

/** Spellings of addresses that nobody may reach; each has no rule, and none finds a way around. */
const SPELLINGS = [
  "127.0.0.1:8080",
  "127.1:8080",
  "0x7f000001:8080",
  "2130706433:8080",
  "0177.0.0.1:8080",
  "[::1]:8080",
  "[::ffff:127.0.0.1]:8080",
  "[::ffff:7f00:1]:8080",
  "0.0.0.0:8080",
  "localhost:8080",
  "loopback.example.com.:8080",
  "LOOPBACK.example.com:8080",
  "169.254.169.254:80",
  "[::ffff:169.254.169.254]:80",
  "api.example.com%00.evil.com:443",
  "api.example.com\t:443",
  "api.example.com:443@evil.com:443",
  "api.example.com:0443",
  "api.example.com:",
  "api.example.com",
] as const;

sandboxSuite("network", async (suite) => {
  const { world: { machine, origins, loopback }, step } = suite;
  await machine.create("net", { policy: POLICY });
  await probe(suite, "net", [...RULES, ...ADDRESS_RULES, ...NAMES, ...FORWARD]);

  await origins.clear();
  const before = await machine.events("net");
  const seen = await runScripts(
    machine,
    "net",
    SPELLINGS.map((target) => sendRaw(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)),
  );
  for (const [index, target] of SPELLINGS.entries()) {
    await step(`CONNECT ${JSON.stringify(target)} is refused`, () => {
      assert.match(seen[index]!.output, /^HTTP\/1\.1 4\d\d /);
    });
  }
  await step("each of these refusals left one event, and nothing reached a server", async () => {
    const added = (await machine.events("net")).slice(before.length)
      // One that names no destination is a finding: there is nothing to decide about.
      .filter((event) => event.action === "Denied" || isMalformed(event));
    assert.equal(added.length, SPELLINGS.length);
    assert.deepEqual(await origins.recordings(), []);
    assert.deepEqual(await loopback.recordings(), []);
  });

  await step("a sandbox without network rules reaches nothing", async () => {
    await machine.create("none", { policy: policy({}) });
    const [result] = await runScripts(machine, "none", [curl("https://api.example.com/")]);
    assert.match(result!.output, REFUSED);
  });
});

function isMalformed(event: unknown): boolean {
  return JSON.stringify(event).includes("malformed-request");
}
