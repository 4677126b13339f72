/**
 * What a request may be, in a tunnel and through the forward proxy, and what of it goes upstream.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { WantedEvent } from "../support/events.ts";
import { ANYONE, CURL, policy, rest } from "../support/policies.ts";
import { curl, type Probe, probe, runScripts, sendRaw } from "../support/probes.ts";
import { sandboxSuite } from "../support/suite.ts";
import { TEST_AUTHORITY_NAME } from "../support/test_authority.ts";

const POLICY = policy({
  full: {
    endpoints: [
      rest("full.example.com", 443, { access: "full" }),
      rest("mismatch.example.com", 443, { access: "full" }),
    ],
  },
  read_only: {
    endpoints: [
      rest("readonly.example.com", 443, { access: "read-only" }),
      rest("readonly.example.com", 80, { access: "read-only" }),
    ],
    binaries: ANYONE,
  },
  audit: {
    endpoints: [rest("audit.example.com", 443, { access: "read-only", enforcement: "audit" })],
  },
  rules: {
    endpoints: [rest("api.example.com", 443, {
      rules: [
        { allow: { method: "GET", path: "/repos/*" } },
        { allow: { method: "POST", path: "/items" } },
        { allow: { method: "GET", path: "/search", query: { q: "a*" } } },
        { allow: { method: "GET", path: "/sort", query: { by: { any: ["name", "age"] } } } },
      ],
      deny_rules: [
        { method: "GET", path: "/repos/secret" },
        { method: "GET", path: "/repos/obscure" },
      ],
    })],
  },
  opaque: { endpoints: [{ host: "skip.example.com", port: 443, tls: "skip" }] },
});

function request(
  host: string,
  [method, path]: readonly [method: string, path: string],
  verdict: WantedEvent["verdict"],
  more: Partial<WantedEvent> = {},
): WantedEvent {
  return { kind: "request", host, port: 443, method, path, verdict, ...more };
}

const NOT_ALLOWED = { reason: "request_not_allowed" } as const;
const ALLOWED = /status 200 connect 200/;
const DENIED = /"error":\s*"policy_denied"[^]*status 403 connect 200/;

const ACCESS: readonly Probe[] = [
  {
    name: "full: POST goes through with its body",
    script: curl("https://full.example.com/post", "-d", "the body"),
    shows: /"body":"the body"[^]*status 200/,
    event: request("full.example.com", ["POST", "/post"], "allowed", { rule: "full" }),
  },
  {
    name: "read-only: GET",
    script: curl("https://readonly.example.com/get"),
    shows: ALLOWED,
    event: request("readonly.example.com", ["GET", "/get"], "allowed", { binary: CURL }),
  },
  {
    name: "read-only: HEAD",
    script: curl("https://readonly.example.com/head", "--head"),
    shows: ALLOWED,
    event: request("readonly.example.com", ["HEAD", "/head"], "allowed"),
  },
  ...["POST", "PUT", "DELETE", "PATCH"].map((method): Probe => ({
    name: `read-only: no ${method}`,
    script: curl(`https://readonly.example.com/no-${method}`, "-X", method, "-d", "x"),
    shows: DENIED,
    event: request("readonly.example.com", [method, `/no-${method}`], "denied", NOT_ALLOWED),
  })),
  {
    name: "audit: POST goes through, and is on record",
    script: curl("https://audit.example.com/audited", "-d", "x"),
    shows: ALLOWED,
    event: request("audit.example.com", ["POST", "/audited"], "audited", NOT_ALLOWED),
  },
];

const API = "https://api.example.com";

const RULES: readonly Probe[] = [
  {
    name: "a path of a rule",
    script: curl(`${API}/repos/a`),
    shows: ALLOWED,
    event: request("api.example.com", ["GET", "/repos/a"], "allowed", { rule: "rules" }),
  },
  {
    name: "a deeper path",
    script: curl(`${API}/repos/a/b`),
    shows: DENIED,
    event: request("api.example.com", ["GET", "/repos/a/b"], "denied", NOT_ALLOWED),
  },
  {
    name: "a deny rule wins",
    script: curl(`${API}/repos/secret`),
    shows: DENIED,
    event: request("api.example.com", ["GET", "/repos/secret"], "denied", {
      reason: "denied_by_rule",
    }),
  },
  {
    name: "so does one in another spelling",
    script: curl(`${API}/repos/%6fbscure`),
    shows: DENIED,
    neverSent: "bscure",
  },
  {
    name: "a way around by dots",
    script: curl(`${API}/repos/x/../../admin`, "--path-as-is"),
    shows: /status (403|400) connect 200/,
    neverSent: "admin",
  },
  {
    name: "a way around by encoded dots and slashes",
    script: curl(`${API}/repos/%2e%2e%2fadmin2`, "--path-as-is"),
    shows: /status (403|400|000) connect 200/,
    neverSent: "admin2",
  },
  {
    name: "a method of a rule",
    script: curl(`${API}/items`, "-d", "x"),
    shows: ALLOWED,
    event: request("api.example.com", ["POST", "/items"], "allowed"),
  },
  {
    name: "another method",
    script: curl(`${API}/items/9`, "-X", "DELETE"),
    shows: DENIED,
    event: request("api.example.com", ["DELETE", "/items/9"], "denied", NOT_ALLOWED),
  },
  { name: "a query that matches", script: curl(`${API}/search?q=abc&more=1`), shows: ALLOWED },
  {
    name: "a query that does not",
    script: curl(`${API}/search?q=xyz-query`),
    shows: DENIED,
    neverSent: "xyz-query",
  },
  { name: "a query that is not there", script: curl(`${API}/search`), shows: DENIED },
  {
    name: "one of two values does not match",
    script: curl(`${API}/search?q=abc&q=zz-two`),
    shows: DENIED,
    neverSent: "zz-two",
  },
  { name: "any of a list", script: curl(`${API}/sort?by=age`), shows: ALLOWED },
  {
    name: "none of a list",
    script: curl(`${API}/sort?by=zz-three`),
    shows: DENIED,
    neverSent: "zz-three",
  },
];

const TLS: readonly Probe[] = [
  {
    name: "programs are told which certificates to trust",
    script: "for name in SSL_CERT_FILE NODE_EXTRA_CA_CERTS DENO_CERT REQUESTS_CA_BUNDLE " +
      'CURL_CA_BUNDLE GIT_SSL_CAINFO; do test -s "${!name}" && echo good; done | grep -c good',
    shows: /^6\s*$/,
  },
  {
    name: "inspected TLS shows the certificate of the sandbox",
    script: curl("https://full.example.com/inspected", "-v"),
    shows: new RegExp(`^(?![^]*issuer: .*${TEST_AUTHORITY_NAME})[^]*issuer: `, "i"),
  },
  {
    name: "tls: skip is opaque both ways",
    script: curl("https://skip.example.com/opaque", "-v", "-k", "-d", "any"),
    shows: new RegExp(`issuer: .*${TEST_AUTHORITY_NAME}[^]*"body":"any"[^]*status 200`, "i"),
    event: {
      kind: "connection",
      host: "skip.example.com",
      port: 443,
      verdict: "allowed",
      rule: "opaque",
    },
  },
  {
    name: "another server name than that of the tunnel",
    script: curl(
      "https://readonly.example.com/sni",
      "--connect-to",
      "readonly.example.com:443:mismatch.example.com:443",
    ),
    shows: /status (000|403) connect 200/,
    neverSent: "/sni",
  },
  {
    name: "another Host than that of the tunnel",
    script: curl("https://mismatch.example.com/authority", "-H", "Host: api.example.com"),
    shows: /status (000|400|403) connect 200/,
    neverSent: "/authority",
  },
];

const BODIES: readonly Probe[] = [
  {
    name: "a large body arrives as it was sent",
    script: "head -c 5000000 /dev/zero > /tmp/zeros; sha256sum < /tmp/zeros | cut -c1-64; " +
      curl("https://full.example.com/sink", "--data-binary", "@/tmp/zeros", "-H", "Expect:"),
    shows: /^([0-9a-f]{64})\n[^]*"bytes":5000000,"sha256":"\1"[^]*status 200/,
  },
  {
    name: "a chunked body arrives as it was sent",
    script: curl(
      "https://full.example.com/sink",
      ...["--data-binary", "@/tmp/zeros", "-H", "Transfer-Encoding: chunked", "-H", "Expect:"],
    ),
    shows: /"bytes":5000000[^]*status 200/,
  },
  {
    name: "a large answer arrives whole",
    script: "curl -sS https://full.example.com/bulk/20000000 | wc -c",
    shows: /^20000000\s*$/,
  },
  {
    name: "a slow answer is passed on as it comes",
    script: "curl -sS -o /dev/null -w '%{time_starttransfer} %{time_total}' " +
      "https://full.example.com/drip/20/50 | awk '{ print ($2 - $1 > 0.5) ? \"streams\" : $0 }'",
    shows: /^streams/,
  },
  {
    name: "an answer that was cut off does not look whole",
    script: curl("https://full.example.com/truncated"),
    shows: /curl: \((18|52|56|92)\)/,
  },
];

const PLAIN = "http://readonly.example.com";

const FORWARD: readonly Probe[] = [
  {
    name: "forward: GET",
    script: curl(`${PLAIN}/forward-get`),
    shows: /"target":"\/forward-get"[^]*status 200/,
    event: request("readonly.example.com", ["GET", "/forward-get"], "allowed", { port: 80 }),
  },
  {
    name: "forward: no POST",
    script: curl(`${PLAIN}/forward-post`, "-d", "x"),
    shows: /"error":\s*"policy_denied"[^]*status 403/,
    event: request("readonly.example.com", ["POST", "/forward-post"], "denied", {
      port: 80,
      ...NOT_ALLOWED,
    }),
  },
  {
    name: "forward: what follows the first request goes nowhere",
    script: sendRaw(
      `GET ${PLAIN}/pipe-first HTTP/1.1\r\nHost: readonly.example.com\r\n\r\n` +
        `GET ${PLAIN}/pipe-second HTTP/1.1\r\nHost: readonly.example.com\r\n\r\n`,
    ),
    shows: /^HTTP\/1\.1 200 [^]*pipe-first/,
    neverSent: "/pipe-second",
  },
  {
    name: "forward: headers of the hop are removed",
    script: curl(
      `${PLAIN}/hop-test`,
      ...["-H", "Connection: X-Hop", "-H", "X-Hop: hop-value", "-H", "Keep-Alive: timeout=9"],
      ...["-H", "Proxy-Authorization: Basic hop-value", "-H", "Proxy-Connection: keep-alive"],
      ...["-H", "TE: trailers", "-H", "X-Stays: yes"],
    ),
    shows: /^(?![^]*(hop-value|"Proxy-|"Keep-Alive|"TE"))[^]*"X-Stays","yes"[^]*status 200/i,
  },
];

/** Requests that two parsers could read differently; bytes after the request line. */
const AMBIGUOUS = [
  ["length and chunks", "POST", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["two lengths", "POST", "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"],
  ["a length that is none", "POST", "Content-Length: +1\r\n\r\nx"],
  ["a coding that is not chunked", "POST", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"],
  ["two hosts", "GET", "Host: other.example.com\r\n\r\n"],
  ["a folded header", "GET", "X-A: b\r\n folded\r\n\r\n"],
  ["a space before the colon", "GET", "X-A : b\r\n\r\n"],
  ["bare line feeds", "GET", "X-A: b\nX-B: c\r\n\r\n"],
  ["a carriage return alone", "GET", "X-A: b\rX-B: c\r\n\r\n"],
  ["a zero byte", "GET", "X-A: b\0c\r\n\r\n"],
  ["an upgrade to h2c", "GET", "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"],
] as const;

sandboxSuite("requests", async (suite) => {
  const { world: { machine, origins }, step } = suite;
  await machine.create("web", { policy: POLICY });
  await probe(suite, "web", [...ACCESS, ...RULES, ...TLS, ...BODIES, ...FORWARD]);

  await step("a denial says what was missing", async () => {
    const [seen] = await runScripts(machine, "web", [
      `curl -sS -X DELETE 'https://api.example.com/why?token=hidden'`,
    ]);
    const body = JSON.parse(seen!.output);
    assert.deepEqual(
      [body.error, body.layer, body.protocol, body.method, body.path, body.host, body.port],
      ["policy_denied", "l7", "rest", "DELETE", "/why", "api.example.com", 443],
    );
    assert.equal(body.binary, CURL);
    assert.deepEqual(
      [body.rule_missing.type, body.rule_missing.method, body.rule_missing.path],
      ["rest_allow", "DELETE", "/why"],
    );
    assert.ok(Array.isArray(body.next_steps));
    assert.doesNotMatch(seen!.output, /hidden/);
  });

  const seen = await runScripts(
    machine,
    "web",
    AMBIGUOUS.map(([, method, rest], index) =>
      sendRaw(`${method} ${PLAIN}/odd-${index} HTTP/1.1\r\nHost: readonly.example.com\r\n${rest}`)
    ),
  );
  for (const [index, [name]] of AMBIGUOUS.entries()) {
    await step(`forward refuses ${name}`, async () => {
      assert.match(seen[index]!.output, /^(HTTP\/1\.1 4\d\d |$)/);
      assert.equal(await origins.received(`/odd-${index}`), false);
    });
  }

  await step("no query, header or body is in the events", async () => {
    const text = JSON.stringify(await machine.events("web"));
    for (const secret of ["the body", "hidden", "hop-value", "zz-two", "X-Stays"]) {
      assert.ok(!text.includes(secret), secret);
    }
  });
});
