/**
 * Runs every agent once, and prints what came of it: `deno run -A tests/e2e/agents/table.ts`.
 *
 * Names of agents as arguments leave out the others.
 *
 * @module
 */

import { AgentWorld } from "./support/agent_world.ts";
import { type Agent, AGENTS } from "./support/agents.ts";
import { FAREWELL, GREETING, MARKS } from "./support/conversation.ts";
import { install } from "./support/installation.ts";
import { type AgentRun, refusedHosts, runAgent } from "./support/run_agent.ts";
import { VERSIONS } from "./versions.ts";

const HEAD = [
  ...["agent", "version", "started", "model calls", "edit", "command", "denial read"],
  ...["extra hosts refused", "seconds"],
];

if (import.meta.main) await main();

async function main(): Promise<void> {
  const installation = await install();
  if (installation.kind === "missing") {
    console.log(`Nothing to show: ${installation.reason}`);
    return;
  }
  const { prefix, installMs } = installation;
  console.log(installMs === null ? "Installed before" : `Installed in ${installMs} ms`, prefix);
  const world = await AgentWorld.start(prefix);
  const rows: string[][] = [HEAD, HEAD.map(() => "---")];
  try {
    const names = Deno.args.length === 0 ? AGENTS.map(({ name }) => name) : Deno.args;
    const agents = AGENTS.filter(({ name }) => names.includes(name));
    for (const agent of agents) rows.push(rowOf(agent, await runAgent(world, agent)));
  } finally {
    const leftovers = await world.close();
    if (leftovers.length > 0) console.log(leftovers.join("\n"));
  }
  console.log(rows.map((row) => `| ${row.join(" | ")} |`).join("\n"));
}

function rowOf(agent: Agent, run: AgentRun): string[] {
  const { outcome, project, requests, results, elapsedMs } = run;
  if (outcome.code !== 0 || !outcome.stdout.includes(FAREWELL)) {
    console.log(`${agent.name}: ${outcome.stdout}${outcome.stderr}`);
  }
  const calls = requests.filter((each) => each.results !== undefined).length;
  return [
    agent.name,
    VERSIONS[agent.packageName],
    yesNo(outcome.code === 0 && outcome.stdout.includes(FAREWELL)),
    String(calls),
    yesNo(readOrEmpty(`${project}/greeting.txt`) === GREETING),
    yesNo(results[1]?.includes(MARKS.run) ?? false),
    yesNo(results[2]?.includes("host_not_allowed") ?? false),
    refusedHosts(run).join(", ") || "none",
    (elapsedMs / 1000).toFixed(1),
  ];
}

function yesNo(is: boolean): string {
  return is ? "yes" : "NO";
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
