import assert from "node:assert/strict";
import fc from "fast-check";
import { DIAGNOSTICS_MAX, POLICY_TEXT_BYTES_MAX, RULES_MAX } from "../proto/limits.ts";
import { DIAGNOSTIC_CODES } from "./diagnostic_code.ts";
import { type ParsedPolicy, parsePolicy } from "./parse_policy.ts";
import { renderDiagnostic } from "./render_diagnostic.ts";
import { ALL_CASES } from "./validate/all_cases.ts";
import { markedCodes } from "./validate/marked_policy.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Codes that the tables cannot mark, with the tests below that have them. */
const OTHER_CODES = [
  ...["document_too_large", "not_utf8", "more_errors", "more_warnings", "too_many_rules"],
  ...["too_many_endpoints", "policy_over_reference_limit"],
  "image_too_large", // given by checkPolicy()
];

Deno.test("parsePolicy() has a case for every code", () => {
  const tested = new Set([
    ...ALL_CASES.flatMap(({ policy }) => markedCodes(policy)),
    ...OTHER_CODES,
  ]);
  assert.deepEqual(Object.keys(DIAGNOSTIC_CODES).filter((code) => !tested.has(code)), []);
});

Deno.test("diagnostics.md lists exactly the codes there are", async () => {
  const page = await Deno.readTextFile(
    new URL("../architecture/diagnostics.md", import.meta.url),
  );
  const listed = [...page.matchAll(/^\| `(\w+)` +\| (\w+) +\| (.*?) +\|$/gm)]
    .map(([, code, severity, text]) => `${code} ${severity} ${text}`);
  const wanted = Object.entries(DIAGNOSTIC_CODES)
    .map(([code, { severity, text }]) => `${code} ${severity} ${text}`);
  assert.deepEqual(listed.sort(), wanted.sort());
});

Deno.test("every code is used by some module", async () => {
  let sources = "";
  for (const folder of ["./", "./parse/", "./validate/", "./glob/"]) {
    for await (const { name } of Deno.readDir(new URL(folder, import.meta.url))) {
      if (!name.endsWith(".ts") || /_test|_cases|diagnostic_code/.test(name)) continue;
      sources += await Deno.readTextFile(new URL(`${folder}${name}`, import.meta.url));
    }
  }
  const unused = Object.keys(DIAGNOSTIC_CODES).filter((code) => !sources.includes(`"${code}"`));
  assert.deepEqual(unused, []);
});

Deno.test.each([
  { name: "a stray continuation", bytes: [...encode("version: 1\n# é"), 0x80], want: "2:4" },
  { name: "an overlong slash", bytes: [...encode("a: "), 0xc0, 0xaf], want: "1:4" },
  { name: "an overlong form of three bytes", bytes: [0xe0, 0x80, 0x80], want: "1:1" },
  { name: "a surrogate", bytes: [...encode("\n\n"), 0xed, 0xa0, 0x80], want: "3:1" },
  { name: "a code point beyond Unicode", bytes: [0xf4, 0x90, 0x80, 0x80], want: "1:1" },
  { name: "a cut sequence", bytes: [...encode("a: 😀"), 0xf0, 0x9f], want: "1:5" },
  { name: "UTF-16", bytes: [0xff, 0xfe, 0x61, 0x00], want: "1:1" },
])("parsePolicy() refuses $name", ({ bytes, want }) => {
  const { policy, diagnostics } = parsePolicy(Uint8Array.from(bytes));
  assert.equal(policy, null);
  assert.deepEqual(diagnostics.map((d) => `${d.line}:${d.column} ${d.code}`), [`${want} not_utf8`]);
});

Deno.test("parsePolicy() refuses a lone surrogate in text", () => {
  const [diagnostic] = parsePolicy("version: 1\n# \ud800").diagnostics;
  assert.equal(`${diagnostic?.line}:${diagnostic?.column} ${diagnostic?.code}`, "2:3 not_utf8");
});

Deno.test("parsePolicy() takes bytes and text alike", () => {
  const text = "\ufeffversion: 1\nprocess: { run_as_user: 'ü😀' }";
  assert.deepEqual(parsePolicy(encode(text)).diagnostics, parsePolicy(text).diagnostics);
});

Deno.test.each([
  { name: "bytes", input: new Uint8Array(POLICY_TEXT_BYTES_MAX + 1) },
  { name: "characters", input: "#".repeat(POLICY_TEXT_BYTES_MAX + 1) },
  { name: "bytes of characters", input: "é".repeat(POLICY_TEXT_BYTES_MAX / 2 + 1) },
])("parsePolicy() refuses too many $name", ({ input }) => {
  const { policy, diagnostics } = parsePolicy(input);
  assert.equal(policy, null);
  assert.deepEqual(diagnostics.map(({ code }) => code), ["document_too_large"]);
});

Deno.test("parsePolicy() takes a document of the largest size", () => {
  const text = "version: 1\n#".padEnd(POLICY_TEXT_BYTES_MAX, "x");
  assert.ok(parsePolicy(text).policy !== null);
});

Deno.test("parsePolicy() counts the errors that it does not show", () => {
  const keys = Array.from({ length: 150 }, (_, i) => `zzz${i}: 1`);
  const { diagnostics } = parsePolicy(`version: 1\n${keys.join("\n")}`);
  assert.equal(diagnostics.length, DIAGNOSTICS_MAX + 1);
  assert.equal(diagnostics.at(-1)?.code, "more_errors");
  assert.equal(diagnostics.at(-1)?.message, "50 more errors and 0 more warnings are not shown");
});

Deno.test("parsePolicy() shows errors before warnings where it cannot show all", () => {
  const paths = Array.from({ length: 150 }, (_, i) => `"/p${i}*"`);
  const warnings = `version: 1\nfilesystem_policy: { read_only: [${paths.join(", ")}] }`;
  assert.equal(parsePolicy(warnings).diagnostics.at(-1)?.code, "more_warnings");
  assert.ok(parsePolicy(warnings).policy !== null);
  const { diagnostics } = parsePolicy(`${warnings}\nzzz: 1`);
  assert.equal(diagnostics.at(-2)?.code, "unknown_key");
  assert.equal(diagnostics.at(-1)?.code, "more_warnings");
});

Deno.test("parsePolicy() stores no more findings than it needs, however many there are", () => {
  const { diagnostics } = parsePolicy(`version: 1\n${"? []\n".repeat(60_000)}`);
  assert.equal(diagnostics.length, DIAGNOSTICS_MAX + 1);
  assert.match(diagnostics.at(-1)!.message, /^59900 more errors/);
});

Deno.test("parsePolicy() refuses too many rules", () => {
  const rules = Array.from({ length: RULES_MAX + 1 }, (_, i) => `  r${i}: {}`);
  const { policy, diagnostics } = parsePolicy(`version: 1\nnetwork_policies:\n${rules.join("\n")}`);
  assert.equal(policy, null);
  assert.ok(diagnostics.some(({ code, line }) => code === "too_many_rules" && line === 2));
});

Deno.test("parsePolicy() refuses too many endpoints", () => {
  const ports = Array.from({ length: 1100 }, (_, i) => i + 1).join(",");
  const endpoints = Array.from({ length: 100 }, (_, i) => `{ host: h${i}.io, ports: [${ports}] }`);
  const { diagnostics } = parsePolicy(
    `version: 1\nnetwork_policies:\n  r: { endpoints: [${endpoints}], binaries: [{ path: /b }] }`,
  );
  const [diagnostic] = diagnostics.filter(({ severity }) => severity === "error");
  assert.equal(
    `${diagnostic?.line}:${diagnostic?.column} ${diagnostic?.code}`,
    "2:1 too_many_endpoints",
  );
});

Deno.test("parsePolicy() warns of a policy that reference gateways refuse", () => {
  const rules = Array.from({ length: 3000 }, (_, i) => (
    `  r${i}: { endpoints: [{ host: h${i}.example.com, port: 443 }], binaries: [{ path: /b }] }`
  ));
  const { policy, diagnostics } = parsePolicy(`version: 1\nnetwork_policies:\n${rules.join("\n")}`);
  assert.ok(policy !== null);
  assert.deepEqual(diagnostics.map(({ code }) => code), ["policy_over_reference_limit"]);
});

Deno.test.each([
  { path: "", want: "1:1" },
  { path: "version", want: "1:10" },
  { path: "network_policies", want: "2:1" },
  { path: "network_policies.git-hub", want: "3:3" },
  { path: "network_policies.git-hub.endpoints[0]", want: "5:9" },
  { path: "network_policies.git-hub.endpoints[0].host", want: "5:15" },
  { path: "network_policies.git-hub.binaries[1].path", want: "7:42" },
  { path: 'network_policies["a.b\\u0022"]', want: "8:3" },
  { path: "network_policies.git-hub.endpoints[1]", want: null },
  { path: "network_policies.git-hub.endpoints.x", want: null },
  { path: "version.x", want: null },
  { path: "a..b", want: null },
  { path: '["\\x"]', want: null },
  { path: "[9999999999999999999999]", want: null },
])("locate() finds $path", ({ path, want }) => {
  const { locate } = parsePolicy(`version: 1
network_policies:
  git-hub:
    endpoints:
      - host: github.com
        port: 443
    binaries: [{ path: /bin/a }, { path: /bin/b }]
  'a.b"': {}
`);
  const range = locate(path);
  assert.equal(range && `${range.line}:${range.column}`, want);
});

Deno.test("locate() finds the path of every diagnostic", () => {
  for (const { policy } of ALL_CASES.filter(({ policy }) => policy.length < 10_000)) {
    const { diagnostics, locate } = parsePolicy(policy.replaceAll(/«\w+»/g, ""));
    for (const { path } of diagnostics) if (path !== "") assert.ok(locate(path) !== null, path);
  }
});

const VALID = `version: 1
filesystem_policy: { include_workdir: true, read_only: [/usr, /lib], read_write: [/tmp] }
landlock: { compatibility: hard_requirement }
process: { run_as_user: "2001" }
network_policies:
  tickets: &t
    endpoints:
      - host: "*.corp.example"
        ports: [443, 8443]
        protocol: rest
        path: "/api/**"
        rules:
          - allow: { method: GET, path: "/api/{v1,v2}/[a-z]*", query: { q: { any: ["0", "n*"] } } }
        deny_rules: [{ method: "*", path: "/api/v2/admin/**" }]
        allowed_ips: [10.1.0.0/16]
    binaries: [{ path: /usr/bin/curl, descendants: true }]
  tools:
    endpoints:
      - { host: mcp.example, port: 443, protocol: mcp, mcp: { allow_all_known_mcp_methods: true } }
    binaries: [{ path: "/opt/*" }]
network_middlewares:
  m: { middleware: openshell/regex, config: { mode: redact }, endpoints: { include: ["**"] } }
`;

/** Text that is likely to reach every branch when it stands in a wrong place. */
const FRAGMENT = fc.constantFrom(
  ...["", " ", "\n", "  ", "\t", "-", ":", ": ", "?", ",", "[", "]", "{", "}", "#", "&a ", "*t"],
  ...["'", '"', "|", ">", "%", "@", "!!str ", "---\n", "...", "<<: *t", "~", "1", "0x1f", "1e9"],
  ...[
    "true",
    "**",
    "*",
    "/",
    "..",
    "a.b",
    "\\",
    "\\u0000",
    "é",
    "😀",
    "\ud800",
    "\0",
    "\r",
    "\ufeff",
  ],
  ...["rules: []", "host: 127.0.0.1", "protocol: graphql", "port: 0", "tls: skip", "__proto__: {}"],
);

const MUTATED = fc.array(
  fc.record({ at: fc.nat(VALID.length), remove: fc.nat(12), insert: FRAGMENT }),
  { minLength: 1, maxLength: 6 },
).map((edits) =>
  edits.reduce((text, { at, remove, insert }) => {
    const start = Math.min(at, text.length);
    return text.slice(0, start) + insert + text.slice(start + remove);
  }, VALID)
);

Deno.test("parsePolicy() accepts the policy that is mutated below", () => {
  assert.deepEqual(parsePolicy(VALID).diagnostics, []);
});

Deno.test("parsePolicy() never throws on mutations of a policy", () => {
  fc.assert(fc.property(MUTATED, (text) => isCoherent(parsePolicy(text))), { numRuns: 1500 });
});

Deno.test("parsePolicy() never throws on random bytes", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(fc.property(bytes, (input) => isCoherent(parsePolicy(input))), { numRuns: 500 });
});

Deno.test("parsePolicy() never throws on random text", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 100 }),
    fc.array(FRAGMENT, { maxLength: 40 }).map((parts) => parts.join("")),
    fc.json().map((json) => `{"version": 1, "network_policies": ${json}}`),
  );
  fc.assert(fc.property(texts, (text) => isCoherent(parsePolicy(text))), { numRuns: 1500 });
});

/** There is a policy exactly without errors, and each diagnostic is complete and printable. */
function isCoherent({ policy, diagnostics, source, locate }: ParsedPolicy): boolean {
  const hasErrors = diagnostics.some(({ severity }) => severity === "error");
  assert.equal(policy === null, hasErrors);
  let previous = 0;
  for (const diagnostic of diagnostics) {
    const { line, column, endLine, endColumn, code, path } = diagnostic;
    assert.ok(code in DIAGNOSTIC_CODES);
    assert.ok(line >= previous && column >= 1);
    assert.ok(endLine > line || (endLine === line && endColumn >= column));
    assert.ok(line <= source.lineStarts.length);
    const rendered = renderDiagnostic(diagnostic, source, { file: "p.yaml" });
    // deno-lint-ignore no-control-regex -- what a terminal would act upon
    assert.ok(!/[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.test(rendered));
    locate(path);
    previous = line;
  }
  return true;
}

Deno.test("parsePolicy() does not miss what a misspelled key would give", () => {
  const text = `version: 1
network_policies:
  api:
    endpoints:
      - hots: api.example.com
        prot: 443
        protocol: rest
        rule:
          - allow: { method: GET, path: "/v1/**" }
    binaries:
      - pth: /usr/bin/curl
`;
  const found = parsePolicy(text).diagnostics.map(({ code, fix }) => `${code} ${fix}`);
  assert.deepEqual(found, [
    "unknown_key host",
    "unknown_key port",
    "unknown_key rules",
    "unknown_key path",
  ]);
});
