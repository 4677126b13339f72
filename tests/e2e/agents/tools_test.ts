/**
 * Everyday tools in sandboxes, with the environment that a sandbox has by default: each gets
 * through the proxy and trusts its certificates, and is refused what its policy does not allow.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readDecision } from "../support/events.ts";
import { policy, rest } from "../support/policies.ts";
import { agentSuite } from "./support/agent_suite.ts";
import type { AgentWorld } from "./support/agent_world.ts";
import { install } from "./support/installation.ts";
import {
  hasPython,
  HELLO,
  makePackages,
  makeRepository,
  PYTHON,
  README,
} from "./support/tool_fixtures.ts";

interface Tool {
  readonly name: string;
  /** File in `examples/`, or a policy. */
  readonly policy: string;
  /** A script of `sh`, which has to succeed and say `says`. */
  readonly works: string;
  readonly says: string;
  /** Another script, which has to fail, and the request or connection that is refused. */
  readonly refused: string;
  readonly reason: string;
  readonly host: string;
}

const SDK = "/usr/local/lib/node_modules/@modelcontextprotocol/sdk/dist/esm/client";

const MCP_CLIENT = `
import { Client } from "${SDK}/index.js";
import { StreamableHTTPClientTransport } from "${SDK}/streamableHttp.js";
const client = new Client({ name: "test", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
const { tools } = await client.listTools();
const { content } = await client.callTool({ name: tools[0].name, arguments: { name: "agent" } });
console.log(content[0].text);
await client.close();
`;

const MCP_POLICY = policy({
  tickets: {
    endpoints: [
      rest("mcp.corp.example", 443, { rules: [{ allow: { method: "POST", path: "/mcp" } }] }),
    ],
    binaries: ["/usr/local/bin/node"],
  },
});

const PIP = `${PYTHON} -m pip install --disable-pip-version-check --quiet --target`;
const URLLIB = `
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1]).read().decode())
`;
/** The library is part of pip. */
const REQUESTS = `
import sys
from pip._vendor import requests
answer = requests.get(sys.argv[1])
answer.raise_for_status()
print(answer.text)
`;
const INDEX = "https://pypi.corp.example/simple";

const TOOLS: readonly Tool[] = [
  {
    name: "curl",
    policy: "read-only.yaml",
    works: "curl -sS --fail https://api.example.com/zen",
    says: "Least privilege",
    refused: "curl -sS --fail -X POST https://api.example.com/zen",
    reason: "request_not_allowed",
    host: "api.example.com",
  },
  {
    name: "git clone",
    policy: "github-read-only.yaml",
    works: "git clone -q https://github.com/octo-org/site.git && cat site/README",
    says: README,
    refused: "cd site && git push origin HEAD:refs/heads/mine",
    reason: "request_not_allowed",
    host: "github.com",
  },
  {
    name: "npm install",
    policy: "npm-install.yaml",
    works: "npm install --registry=https://npm.corp.example greeter && " +
      `node -p 'require("greeter")'`,
    says: HELLO,
    refused: "npm install --registry=https://npm.elsewhere.example --fetch-retries=0 greeter",
    reason: "host_not_allowed",
    host: "npm.elsewhere.example",
  },
  {
    name: "an MCP client",
    policy: MCP_POLICY,
    works:
      `cat >client.mjs <<'END'\n${MCP_CLIENT}END\nnode client.mjs https://mcp.corp.example/mcp`,
    says: "Hello, agent.",
    refused: "node client.mjs https://mcp.corp.example/admin",
    reason: "request_not_allowed",
    host: "mcp.corp.example",
  },
];

const PYTHON_TOOLS: readonly Tool[] = [
  {
    name: "pip install",
    policy: "pypi-install.yaml",
    works: `${PIP} mine --index-url ${INDEX} greeter && ` +
      `PYTHONPATH=mine ${PYTHON} -c 'import greeter; print(greeter.HELLO)'`,
    says: HELLO,
    refused: `${PIP} theirs --retries 0 --index-url https://pypi.elsewhere.example/simple greeter`,
    reason: "host_not_allowed",
    host: "pypi.elsewhere.example",
  },
  {
    name: "Python's urllib",
    policy: "pypi-install.yaml",
    works: `cat >ask.py <<'END'\n${URLLIB}END\n${PYTHON} ask.py ${INDEX}/greeter/`,
    says: "greeter-1.0.0",
    refused: `${PYTHON} ask.py https://pypi.corp.example/admin`,
    reason: "request_not_allowed",
    host: "pypi.corp.example",
  },
  {
    name: "Python's requests",
    policy: "pypi-install.yaml",
    works: `cat >ask.py <<'END'\n${REQUESTS}END\n${PYTHON} ask.py ${INDEX}/greeter/`,
    says: "greeter-1.0.0",
    refused: `${PYTHON} ask.py https://pypi.corp.example/admin`,
    reason: "request_not_allowed",
    host: "pypi.corp.example",
  },
];

agentSuite("everyday tools", await install(), async ({ world, step }) => {
  await makeRepository(`${world.folder}/git`);
  await makePackages(`${world.folder}/packages`);
  for (const [index, tool] of [...TOOLS, ...hasPython() ? PYTHON_TOOLS : []].entries()) {
    await step(tool.name, () => tryTool(world, tool, `tool-${index}`));
  }
});

async function tryTool({ machine }: AgentWorld, tool: Tool, name: string): Promise<void> {
  await machine.create(name, { policy: await readPolicy(tool.policy) });
  const worked = await machine.exec(name, tool.works);
  assert.equal(worked.code, 0, `${worked.stdout}${worked.stderr}`);
  assert.ok(worked.stdout.includes(tool.says), worked.stdout);
  const refused = await machine.exec(name, tool.refused);
  assert.notEqual(refused.code, 0, refused.stdout);
  const decisions = (await machine.events(name)).map(readDecision);
  const found = decisions.filter((each) => each?.verdict === "denied" && each.host === tool.host);
  assert.ok(found.length > 0, JSON.stringify(decisions));
  assert.ok(found.every((each) => each!.reason === tool.reason), JSON.stringify(found));
  await machine.must(["sandbox", "delete", name]);
}

async function readPolicy(policy: string): Promise<string> {
  if (!policy.endsWith(".yaml")) return policy;
  return await Deno.readTextFile(new URL(`../../../examples/${policy}`, import.meta.url));
}
