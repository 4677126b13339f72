/**
 * Real agents work through `https://inference.local`, and the operator's key is looked for
 * everywhere while they are at it: it is at the model server, and in nothing of the sandbox.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type AgentSuite, agentSuite } from "../agents/support/agent_suite.ts";
import type { AgentWorld } from "../agents/support/agent_world.ts";
import { FAREWELL, GREETING, PROJECT } from "../agents/support/conversation.ts";
import { install } from "../agents/support/installation.ts";
import { makeCanary } from "../attacks/support/canary.ts";
import { waitFor } from "../support/commands.ts";
import { readDecision } from "../support/events.ts";
import { findMounts } from "../support/leftovers.ts";
import { policy } from "../support/policies.ts";
import { formsOf, searchFiles, searchMemory } from "./support/find_secret.ts";
import type { HeldQuestion } from "./support/held_model.ts";
import { readRecords, startServer, waitForFile } from "./support/journey_world.ts";

/** The operator's: it is at the gateway, the supervisor and the server, and nowhere else. */
const KEY = `sk-${makeCanary()}`;
/** What the agents have in its place: to see that the search finds what is there. */
const AGENT_KEY = `sk-${makeCanary()}`;

const SANDBOX = "agents";
const PORT = 11_434;
const SERVER = new URL("./support/held_model.ts", import.meta.url).pathname;
const RUN_MS_MAX = 120_000;
const TASK = "'Greet the world.'";

/** An agent, and how a person tells it of another model server. */
interface Agent {
  readonly name: string;
  /** Script of `sh` in the project. */
  readonly script: string;
  /** Path at the server, of the dialect that it speaks. */
  readonly path: string;
}

const CODEX_PROVIDER = 'model_providers.operator={name="Operator",' +
  'base_url="https://inference.local/v1",env_key="AGENT_KEY",wire_api="responses"}';

const OPENCODE_SETTINGS = {
  ...{ share: "disabled", autoupdate: false, permission: "allow" },
  provider: {
    operator: {
      npm: "@ai-sdk/openai-compatible",
      options: { baseURL: "https://inference.local/v1", apiKey: "{env:AGENT_KEY}" },
      models: { any: { name: "Any" } },
    },
  },
};

const PI_MODELS = {
  providers: {
    operator: {
      ...{ baseUrl: "https://inference.local", api: "anthropic-messages", apiKey: "AGENT_KEY" },
      models: [{ id: "any" }],
    },
  },
};

const AGENTS: readonly Agent[] = [
  {
    name: "claude",
    script: "ANTHROPIC_BASE_URL=https://inference.local ANTHROPIC_API_KEY=$AGENT_KEY " +
      `claude -p --dangerously-skip-permissions ${TASK}`,
    path: "/v1/messages",
  },
  {
    name: "codex",
    script: "codex exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox " +
      `-c model_provider=operator -c '${CODEX_PROVIDER}' ${TASK}`,
    path: "/v1/responses",
  },
  {
    name: "opencode",
    script: `echo '${JSON.stringify(OPENCODE_SETTINGS)}' >opencode.json && ` +
      `opencode run --model operator/any ${TASK}`,
    path: "/v1/chat/completions",
  },
  {
    name: "pi",
    script: `mkdir -p ~/.pi/agent && echo '${JSON.stringify(PI_MODELS)}' >~/.pi/agent/models.json` +
      ` && pi --provider operator --model any -p ${TASK}`,
    path: "/v1/messages",
  },
];

agentSuite("the operator's key", await install(), async (suite) => {
  const { world } = suite;
  const recordFile = `${world.folder}/questions.jsonl`;
  const holdFile = `${world.folder}/hold`;
  const args = [SERVER, String(PORT), recordFile, holdFile, KEY];
  await using _server = startServer((line) => world.pair.onMachine(line), args);
  await waitForFile(recordFile);
  await setRoutes(world);
  await world.machine.create(SANDBOX, {
    policy: policy({}),
    flags: ["--env", `AGENT_KEY=${AGENT_KEY}`, "--no-credential-warnings"],
  });
  for (const agent of AGENTS) {
    await suite.step(`${agent.name} works, and its memory has no key but its own`, async () => {
      await Deno.writeTextFile(holdFile, "");
      await tryAgent(world, agent, { recordFile, holdFile });
    });
  }
  await stepsOfRecords(suite);
});

/** One provider and one route for each of both kinds of server, with the same key. */
async function setRoutes({ machine }: AgentWorld): Promise<void> {
  for (const type of ["openai", "anthropic"]) {
    const prefix = type.toUpperCase();
    const config = `${prefix}_BASE_URL=http://host.openshell.internal:${PORT}/v1`;
    const made = ["provider", "create", "--name", type, "--type", type, "--config", config];
    const env = { [`${prefix}_API_KEY`]: KEY };
    await machine.must([...made, "--credential", `${prefix}_API_KEY`], { env });
    const route = type === "openai" ? [] : ["--route", type];
    const set = ["inference", "set", ...route, "--provider", type, "--model", "operator-model"];
    await machine.must(set);
  }
}

/** Runs an agent to its last question, looks through the sandbox, and lets it finish. */
async function tryAgent(
  world: AgentWorld,
  { name, script, path }: Agent,
  { recordFile, holdFile }: { readonly recordFile: string; readonly holdFile: string },
): Promise<void> {
  const { machine } = world;
  const before = (await readRecords<HeldQuestion>(recordFile)).length;
  const enter = `rm -rf ${PROJECT} && mkdir ${PROJECT} && cd ${PROJECT}`;
  const running = machine.exec(SANDBOX, `${enter} && ${script}`, { timeoutMs: RUN_MS_MAX });
  try {
    const asked = await waitForLast(
      running,
      async () => (await readRecords<HeldQuestion>(recordFile)).slice(before),
    );
    assert.deepEqual([...new Set(asked.map((each) => each.path))], [path]);
    await assertNoKeyInMemory(world, name);
  } finally {
    await Deno.remove(holdFile);
  }
  const { code, stdout, stderr } = await running;
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.ok(stdout.includes(FAREWELL), `${stdout}${stderr}`);
  const { stdout: greeting } = await machine.exec(SANDBOX, `cat ${PROJECT}/greeting.txt`);
  assert.equal(greeting, GREETING);
}

/** Returns all questions once the last one is there, or fails with what the agent said at its end. */
async function waitForLast(
  running: Promise<{ readonly stdout: string; readonly stderr: string }>,
  read: () => Promise<readonly HeldQuestion[]>,
): Promise<readonly HeldQuestion[]> {
  let said: string | null = null;
  void running.then(({ stdout, stderr }) => said = `${stdout}${stderr}`);
  return await waitFor("the last question", async () => {
    assert.equal(said, null, "the agent is still there");
    const asked = await read();
    return asked.some(({ isLast }) => isLast) ? asked : null;
  }, RUN_MS_MAX);
}

/** Those of the sandbox, as the host sees them: they see its workspace, and have another network. */
async function sandboxProcesses({ machine, pair }: AgentWorld): Promise<readonly number[]> {
  const others = new Set(await pair.machineProcesses());
  return findMounts(machine.folder).map((line) => Number(/process (\d+)/.exec(line)?.[1]))
    .filter((pid) => !others.has(pid));
}

/** Environments and command lines are part of a memory. */
async function assertNoKeyInMemory(world: AgentWorld, agent: string): Promise<void> {
  const forms = formsOf(KEY);
  const holders: string[] = [];
  for (const pid of await sandboxProcesses(world)) {
    const line = orGone(() => Deno.readTextFileSync(`/proc/${pid}/cmdline`)) ?? "";
    const found = orGone(() => searchMemory(pid, [...forms, AGENT_KEY]))?.found ?? [];
    assert.ok(!forms.some((form) => found.includes(form)), `process ${pid}: ${line}`);
    if (found.includes(AGENT_KEY)) holders.push(line);
  }
  assert.ok(holders.some((line) => line.includes(agent)), "the search finds what is there");
}

async function stepsOfRecords({ world, step }: AgentSuite): Promise<void> {
  const { machine } = world;
  await step("each call is on record, and the agents reached nothing else", async () => {
    const events = await machine.events(SANDBOX);
    assert.ok(events.filter(({ class_uid: uid }) => uid === 6003).length >= AGENTS.length * 5);
    const decisions = events.map(readDecision).filter((each) => each !== null);
    assert.ok(decisions.every(({ verdict }) => verdict === "denied"));
    assert.deepEqual(await world.requests(), []);
  });

  await step("no file that the sandbox sees has the key", async () => {
    const folders = ["/sandbox", "/tmp", "/var/tmp", "/run", "/dev/shm"];
    const controls = ["/sandbox/control", "/tmp/control"];
    const script = controls.map((path) => `printenv AGENT_KEY >${path}`).join(" && ");
    const written = await machine.exec(SANDBOX, script);
    assert.equal(written.code, 0, written.stderr);
    const root = `/proc/${await sleeper(world)}/root`;
    const search = async (texts: readonly string[]) =>
      (await Promise.all(folders.map((folder) => searchFiles(`${root}${folder}`, texts)))).flat();
    assert.deepEqual(await search(formsOf(KEY)), []);
    const found = await search([AGENT_KEY]);
    for (const control of controls) assert.ok(found.includes(`${root}${control}`), `${found}`);
  });

  await step(
    "nor has one of the gateway: store, events, logs, and what commands left",
    async () => {
      const { folder } = machine;
      const stored = await searchFiles(folder, ["operator-model"]);
      assert.ok(stored.some((path) => path.includes("/openshell.db")), `${stored}`);
      assert.ok(stored.some((path) => path.endsWith(".jsonl")), `${stored}`);
      assert.deepEqual(await searchFiles(folder, formsOf(KEY)), []);
    },
  );

  await step("nor has a command line or an environment of the host's processes", async () => {
    const pids = await world.pair.machineProcesses();
    assert.ok(pids.includes(machine.gatewayPid));
    for (const pid of pids) {
      const read = (name: string) => orGone(() => Deno.readTextFileSync(`/proc/${pid}/${name}`));
      const line = read("cmdline") ?? "";
      // The server is not OpenShell's: it has its key as an argument.
      if (line.includes(SERVER)) assert.ok(line.includes(KEY));
      else assert.ok(!`${line}${read("environ")}`.includes(KEY), line);
    }
  });
}

/** Returns `null` where a process has ended meanwhile. */
function orGone<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (/^(?:ENOENT|ESRCH)$/.test((error as { readonly code?: string }).code ?? "")) return null;
    throw error;
  }
}

/** Returns the sandbox's main process. */
async function sleeper(world: AgentWorld): Promise<number> {
  const pids = await sandboxProcesses(world);
  const found = pids.find((pid) =>
    Deno.readTextFileSync(`/proc/${pid}/cmdline`).startsWith("sleep\0infinity")
  );
  assert.ok(found !== undefined);
  return found;
}
