/**
 * The quickstart: `sandbox create -- claude` on a terminal offers to make a provider of the key that
 * the machine has, and the agent then works with a key that it never sees.
 *
 * First with stand-ins for the agents, which need no package, then with Claude Code itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FAREWELL, GREETING, PROJECT } from "../agents/support/conversation.ts";
import { install } from "../agents/support/installation.ts";
import { makeCanary } from "../attacks/support/canary.ts";
import { CURL, policy, rest } from "../support/policies.ts";
import { mustRun } from "../support/commands.ts";
import { Terminal } from "../support/terminal.ts";
import { formsOf, searchFiles } from "./support/find_secret.ts";
import { type Journey, journeySuite } from "./support/journey_suite.ts";
import type { JourneyWorld } from "./support/journey_world.ts";

const KEY = `sk-ant-${makeCanary()}`;
const QUESTION = /Let the sandbox use ANTHROPIC_API_KEY of this machine[^\n]*\[Y\/n\] /;
const START_MS_MAX = 60_000;
const RUN_MS_MAX = 120_000;

/** Asks its person, then its model, with the key of its environment. */
const CLAUDE = `
echo "key <$ANTHROPIC_API_KEY>"
if [ -t 0 ]; then printf 'Your question: '; read -r question; echo "You said $question"; fi
curl -sS -m 20 -H "x-api-key: $ANTHROPIC_API_KEY" -d '{}' https://api.anthropic.com/v1/messages
`;

/** Tells what it was given. */
const OTHER = 'echo "openai <$OPENAI_API_KEY> openrouter <$OPENROUTER_API_KEY>"\n';

const POLICY = policy({
  model: {
    endpoints: [rest("api.anthropic.com", 443, { access: "read-write" })],
    binaries: [CURL],
  },
});

const NEEDS = { token: KEY, programs: { claude: CLAUDE, codex: OTHER, opencode: OTHER } };

journeySuite("quickstart", NEEDS, async (journey) => {
  await journey.world.machine.writeFile("policy.yaml", POLICY);
  await stepsOfQuestion(journey);
  await stepsOfFlags(journey);
  await stepsOfOthers(journey);
});

const CLAUDE_CODE = "claude -p --dangerously-skip-permissions";

const installation = await install();
const REAL = installation.kind === "missing"
  ? { token: KEY, missing: installation.reason }
  : { token: KEY, prefix: installation.prefix };

journeySuite("quickstart with Claude Code", REAL, async ({ world, step }) => {
  const { machine } = world;
  const project = `${machine.home}/project`;
  await mustRun(["git", "init", "--quiet", project]);
  const example = new URL("../../../examples/claude-code.yaml", import.meta.url).pathname;
  await step("it works on a folder of the person, with a key that it never has", async () => {
    const args = ["sandbox", "create", "--name", "real", "--policy", example, "--bind", project];
    const claude = [...CLAUDE_CODE.split(" "), "Greet the world."];
    const env = { ANTHROPIC_API_KEY: KEY };
    const command = [...args, "--auto-providers", "--", ...claude];
    const { code, stdout, stderr } = await machine.run(command, { env, timeoutMs: RUN_MS_MAX });
    machine.noteSandboxes();
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.ok(stderr.includes("Created provider claude-code with ANTHROPIC_API_KEY"), stderr);
    assert.ok(stdout.includes(FAREWELL), stdout);
    assert.equal(await Deno.readTextFile(`${project}/greeting.txt`), GREETING);
  });

  await step("it works without a policy where providers may add their hosts", async () => {
    const setting = ["--global", "--yes", "--key", "providers_v2_enabled", "--value", "true"];
    await machine.must(["settings", "set", ...setting]);
    const script = `mkdir ${PROJECT} && exec ${CLAUDE_CODE} "Greet the world."`;
    const args = ["sandbox", "create", "--name", "bare", "--provider", "claude-code"];
    const command = [...args, "--", "sh", "-c", script];
    const { code, stdout, stderr } = await machine.run(command, { timeoutMs: RUN_MS_MAX });
    machine.noteSandboxes();
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.ok(stdout.includes(FAREWELL), stdout);
  });

  await step("the model got the key with each question, and no file has it", async () => {
    const asked = (await world.requests()).filter(({ path }) => path.startsWith("/v1/messages"));
    assert.ok(asked.length >= 10);
    assert.deepEqual([...new Set(asked.map(({ headers }) => headers["x-api-key"]))], [KEY]);
    const seen = await searchFiles(machine.folder, formsOf(KEY));
    assert.deepEqual(seen.filter((path) => path !== world.recordFile), []);
  });
});

/** Starts Claude as a person does, on a terminal. */
function start({ machine }: JourneyWorld, flags: readonly string[]): Terminal {
  const env = { ...machine.environment, ANTHROPIC_API_KEY: KEY };
  const args = ["sandbox", "create", "--policy", "policy.yaml", ...flags, "--", "claude"];
  return Terminal.start(machine.command(args), { env, cwd: machine.home });
}

async function providers({ machine }: JourneyWorld): Promise<readonly string[]> {
  const listed = JSON.parse(await machine.must(["provider", "list", "-o", "json"]));
  return listed.map(({ name }: { readonly name: string }) => name);
}

async function stepsOfQuestion({ world, step }: Journey): Promise<void> {
  const { machine } = world;
  await step("no leaves the sandbox without a key", async () => {
    await using terminal = start(world, ["--name", "without"]);
    await terminal.waitFor(QUESTION);
    await terminal.type("n\r");
    await terminal.waitFor(/key <>[^]*Your question: /, START_MS_MAX);
    await terminal.type("Hello?\r");
    await terminal.waitFor(/You said Hello\?[^]*invalid x-api-key/, START_MS_MAX);
    assert.equal(await terminal.end(START_MS_MAX), 0);
    assert.deepEqual(await providers(world), []);
  });

  await step("yes makes the provider, and the agent works with its key", async () => {
    await using terminal = start(world, ["--name", "with"]);
    await terminal.waitFor(QUESTION);
    await terminal.type("\r");
    await terminal.waitFor(/Created provider claude-code with ANTHROPIC_API_KEY/);
    const given = /key <openshell:resolve:env:ANTHROPIC_API_KEY>[^]*Your question: /;
    await terminal.waitFor(given, START_MS_MAX);
    // The terminal is the agent's now: what was read for the answer takes nothing from it.
    await terminal.type("What now?\r");
    await terminal.waitFor(/You said What now\?[^]*All steps are done/, START_MS_MAX);
    assert.equal(await terminal.end(START_MS_MAX), 0);
    assert.ok(!terminal.shown.includes(KEY));
    assert.deepEqual(await providers(world), ["claude-code"]);
    const keys = (await world.requests()).map(({ headers }) => headers["x-api-key"]);
    assert.deepEqual(keys, [undefined, KEY]);
  });

  await step("the next sandbox has it without a question", async () => {
    await using terminal = start(world, ["--name", "next"]);
    await terminal.waitFor(/key <openshell:resolve[^]*Your question: /, START_MS_MAX);
    await terminal.type("And now?\r");
    await terminal.waitFor(/All steps are done/, START_MS_MAX);
    assert.equal(await terminal.end(START_MS_MAX), 0);
    assert.doesNotMatch(terminal.shown, QUESTION);
    machine.noteSandboxes();
  });
}

async function stepsOfFlags({ world, step }: Journey): Promise<void> {
  const { machine } = world;
  await machine.must(["sandbox", "delete", "--all"]);
  await machine.must(["provider", "delete", "claude-code"]);
  const create = async (flags: readonly string[]) => {
    const args = ["sandbox", "create", "--policy", "policy.yaml", ...flags, "--", "claude"];
    const outcome = await machine.run(args, { env: { ANTHROPIC_API_KEY: KEY } });
    machine.noteSandboxes();
    return outcome;
  };
  await step("--no-auto-providers asks nothing, also on a terminal", async () => {
    await using terminal = start(world, ["--name", "quiet", "--no-auto-providers"]);
    await terminal.waitFor(/key <>[^]*Your question: /, START_MS_MAX);
    assert.doesNotMatch(terminal.shown, QUESTION);
    assert.deepEqual(await providers(world), []);
  });

  await step("without a terminal nothing is taken, and the flag is named", async () => {
    const { stdout, stderr } = await create(["--name", "piped"]);
    assert.match(stderr, /Found ANTHROPIC_API_KEY[^\n]*write --auto-providers to use it/);
    assert.match(stdout, /key <>/);
    assert.deepEqual(await providers(world), []);
  });

  await step("--auto-providers takes it without a question", async () => {
    const { code, stdout, stderr } = await create(["--name", "auto", "--auto-providers"]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /key <openshell:resolve[^]*All steps are done/);
    assert.deepEqual(await providers(world), ["claude-code"]);
  });
}

async function stepsOfOthers({ world: { machine }, step }: Journey): Promise<void> {
  const cases = [
    { agent: "codex", variable: "OPENAI_API_KEY", says: /openai <openshell:resolve[^>]*> / },
    { agent: "opencode", variable: "OPENROUTER_API_KEY", says: /openrouter <openshell:resolve/ },
  ];
  for (const { agent, variable, says } of cases) {
    await step(`${agent} has ${variable} the same way`, async () => {
      const args = ["sandbox", "create", "--name", agent, "--auto-providers", "--", agent];
      const { code, stdout, stderr } = await machine.run(args, { env: { [variable]: KEY } });
      machine.noteSandboxes();
      assert.equal(code, 0, stderr);
      assert.ok(stderr.includes(`Created provider ${agent} with ${variable}`), stderr);
      assert.match(stdout, says);
    });
  }
}
