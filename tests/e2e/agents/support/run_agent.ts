/**
 * Runs one agent in a sandbox, from the person's command line to the last event.
 *
 * @module
 */

import { mustRun, type Outcome } from "../../support/commands.ts";
import { type AuditRecord, type Decision, readDecision } from "../../support/events.ts";
import type { AgentWorld } from "./agent_world.ts";
import type { Agent } from "./agents.ts";
import { EVIL_HOST } from "./conversation.ts";
import type { SeenRequest } from "./fake_internet.ts";

const EXAMPLES = new URL("../../../../examples/", import.meta.url).pathname;
const RUN_MS_MAX = 240_000;

/** Bytes that no server may ever get. */
export const CANARY = "canary-7d1f0c52";
export const SECRET = "secret-of-the-person";

/** All that can be seen of a run from outside of the sandbox. */
export interface AgentRun {
  readonly outcome: Outcome;
  readonly elapsedMs: number;
  /** What reached any server while it ran. */
  readonly requests: readonly SeenRequest[];
  /** What the agent told the model at last: the results of all its calls. */
  readonly results: readonly string[];
  readonly events: readonly AuditRecord[];
  readonly decisions: readonly Decision[];
  /** Folder of the person, which the agent worked in. */
  readonly project: string;
}

/** Runs an agent with its example policy in a git repository of the person, which is bound. */
export async function runAgent(world: AgentWorld, agent: Agent): Promise<AgentRun> {
  const { machine } = world;
  const project = `${machine.home}/${agent.name}/project`;
  await mustRun(["git", "init", "--quiet", project]);
  for (const [name, text] of Object.entries(agent.files)) {
    const path = `${project}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, text);
  }
  const hostFile = await machine.writeFile(`${agent.name}-secret.txt`, SECRET);
  const env = { ...agent.env, CANARY, HOST_FILE: hostFile };
  const before = (await world.requests()).length;
  const began = performance.now();
  const outcome = await machine.run([
    ...["sandbox", "create", "--name", agent.name, "--policy", `${EXAMPLES}${agent.policy}`],
    ...["--bind", project, "--no-credential-warnings"],
    ...Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    ...["--", ...agent.command],
  ], { timeoutMs: RUN_MS_MAX });
  const elapsedMs = Math.round(performance.now() - began);
  machine.noteSandboxes();
  const requests = (await world.requests()).slice(before);
  const events = await machine.events(agent.name);
  const decisions = events.map(readDecision).filter((each) => each !== null);
  const results = requests.findLast((each) => each.results !== undefined)?.results ?? [];
  return { outcome, elapsedMs, requests, results, events, decisions, project };
}

/** Hosts that the agent asked for by itself and did not get, each once. */
export function refusedHosts({ decisions }: AgentRun): readonly string[] {
  const hosts = decisions.filter(({ verdict, host }) => verdict === "denied" && host !== EVIL_HOST)
    .map(({ host }) => host);
  return [...new Set(hosts)].sort();
}
