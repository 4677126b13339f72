import assert from "node:assert/strict";
import { parsePolicy } from "./parse_policy.ts";
import { renderDiagnostic } from "./render_diagnostic.ts";

const RULE = `version: 1
network_policies:
  github:
    endpoints:
`;
const BINARIES = "    binaries: [{ path: /usr/bin/git }]\n";

Deno.test.each([
  {
    name: "a key that is called otherwise",
    policy: "version: 1\nfilesystem: {}\n",
    want: `policy.yaml:2:1: error[unknown_key]: Key "filesystem" does not exist in a policy
2 | filesystem: {}
  | ^^^^^^^^^^
  fix: filesystem_policy
`,
  },
  {
    name: "an allow rule without its wrapper",
    policy: RULE + "      - host: api.github.com\n        port: 443\n        protocol: rest\n" +
      '        rules:\n          - method: GET\n            path: "/**"\n' + BINARIES,
    want:
      `policy.yaml:9:13: error[rule_without_allow]: An entry of rules has its fields inside allow
9 |           - method: GET
  |             ^^^^^^
  fix: allow: { method: GET, path: "/**" }
`,
  },
  {
    name: "a number that has to be quoted",
    policy: "version: 1\nprocess:\n  run_as_user: 2001\n",
    want: `policy.yaml:3:16: error[wrong_type]: "run_as_user" is an integer, should be text
3 |   run_as_user: 2001
  |                ^^^^
  fix: "2001"
`,
  },
  {
    name: "a host in another script",
    policy: RULE + "      - { host: 例え.テスト, port: 443 }\n" + BINARIES,
    want:
      `policy.yaml:5:17: error[host_not_ascii]: Host "例え.テスト" is not ASCII; write the name that DNS knows it by
5 |       - { host: 例え.テスト, port: 443 }
  |                 ^^^^^^^^^^^
  fix: xn--r8jz45g.xn--zckzah
`,
  },
  {
    name: "a place behind wide characters and tabs",
    policy: '{\n\t"version": 1,\n\t"日本😀": 2\n}\n',
    want: `policy.yaml:3:2: error[unknown_key]: Key "日本😀" does not exist in a policy
3 |     "日本😀": 2
  |     ^^^^^^^^
`,
  },
  {
    name: "the middle of a pattern",
    policy: RULE + "      - { host: a.io, port: 1, protocol: rest, access: read-only, " +
      'path: "/v[12/x" }\n' + BINARIES,
    want: `policy.yaml:5:76: error[malformed_glob]: Bracket is opened but not closed in "/v[12/x"
5 |       - { host: a.io, port: 1, protocol: rest, access: read-only, path: "/v[12/x" }
  |                                                                            ^
`,
  },
  {
    name: "a long line",
    policy: `${RULE}      - { host: a.io, ports: [${
      Array.from({ length: 60 }, (_, i) => i === 30 ? 0 : i + 1).join(", ")
    }] }\n${BINARIES}`,
    want: `policy.yaml:5:142: error[port_out_of_range]: Port 0 should be from 1 to 65535
5 | …, 24, 25, 26, 27, 28, 29, 30, 0, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,…
  |                                ^
`,
  },
  {
    name: "the end of a long line",
    policy: `version: 1 # ${"x".repeat(300)}\x1b[31m`,
    want: `policy.yaml:1:314: error[control_character]: Character U+001B is not allowed in a policy
1 | …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx�[31m
  |                                ^
`,
  },
  {
    name: "a conflict",
    policy: RULE + "      - { host: a.io, port: 443 }\n      - host: a.io\n        port: 443\n" +
      "        tls: skip\n" + BINARIES,
    want:
      `policy.yaml:6:9: error[ambiguous_connection]: Endpoints of rules "github" (line 5) and "github" take the same connection and differ in tls (auto, here skip)
6 |       - host: a.io
  |         ^^^^^^^^^^
`,
  },
  {
    name: "a warning",
    policy: "version: 1\nlandlock: { compatibility: best_effort }",
    want:
      `policy.yaml:2:28: warning[best_effort]: With best_effort the sandbox runs unconfined where Landlock is missing
2 | landlock: { compatibility: best_effort }
  |                            ^^^^^^^^^^^
  fix: hard_requirement
`,
  },
  {
    name: "an empty document",
    policy: "",
    want: `policy.yaml:1:1: error[empty_document]: The document is empty
  fix: version: 1
`,
  },
])("renderDiagnostic() shows $name", ({ policy, want }) => {
  const { diagnostics, source } = parsePolicy(policy);
  const got = diagnostics.map((d) => renderDiagnostic(d, source, { file: "policy.yaml" }));
  assert.equal(got.join(""), want);
});

Deno.test("renderDiagnostic() colors the place, the code, the caret and the fix", () => {
  const { diagnostics, source } = parsePolicy("version: 2");
  const got = renderDiagnostic(diagnostics[0]!, source, { file: "p.yaml", color: true });
  assert.equal(
    got,
    "\x1b[1mp.yaml:1:10:\x1b[0m \x1b[31merror[unsupported_version]\x1b[0m: " +
      "Version 2 is not known, should be 1\n" +
      "\x1b[2m1 |\x1b[0m version: 2\n\x1b[2m  |\x1b[0m          \x1b[31m^\x1b[0m\n" +
      "  \x1b[32mfix:\x1b[0m 1\n",
  );
});

Deno.test("renderDiagnostic() writes no control character of a file name", () => {
  const { diagnostics, source } = parsePolicy("version: 2");
  const got = renderDiagnostic(diagnostics[0]!, source, { file: "a\x1b[2J\n.yaml" });
  assert.ok(got.startsWith("a\\u001B[2J\\u000A.yaml:1:10: error"));
});

Deno.test("renderDiagnostic() is quick on a line of megabytes", () => {
  const text = `version: 1 # ${"x".repeat(3_000_000)}\0`;
  const { diagnostics, source } = parsePolicy(text);
  const got = renderDiagnostic(diagnostics[0]!, source, { file: "p.yaml" });
  assert.equal(got.split("\n")[1], `1 | …${"x".repeat(30)}\ufffd`);
});
