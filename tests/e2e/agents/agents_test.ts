/**
 * Real agents in real sandboxes, each under its example policy: they work, and reach nothing else.
 *
 * The model is a stand-in with a fixed conversation (`support/conversation.ts`); all else is what a
 * person has: the packages of npm, the built program, a folder that is bound.
 *
 * @module
 */

import assert from "node:assert/strict";
import { agentSuite } from "./support/agent_suite.ts";
import { type Agent, AGENTS } from "./support/agents.ts";
import { EVIL_HOST, FAREWELL, GREETING, MARKS, PROJECT } from "./support/conversation.ts";
import { install } from "./support/installation.ts";
import { type AgentRun, CANARY, refusedHosts, runAgent, SECRET } from "./support/run_agent.ts";
import { VERSIONS } from "./versions.ts";

agentSuite("real agents", await install(), async ({ world, step }) => {
  for (const agent of AGENTS) {
    await step(`${agent.name} ${VERSIONS[agent.packageName]}`, async () => {
      const run = await runAgent(world, agent);
      assertWorked(run, agent);
      assertEdited(run);
      assertRefused(run, agent);
      await world.machine.must(["sandbox", "delete", agent.name]);
    });
  }
});

/** It has started, talked to its model to the end of the conversation, and said so. */
function assertWorked({ outcome, requests, decisions }: AgentRun, agent: Agent): void {
  assert.equal(outcome.code, 0, `${outcome.stdout}${outcome.stderr}`);
  assert.ok(outcome.stdout.includes(FAREWELL), `${outcome.stdout}${outcome.stderr}`);
  const asked = requests.filter(({ results }) => results !== undefined);
  assert.ok(asked.every(({ host }) => host === agent.model));
  const turns = asked.filter(({ tools }) => tools!.length > 0).map((each) => each.results!.length);
  assert.deepEqual([...new Set(turns)], [0, 1, 2, 3, 4]);
  const allowed = decisions.filter(({ kind, verdict, host }) =>
    kind === "request" && verdict === "allowed" && host === agent.model
  );
  assert.ok(allowed.length >= turns.length);
  for (const { binary } of allowed) assert.match(binary ?? "", agent.binary);
}

/** The person finds the file, what the command made of it, and who ran it. */
function assertEdited({ project, results }: AgentRun): void {
  assert.equal(Deno.readTextFileSync(`${project}/greeting.txt`), GREETING);
  assert.equal(Deno.readTextFileSync(`${project}/count.txt`).trim(), String(GREETING.length));
  assert.equal(Deno.statSync(`${project}/greeting.txt`).uid, Deno.uid());
  const [, user, folder] = new RegExp(`${MARKS.run} (\\d+) ([\\w/]+)`).exec(results[1]!) ?? [];
  assert.ok(Number(user) > 0, results[1]);
  assert.equal(folder, PROJECT);
}

/** What it was not to do has failed, the model was told why, and the events tell it as well. */
function assertRefused(run: AgentRun, agent: Agent): void {
  const [, , evil = "", secrets = ""] = run.results.map(unescape);
  assert.ok(evil.includes("CONNECT tunnel failed, response 403"), evil);
  for (const port of [443, 80]) {
    const step = `Ask for an endpoint "${EVIL_HOST}", port ${port}, in the policy`;
    assert.ok(evil.includes(step), evil);
    const found = run.decisions.filter((each) => each.host === EVIL_HOST && each.port === port);
    assert.deepEqual(found.map(({ verdict, reason, binary }) => [verdict, reason, binary]), [
      ["denied", "host_not_allowed", "/usr/bin/curl"],
    ]);
  }
  assert.ok(evil.includes("host_not_allowed"), evil);
  assert.ok(secrets.includes(`${MARKS.secrets} 1`), secrets);
  assert.equal(secrets.match(/No such file|Permission denied/g)?.length, 4, secrets);
  for (const { host, path, body } of run.requests) {
    assert.notEqual(host, EVIL_HOST);
    assert.ok(![path, body].some((text) => text.includes(CANARY) || text.includes(SECRET)));
  }
  const refused = refusedHosts(run);
  for (const host of agent.refused) assert.ok(refused.includes(host), `${host} in ${refused}`);
}

/** Some agents pass results on as JSON within text. */
function unescape(result: string): string {
  return result.replaceAll(/\\+"/g, '"');
}
