/**
 * Where the attacks on the host take place: one sandbox that attacks, a small one that uses up what
 * it has, a neighbour that must notice nothing, and a person's folder with something to lose.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mustRun } from "../../support/commands.ts";
import { ANYONE, policy, rest } from "../../support/policies.ts";
import type { World } from "../../support/world.ts";

export const ATTACKER = "attacker";
/** With limits for memory, processes and processor. */
export const SMALL = "small";
export const NEIGHBOUR = "neighbour";

/** What the person would not give away. */
export const SECRET = "the-secret-of-the-person";
/** In the environment of the attacker: must not get out. */
export const CANARY = "canary-f3a9";

const POLICY = policy({
  api: { endpoints: [rest("api.example.com", 443, { access: "full" })], binaries: ANYONE },
});

/** Programs in `/sandbox/bin` are found first: those of the attacker. */
const PATH = "/sandbox/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/** Makes folder and sandboxes. */
export async function setTheScene(world: World): Promise<void> {
  const { machine } = world;
  await makeProject(world);
  await machine.create(NEIGHBOUR, { policy: POLICY });
  await machine.create(ATTACKER, {
    policy: POLICY,
    flags: [
      ...["--bind", `${projectOf(world)}:/project`, "--env", `CANARY=${CANARY}`],
      ...["--env", `PATH=${PATH}`, "--env", `HOST_HOME=${machine.home}`],
    ],
  });
  // Control groups of this machine are root's.
  const ofGroup = machine.uid === 0 ? ["--memory", "256Mi", "--cpu", "0.5"] : [];
  const limits = [...ofGroup, "--pids", "64"];
  await machine.create(SMALL, { policy: POLICY, flags: limits });
}

/** The folder of the person, on the host. */
export function projectOf({ machine }: World): string {
  return `${machine.home}/project`;
}

/** A repository with another one in it, a program with a set-uid bit, and a secret beside it. */
async function makeProject(world: World): Promise<void> {
  const project = projectOf(world);
  await world.machine.writeFile("secret.txt", `${SECRET}\n`);
  for (const folder of [project, `${project}/vendor`]) {
    await Deno.mkdir(`${folder}/src`, { recursive: true });
    await Deno.writeTextFile(`${folder}/src/a.txt`, "before\n");
    await Deno.writeTextFile(`${folder}/.gitignore`, "vendor\nsuid-id\n");
    await world.machine.own(project);
    for (
      const args of [["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]]
    ) {
      assert.equal(await git(world, ["-C", folder, ...args]), "ended 0\n");
    }
  }
  await mustRun(["cp", "/usr/bin/id", `${project}/suid-id`]);
  await world.machine.own(`${project}/suid-id`);
  await Deno.chmod(`${project}/suid-id`, 0o4755);
}

/** Runs git as the person would. */
export async function git({ machine }: World, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await machine.runOnMachine(["git", ...args], {
    env: {
      GIT_AUTHOR_NAME: "Person",
      GIT_AUTHOR_EMAIL: "person@example.com",
      GIT_COMMITTER_NAME: "Person",
      GIT_COMMITTER_EMAIL: "person@example.com",
      GIT_CONFIG_NOSYSTEM: "1",
    },
  });
  return `${stdout}${stderr}ended ${code}\n`;
}
