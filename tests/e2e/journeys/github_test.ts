/**
 * The tutorial of a sandbox for GitHub: a push is denied, the denial becomes a rule, and the push
 * then works with a token that the sandbox never has.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import { makeRepository, README } from "../agents/support/tool_fixtures.ts";
import { makeCanary } from "../attacks/support/canary.ts";
import { mustRun, type Outcome } from "../support/commands.ts";
import { type Decision, readDecision } from "../support/events.ts";
import { hasTool } from "../support/requirements.ts";
import { type Journey, journeySuite } from "./support/journey_suite.ts";
import type { JourneyWorld } from "./support/journey_world.ts";

const TOKEN = `ghp_${makeCanary()}`;
const SANDBOX = "octo";
const BARE = "octo-org/site.git";
const REMOTE = `https://github.com/${BARE}`;
const ISSUES = "https://api.github.com/repos/octo-org/site/issues";

/** The policy that the sandbox begins with: a clone, and reading. */
const START = new URL("../../../examples/github-read-only.yaml", import.meta.url);

/** What a person sets up, so that git takes its password from the environment. */
const HELPER = "git config --global credential.helper " +
  `'!f() { echo username=octo; echo "password=$GITHUB_TOKEN"; }; f'`;

const CHANGE = [
  "cd site && git config user.name Octo && git config user.email octo@example.com",
  "echo changed >>README && git commit --quiet --all --message=Change",
].join(" && ");

const PUSH = "cd site && GIT_TERMINAL_PROMPT=0 git push origin HEAD:refs/heads/mine";

const OPEN_ISSUE = `curl -sS -X POST -H "Authorization: Bearer $GITHUB_TOKEN" -d '{}' ${ISSUES}`;

/** As much of a policy as is changed here. */
interface Document {
  readonly network_policies: Readonly<Record<string, Rule>>;
  readonly filesystem_policy: { readonly read_only: string[] };
}

interface Rule {
  readonly endpoints: readonly {
    readonly host: string;
    readonly protocol: string;
    readonly rules: { allow: { method: string; path: string } }[];
  }[];
  readonly binaries: readonly { readonly path: string }[];
}

const NEEDS = { token: TOKEN, missing: hasTool("git") ? null : "needs the program git" };

journeySuite("GitHub", NEEDS, async (journey) => {
  const bare = `${journey.world.gitFolder}/${BARE}`;
  await makeRepository(journey.world.gitFolder);
  await mustRun(["git", "-C", bare, "config", "http.receivepack", "true"]);
  await stepsOfStart(journey);
  await stepsOfDenial(journey);
  await stepsOfPush(journey, bare);
  await stepsOfLocks(journey);
  await stepsOfSecrecy(journey);
});

async function stepsOfStart({ world, step }: Journey): Promise<void> {
  const { machine } = world;
  await step("the provider takes the token of this machine", async () => {
    const args = ["provider", "create", "--name", "my-github", "--type", "github"];
    const made = await machine.run([...args, "--from-existing"], { env: { GITHUB_TOKEN: TOKEN } });
    assert.equal(made.code, 0, made.stderr);
    assert.ok(!`${made.stdout}${made.stderr}`.includes(TOKEN));
  });

  const policy = await Deno.readTextFile(START);
  await machine.create(SANDBOX, { policy, flags: ["--provider", "my-github"] });
  await step("a clone without any name works", async () => {
    const cloned = await machine.exec(SANDBOX, `git clone -q ${REMOTE} && cat site/README`);
    assert.equal(cloned.stdout, README, cloned.stderr);
    const sent = (await world.requests()).map(({ headers }) => headers["authorization"]);
    assert.deepEqual([...new Set(sent)], [undefined]);
  });

  await step("the sandbox has a placeholder for the token", async () => {
    const script = `${HELPER} && ${CHANGE} && echo "$GITHUB_TOKEN"`;
    const { stdout, stderr } = await machine.exec(SANDBOX, script);
    assert.equal(stdout, "openshell:resolve:env:GITHUB_TOKEN\n", stderr);
  });
}

async function stepsOfDenial({ world, step }: Journey): Promise<void> {
  const { machine } = world;
  await step("a push is denied, and git says so", async () => {
    const pushed = await machine.exec(SANDBOX, PUSH);
    assert.notEqual(pushed.code, 0);
    assert.match(pushed.stderr, /403/);
  });

  await step("an issue is denied, with the reason and the next step for the agent", async () => {
    const { stdout } = await machine.exec(SANDBOX, OPEN_ISSUE);
    const { error, ...told } = JSON.parse(stdout);
    assert.equal(error, "policy_denied");
    assert.match(JSON.stringify(told), /request_not_allowed/);
    assert.match(JSON.stringify(told), /POST[^]*\/repos\/octo-org\/site\/issues/);
  });

  await step("both are in the logs, and nothing of them has arrived", async () => {
    const logs = await machine.must(["logs", SANDBOX, "--since", "5m"]);
    assert.match(
      logs,
      /DENIED [^\n]*-> GET https:\/\/github\.com\/octo-org\/site\.git\/info\/refs /,
    );
    assert.match(
      logs,
      /DENIED [^\n]*-> POST https:\/\/api\.github\.com\/repos\/octo-org\/site\/issues /,
    );
    for (const { method, path } of await world.requests()) {
      assert.ok(!path.includes("receive-pack") && !path.includes("issues"), `${method} ${path}`);
    }
  });
}

async function stepsOfPush({ world, step }: Journey, bare: string): Promise<void> {
  const { machine } = world;
  await step("rules made of the denials let the push through, and nothing else", async () => {
    const document = parse(await Deno.readTextFile(START)) as Document;
    const learned: string[] = [];
    let pushed: Outcome;
    do {
      const denial = await lastDenial(world);
      learned.push(`${denial.method} ${denial.path}`);
      allow(document, denial);
      const set = await machine.setPolicy(SANDBOX, textOf(document));
      assert.equal(set.code, 0, set.stderr);
      pushed = await machine.exec(SANDBOX, PUSH);
    } while (pushed.code !== 0 && learned.length < 3);
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.deepEqual(learned, [
      "POST /repos/octo-org/site/issues",
      "GET /octo-org/site.git/info/refs",
      "POST /octo-org/site.git/git-receive-pack",
    ]);
    const { stdout } = await machine.exec(SANDBOX, OPEN_ISSUE);
    assert.deepEqual(JSON.parse(stdout), { path: "/repos/octo-org/site/issues" });
  });

  await step("the server has the commit, and got the real token", async () => {
    const shown = await mustRun(["git", "-C", bare, "show", "mine:README"]);
    assert.equal(shown, `${README}changed\n`);
    const requests = await world.requests();
    const pushes = requests.filter(({ path }) => path.endsWith("/git-receive-pack"));
    assert.equal(pushes.length, 1);
    assert.equal(pushes[0]!.headers["authorization"], `Basic ${btoa(`octo:${TOKEN}`)}`);
    const issue = requests.find(({ path }) => path.endsWith("/issues"));
    assert.equal(issue?.headers["authorization"], `Bearer ${TOKEN}`);
  });
}

async function stepsOfLocks({ world: { machine }, step }: Journey): Promise<void> {
  await step("rules of files are locked when the sandbox is made", async () => {
    const before = await machine.must(["policy", "get", SANDBOX, "--full"]);
    const document = parse(await Deno.readTextFile(START)) as Document;
    document.filesystem_policy.read_only.push("/opt");
    const refused = await machine.setPolicy(SANDBOX, textOf(document));
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /filesystem/);
    assert.equal(await machine.must(["policy", "get", SANDBOX, "--full"]), before);
  });
}

async function stepsOfSecrecy({ world: { machine }, step }: Journey): Promise<void> {
  await step("the token is in no event and not in the sandbox", async () => {
    assert.ok(!JSON.stringify(await machine.events(SANDBOX)).includes(TOKEN));
    const { stdout } = await machine.exec(SANDBOX, "env; cat ~/.gitconfig; grep -r . site/.git");
    assert.match(stdout, /GITHUB_TOKEN=openshell/);
    assert.ok(!stdout.includes(TOKEN));
  });
}

/** What a person reads off the log before the policy is changed. */
async function lastDenial({ machine }: JourneyWorld): Promise<Decision> {
  const decisions = (await machine.events(SANDBOX)).map(readDecision);
  const denial = decisions.findLast((each) => each?.verdict === "denied");
  assert.ok(denial);
  return denial;
}

/** Adds a rule to what the program may do at that host already. */
function allow(document: Document, { host, method, path, binary }: Decision): void {
  const endpoint = Object.values(document.network_policies)
    .filter(({ binaries }) => binaries.some((each) => each.path === binary))
    .flatMap(({ endpoints }) => endpoints)
    .find((each) => each.host === host && each.protocol === "rest");
  assert.ok(endpoint && method !== null && path !== null);
  endpoint.rules.push({ allow: { method, path } });
}

function textOf(document: Document): string {
  return stringify(document, { aliasDuplicateObjects: false });
}
