import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import { formatPolicy } from "../../policy-wasm/format_policy.ts";
import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import type { RawQuestion } from "../../policy-wasm/raw_question.ts";
import type { Reason } from "../../proto/reason.ts";
import { judgesOf } from "../cases/judges.ts";

const FOLDER = new URL("../../examples/", import.meta.url);

const FILES = [...Deno.readDirSync(FOLDER)]
  .map(({ name }) => name)
  .filter((name) => name.endsWith(".yaml"))
  .sort();

type Question = Pick<RawQuestion, "method" | "path" | "rpc" | "graphql">;

/** File, program, `host:port`, request, and the reason that is due. */
type Row = readonly [
  file: string,
  binary: string,
  target: string,
  request: Question | string,
  want: Reason,
];

const CURL = "/usr/bin/curl";
const GH = "/usr/bin/gh";
const GIT = "/usr/lib/git-core/git-remote-http";
const NODE = "/usr/bin/node";
const PIP = "/usr/bin/python3.12";
const CLAUDE = "/sandbox/.local/share/claude/versions/2.1.0";
const CODEX_PACKAGE = "/usr/local/lib/node_modules/@openai/codex";
const CODEX_VENDOR =
  `${CODEX_PACKAGE}/node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl`;
const CODEX = `${CODEX_VENDOR}/bin/codex`;
const CLAUDE_NPM = "/usr/lib/node_modules/@anthropic-ai/claude-code/bin/claude.exe";
const OPENCODE_NPM = "/usr/local/lib/node_modules/opencode-ai/bin/opencode.exe";
const OPENCODE = "/sandbox/.opencode/bin/opencode";
const COPILOT = "/usr/local/bin/copilot";
const MCP_CLIENT = "/usr/local/bin/claude";
const PSQL = "/usr/lib/postgresql/16/bin/psql";

const STREAM: Question = { path: "/mcp/", rpc: { kind: "stream" } };

const PULL = "GET /octo-org/site.git/info/refs?service=git-upload-pack";
const PUSH = "GET /octo-org/site.git/info/refs?service=git-receive-pack";
const PAYROLL = "GET /octo-org/payroll.git/info/refs?service=git-upload-pack";

const ROWS: readonly Row[] = [
  ["read-only.yaml", CURL, "api.example.com:443", "GET /zen", "allowed"],
  ["read-only.yaml", CURL, "api.example.com:443", "HEAD /", "allowed"],
  ["read-only.yaml", CURL, "api.example.com:443", "POST /", "request_not_allowed"],
  ["read-only.yaml", CURL, "example.com:443", "GET /", "host_not_allowed"],
  ["read-only.yaml", CURL, "api.example.com:80", "GET /", "port_not_allowed"],
  ["read-only.yaml", "/usr/bin/wget", "api.example.com:443", "GET /", "binary_not_allowed"],

  ["github-read-only.yaml", GH, "api.github.com:443", "GET /repos/octo-org/site/pulls", "allowed"],
  [
    "github-read-only.yaml",
    GH,
    "api.github.com:443",
    "POST /repos/octo-org/site/issues",
    "request_not_allowed",
  ],
  [
    "github-read-only.yaml",
    GH,
    "api.github.com:443",
    "GET /repos/octo-org/payroll",
    "denied_by_rule",
  ],
  [
    "github-read-only.yaml",
    GH,
    "api.github.com:443",
    "GET /repos/octo-org/payroll-2/issues",
    "denied_by_rule",
  ],
  [
    "github-read-only.yaml",
    GH,
    "api.github.com:443",
    "GET /repos/octo-org/x/../payroll",
    "denied_by_rule",
  ],
  ["github-read-only.yaml", GH, "api.github.com:443", "GET /user", "path_not_in_scope"],
  ["github-read-only.yaml", GH, "api.github.com:443", operation("query", "repository"), "allowed"],
  [
    "github-read-only.yaml",
    GH,
    "api.github.com:443",
    operation("query", "viewer"),
    "request_not_allowed",
  ],
  [
    "github-read-only.yaml",
    GH,
    "api.github.com:443",
    operation("mutation", "addComment"),
    "request_not_allowed",
  ],
  ["github-read-only.yaml", GIT, "github.com:443", PULL, "allowed"],
  [
    "github-read-only.yaml",
    GIT,
    "github.com:443",
    "POST /octo-org/site.git/git-upload-pack",
    "allowed",
  ],
  ["github-read-only.yaml", GIT, "github.com:443", PUSH, "request_not_allowed"],
  [
    "github-read-only.yaml",
    GIT,
    "github.com:443",
    "POST /octo-org/site.git/git-receive-pack",
    "request_not_allowed",
  ],
  ["github-read-only.yaml", GIT, "github.com:443", PAYROLL, "denied_by_rule"],
  [
    "github-read-only.yaml",
    GIT,
    "api.github.com:443",
    "GET /repos/octo-org/site",
    "binary_not_allowed",
  ],

  ["npm-install.yaml", NODE, "npm.corp.example:443", "GET /left-pad", "allowed"],
  ["npm-install.yaml", NODE, "npm.corp.example:443", "GET /@types%2fnode", "allowed"],
  [
    "npm-install.yaml",
    NODE,
    "npm.corp.example:443",
    "GET /@types/node/-/node-22.0.0.tgz",
    "allowed",
  ],
  [
    "npm-install.yaml",
    NODE,
    "npm.corp.example:443",
    "GET /left-pad/-/left-pad-1.3.0.tgz",
    "allowed",
  ],
  [
    "npm-install.yaml",
    NODE,
    "npm.corp.example:443",
    "POST /-/npm/v1/security/advisories/bulk",
    "allowed",
  ],
  ["npm-install.yaml", NODE, "npm.corp.example:443", "PUT /left-pad", "request_not_allowed"],
  ["npm-install.yaml", NODE, "npm.corp.example:443", "PUT /@types%2fnode", "request_not_allowed"],
  ["npm-install.yaml", NODE, "npm.corp.example:443", "GET /-/npm/v1/tokens", "request_not_allowed"],
  [
    "npm-install.yaml",
    NODE,
    "npm.corp.example:443",
    "GET /-%2Fwhoami",
    "encoded_slash_not_allowed",
  ],

  ["pypi-install.yaml", PIP, "pypi.corp.example:443", "GET /simple/", "allowed"],
  ["pypi-install.yaml", PIP, "pypi.corp.example:443", "GET /simple/requests/", "allowed"],
  ["pypi-install.yaml", PIP, "files.pypi.corp.example:443", "GET /packages/a/b/x.whl", "allowed"],
  ["pypi-install.yaml", PIP, "pypi.corp.example:443", "POST /legacy/", "request_not_allowed"],
  [
    "pypi-install.yaml",
    "/sandbox/python3",
    "pypi.corp.example:443",
    "GET /simple/",
    "binary_not_allowed",
  ],

  ["claude-code.yaml", CLAUDE, "api.anthropic.com:443", "POST /v1/messages?beta=true", "allowed"],
  ["claude-code.yaml", CLAUDE_NPM, "api.anthropic.com:443", "POST /v1/messages", "allowed"],
  ["claude-code.yaml", CLAUDE, "api.anthropic.com:443", "GET /api/oauth/profile", "allowed"],
  ["claude-code.yaml", CLAUDE, "platform.claude.com:443", "POST /v1/oauth/token", "allowed"],
  ["claude-code.yaml", CLAUDE, "api.anthropic.com:443", "POST /v1/files", "request_not_allowed"],
  ["claude-code.yaml", CLAUDE, "statsig.anthropic.com:443", "POST /", "host_not_allowed"],
  ["claude-code.yaml", CURL, "api.anthropic.com:443", "POST /v1/messages", "binary_not_allowed"],

  ["codex.yaml", CODEX, "api.openai.com:443", "POST /v1/responses", "allowed"],
  [
    "codex.yaml",
    `${CODEX_VENDOR}/codex-path/rg`,
    "api.openai.com:443",
    "POST /v1/responses",
    "binary_not_allowed",
  ],
  ["codex.yaml", CODEX, "chatgpt.com:443", "POST /backend-api/codex/responses", "allowed"],
  ["codex.yaml", CODEX, "auth.openai.com:443", "POST /oauth/token", "allowed"],
  ["codex.yaml", CODEX, "api.openai.com:443", "POST /v1/files", "request_not_allowed"],
  ["codex.yaml", CODEX, "chatgpt.com:443", "GET /backend-api/conversations", "path_not_in_scope"],
  ["codex.yaml", CURL, "api.openai.com:443", "POST /v1/responses", "binary_not_allowed"],

  ["opencode.yaml", OPENCODE, "opencode.ai:443", "POST /zen/v1/chat/completions", "allowed"],
  ["opencode.yaml", OPENCODE_NPM, "opencode.ai:443", "POST /zen/v1/messages", "allowed"],
  ["opencode.yaml", OPENCODE, "models.opencode.ai:443", "GET /api.json", "allowed"],
  ["opencode.yaml", OPENCODE, "opencode.ai:443", "POST /share_create", "path_not_in_scope"],
  ["opencode.yaml", OPENCODE, "models.opencode.ai:443", "POST /api.json", "request_not_allowed"],

  ["pi.yaml", NODE, "api.anthropic.com:443", "POST /v1/messages", "allowed"],
  ["pi.yaml", NODE, "api.anthropic.com:443", "POST /v1/files", "request_not_allowed"],
  ["pi.yaml", NODE, "openrouter.ai:443", "POST /api/v1/chat/completions", "host_not_allowed"],
  ["pi.yaml", CURL, "api.anthropic.com:443", "POST /v1/messages", "binary_not_allowed"],

  ["copilot.yaml", COPILOT, "api.individual.githubcopilot.com:443", "POST /responses", "allowed"],
  ["copilot.yaml", COPILOT, "api.githubcopilot.com:443", "GET /models", "allowed"],
  ["copilot.yaml", COPILOT, "api.github.com:443", "GET /copilot_internal/user", "allowed"],
  ["copilot.yaml", COPILOT, "api.githubcopilot.com:443", "POST /mcp/", "request_not_allowed"],
  ["copilot.yaml", COPILOT, "api.github.com:443", "GET /user/repos", "request_not_allowed"],
  [
    "copilot.yaml",
    COPILOT,
    "telemetry.individual.githubcopilot.com:443",
    "POST /",
    "host_not_allowed",
  ],

  ["mcp-server.yaml", MCP_CLIENT, "api.githubcopilot.com:443", tool("issue_read"), "allowed"],
  ["mcp-server.yaml", MCP_CLIENT, "api.githubcopilot.com:443", STREAM, "allowed"],
  ["mcp-server.yaml", MCP_CLIENT, "api.githubcopilot.com:443", "GET /mcp/", "rpc_invalid"],
  [
    "mcp-server.yaml",
    MCP_CLIENT,
    "api.githubcopilot.com:443",
    tool("create_issue"),
    "request_not_allowed",
  ],
  ["mcp-server.yaml", MCP_CLIENT, "api.githubcopilot.com:443", "POST /mcp/", "rpc_invalid"],
  ["mcp-server.yaml", MCP_CLIENT, "tickets.corp.example:443", tool("create_ticket"), "allowed"],
  [
    "mcp-server.yaml",
    MCP_CLIENT,
    "tickets.corp.example:443",
    tool("delete_ticket"),
    "denied_by_rule",
  ],
  [
    "mcp-server.yaml",
    MCP_CLIENT,
    "tickets.corp.example:443",
    tool("delete_ticket.all"),
    "denied_by_rule",
  ],
  ["mcp-server.yaml", MCP_CLIENT, "tickets.corp.example:443", "GET /tickets", "path_not_in_scope"],

  ["database.yaml", PSQL, "db.corp.example:5432", {}, "allowed"],
  ["database.yaml", PSQL, "db.corp.example:5433", {}, "port_not_allowed"],
  ["database.yaml", PSQL, "other.corp.example:5432", {}, "host_not_allowed"],
  ["database.yaml", PIP, "db.corp.example:5432", {}, "binary_not_allowed"],
];

for (const file of FILES) {
  Deno.test(`examples: ${file} parses without a warning, and teaches`, () => {
    const text = read(file);
    const { policy, diagnostics } = parsePolicy(text);
    assert.deepEqual(diagnostics, []);
    assert.equal(policy?.landlock.compatibility, "hard_requirement");
    for (const word of ["The agent can:", "The agent cannot:", "To change:"]) {
      assert.ok(text.includes(`# ${word}`), `${file} does not say "${word}"`);
    }
  });

  Deno.test(`examples: ${file} allows and denies what it says`, () => {
    const rows = ROWS.filter((row) => row[0] === file);
    const { policy } = parsePolicy(read(file));
    assert.ok(policy !== null);
    assert.ok(rows.some((row) => row[4] === "allowed") && rows.some((row) => row[4] !== "allowed"));
    for (const judge of judgesOf(policy)) {
      const got = rows.map((row) => [row, judge.ask(questionOf(row)).decision.reason]);
      assert.deepEqual(got, rows.map((row) => [row, row[4]]), judge.name);
    }
  });
}

Deno.test("examples: README.md lists every policy, and no other", () => {
  const listed = [...read("README.md").matchAll(/\]\(([\w-]+\.yaml)\)/g)].map((match) => match[1]);
  assert.deepEqual(listed.sort(), FILES);
});

Deno.test("examples: all of them together are one policy without conflicts", () => {
  const documents = FILES.map((file) => parse(read(file)) as { network_policies: object });
  const rules = documents.flatMap((document) => Object.entries(document.network_policies));
  const together = { ...documents[0], network_policies: Object.fromEntries(rules) };
  assert.equal(Object.keys(together.network_policies).length, rules.length);
  assert.deepEqual(parsePolicy(stringify(together)).diagnostics, []);
});

Deno.test("examples: every row of the table is about a policy that exists", () => {
  assert.deepEqual(ROWS.filter((row) => !FILES.includes(row[0])), []);
});

function read(file: string): string {
  return Deno.readTextFileSync(new URL(file, FOLDER));
}

function questionOf([, binary, target, request]: Row): RawQuestion {
  const [host, port] = target.split(":") as [string, string];
  const asked = typeof request === "string" ? requestLine(request) : request;
  return { caller: { binary, ancestors: [] }, host, port: Number(port), ...asked };
}

function requestLine(line: string): Question {
  const [method, path] = line.split(" ") as [string, string];
  return { method, path };
}

function operation(type: "query" | "mutation", field: string): Question {
  return { path: "/graphql", graphql: { kind: "operation", type, name: "", fields: [field] } };
}

function tool(name: string): Question {
  return { path: "/mcp/", rpc: { kind: "call", method: "tools/call", tool: name } };
}

Deno.test("examples are in the form that `policy fmt` writes", () => {
  for (const file of FILES) {
    const text = Deno.readTextFileSync(new URL(file, FOLDER));
    assert.equal(formatPolicy(text), text, file);
  }
});
