/**
 * Tests of the verbs of `openshell policy`, from their words to streams and exit code.
 *
 * @module
 */

import assert from "node:assert/strict";
import { PROGRAM } from "./commands.ts";
import { fakeContext } from "./fake_context.ts";
import { runProgram } from "./run_program.ts";

const POLICY = `version: 1
network_policies:
  api:
    endpoints:
      - host: api.example.com
        port: 443
        protocol: rest
        rules:
          - allow: { method: GET, path: "/v1/**" }
      - host: tools.example.com
        port: 443
        path: /mcp
        protocol: mcp
        rules:
          - allow: { method: initialize }
          - allow: { method: tools/call, tool: "get_*" }
    binaries:
      - path: /usr/bin/curl
`;

const FILES = {
  "ok.yaml": POLICY,
  "more.yaml": POLICY.replace("method: GET", "method: POST"),
  "bad.yaml": POLICY.replace("method: GET", "method: GTE").replace("version: 1", "version: 2"),
  "untidy.yaml": POLICY.replace("version: 1", "version:   1"),
};

async function run(line: string, stdin = "") {
  const context = fakeContext({ files: FILES, stdin });
  const code = await runProgram(PROGRAM, line.split(" "), context);
  return { code, out: context.out(), err: context.err(), file: context.file };
}

const ASK = "policy explain ok.yaml --binary /usr/bin/curl --port 443 -o json";

Deno.test("policy check accepts a valid file, names what it holds, and exits with 0", async () => {
  const { code, out, err } = await run("policy check ok.yaml");
  assert.equal(code, 0);
  assert.match(out, /^ok\.yaml: ok, 1 rule, 2 endpoints, 0 warnings, sha256:[0-9a-f]{64}\n$/);
  assert.equal(err, "");
});

Deno.test("policy check reports every error with its place and exits with 2", async () => {
  const { code, out, err } = await run("policy check ok.yaml bad.yaml");
  assert.equal(code, 2);
  assert.match(out, /^ok\.yaml: ok, .*\nbad\.yaml: invalid, 2 errors, 0 warnings\n$/);
  assert.match(err, /bad\.yaml:1:10: error\[[a-z_]+\]: .*\n1 \| version: 2\n/);
  assert.match(err, /bad\.yaml:9:30: error\[unknown_method\]: .*\n(.*\n){2} +fix: GET\n/);
});

Deno.test("policy check -o json has a stable shape", async () => {
  const { code, out, err } = await run("policy check bad.yaml -o json");
  assert.equal(code, 2);
  assert.equal(err, "");
  const { ok, files: [file] } = JSON.parse(out);
  assert.equal(ok, false);
  assert.deepEqual(Object.keys(file), [
    "file",
    "ok",
    "generation",
    "rules",
    "endpoints",
    "diagnostics",
  ]);
  assert.deepEqual(Object.keys(file.diagnostics[0]).sort(), [
    "code",
    "column",
    "endColumn",
    "endLine",
    "fix",
    "line",
    "message",
    "path",
    "severity",
  ]);
});

Deno.test("policy check --annotate prints workflow annotations", async () => {
  const { out } = await run("policy check bad.yaml --annotate");
  assert.match(out, /^::error file=bad\.yaml,line=1,endLine=1,col=10,title=[a-z_]+::.*\n/);
  assert.match(out, /::error file=bad\.yaml,line=9,.*title=unknown_method::.*Fix: GET\n/);
});

Deno.test("policy check reads standard input for -", async () => {
  const { code, out } = await run("policy check -", POLICY);
  assert.equal(code, 0);
  assert.match(out, /^-: ok/);
});

Deno.test("policy check goes on behind a file that is missing", async () => {
  const { code, out, err } = await run("policy check none.yaml ok.yaml nor.yaml");
  assert.equal(code, 1);
  assert.match(out, /^ok\.yaml: ok, /);
  assert.match(err, /"nor\.yaml": it does not exist\n(.|\n)*"none\.yaml": it does not exist\n/);
});

Deno.test("policy check says which file is missing", async () => {
  const { code, err } = await run("policy check none.yaml");
  assert.equal(code, 1);
  assert.equal(err, 'error: Cannot read "none.yaml": it does not exist\n');
});

for (
  const [words, verdict, reason, rest] of [
    ["--host api.example.com", "allow", "allowed", { rule: "api", endpoint: 0, path: null }],
    ["--host API.example.com --method GET --path /v1/x", "allow", "allowed", { path: "/v1/x" }],
    [
      "--host api.example.com --method GET --path /v1/../v2?a=b",
      "deny",
      "request_not_allowed",
      { path: "/v2", line: 5 },
    ],
    ["--host api.example.com --method GET --path /v1/%zz", "deny", "invalid_path", { rule: null }],
    ["--host api.example.com. --method GET --path /v1/x", "deny", "invalid_host", { host: null }],
    ["--host other.example.com", "deny", "host_not_allowed", { rule: null, endpoint: null }],
    [
      "--host tools.example.com --tool get_x",
      "allow",
      "allowed",
      { endpoint: 1, path: "/mcp", method: "POST" },
    ],
    ["--host tools.example.com --path /mcp --tool put", "deny", "request_not_allowed", {}],
    ["--host tools.example.com --path /mcp --method initialize", "allow", "allowed", {}],
    [
      "--host tools.example.com --path /mcp --method tools/call --tool get_a",
      "allow",
      "allowed",
      {},
    ],
    ["--host tools.example.com --path /mcp --method DELETE", "deny", "rpc_invalid", {}],
    ["--host api.example.com --address 93.184.216.34", "allow", "allowed", {}],
    [
      "--host api.example.com --address 93.184.216.34 --address 169.254.169.254",
      "deny",
      "destination_always_blocked",
      {},
    ],
  ] as const
) {
  Deno.test(`policy explain ${words}: ${verdict} ${reason}`, async () => {
    const { code, out } = await run(`${ASK} ${words}`);
    assert.equal(code, 0);
    const answer = JSON.parse(out);
    assert.deepEqual([answer.verdict, answer.reason], [verdict, reason]);
    for (const [key, value] of Object.entries(rest)) assert.deepEqual(answer[key], value, key);
    assert.match(answer.generation, /^sha256:[0-9a-f]{64}$/);
    assert.ok(reason === "allowed" || rest.host === null || answer.near_misses.length >= 0);
  });
}

Deno.test("policy explain tells a person why the near misses missed", async () => {
  const line = "policy explain ok.yaml --binary /bin/sh --host api.example.com --port 443";
  const { code, out } = await run(line);
  assert.equal(code, 0);
  assert.match(out, /^verdict +DENY\nrule +none\nreason +binary_not_allowed: A rule names/);
  assert.match(
    out,
    /near misses\n {2}api, endpoint 0 \[binary\]: Program "\/bin\/sh" is not among/,
  );
});

Deno.test("policy explain shows the errors of an invalid file and exits with 2", async () => {
  const line = "policy explain bad.yaml --binary /bin/sh --host a.b --port 443";
  const { code, out, err } = await run(line);
  assert.deepEqual([code, out], [2, ""]);
  assert.match(err, /unknown_method/);
  assert.match(err, /\nerror: Cannot use policy "bad\.yaml": it has 2 errors\n$/);
});

for (
  const words of [
    "policy explain ok.yaml --host a.b --port 443",
    "policy explain ok.yaml --binary /bin/sh --host a.b --port 0",
    "policy explain ok.yaml --binary /bin/sh --host a.b --port 443 --operation-type delete",
    "policy explain ok.yaml --binary /a --host a.b --port 1 --persisted-query h --field a",
    "policy compile ok.yaml -o ok.yaml",
    "policy compile ok.yaml -o -",
    "policy fmt ok.yaml more.yaml",
    "policy fmt ok.yaml --check --write",
    "policy diff ok.yaml",
    "policy compile ok.yaml",
    "policy check",
  ]
) {
  Deno.test(`${words}: bad arguments exit with 2 and print no result`, async () => {
    const { code, out, err } = await run(words);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, /^error: /);
  });
}

Deno.test("policy fmt prints, checks and writes", async () => {
  assert.equal((await run("policy fmt untidy.yaml")).out, POLICY);
  const check = await run("policy fmt --check ok.yaml untidy.yaml");
  assert.deepEqual([check.code, check.err], [2, "untidy.yaml: not in canonical form\n"]);
  assert.equal((await run("policy fmt --check ok.yaml")).code, 0);
  const write = await run("policy fmt --write untidy.yaml");
  assert.deepEqual([write.code, write.out, write.file("untidy.yaml")], [0, "", POLICY]);
});

Deno.test("policy diff lists changes by meaning", async () => {
  const same = await run("policy diff ok.yaml untidy.yaml");
  assert.deepEqual([same.code, same.out], [0, "The policies mean the same\n"]);
  const { code, out } = await run("policy diff ok.yaml more.yaml -o json");
  assert.equal(code, 0);
  const paths = JSON.parse(out).changes.map((
    c: { kind: string; path: string },
  ) => [c.kind, c.path]);
  const place = "network_policies.api.endpoints.api.example.com:443.allow";
  assert.deepEqual(paths, [["removed", `${place}.GET /v1/**`], ["added", `${place}.POST /v1/**`]]);
});

Deno.test("policy compile writes the image and prints its hash", async () => {
  const { code, out, file } = await run("policy compile ok.yaml -o ok.img");
  assert.equal(code, 0);
  assert.match(out, /^sha256:[0-9a-f]{64}\n$/);
  assert.match(file("ok.img") ?? "", /^OSPI/);
});
