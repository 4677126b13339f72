/**
 * The scripts of the GitHub action, with the built program.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { CEILING, POLICY } from "../../../cli/prove/fixtures.ts";
import { PROGRAM } from "../support/requirements.ts";

const ACTION = new URL("../../../.github/actions/policy-prove/action.yml", import.meta.url);

interface Step {
  readonly id?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const { runs, inputs } = parse(await Deno.readTextFile(ACTION));

const isBuilt = await Deno.stat(PROGRAM).then(({ isFile }) => isFile, () => false);
const reason = isBuilt ? "" : " (dist/openshell is not built)";

/** Runs a step's script, as a runner does, in a folder of its own. */
async function runStep(id: string, env: Readonly<Record<string, string>>) {
  const step: Step = runs.steps.find((one: Step) => one.id === id);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/p q.yaml`, POLICY);
    await Deno.writeTextFile(`${folder}/c.yaml`, CEILING);
    await Deno.writeTextFile(`${folder}/output`, "");
    const { code, stdout } = await new Deno.Command("bash", {
      args: ["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step.run!],
      cwd: folder,
      clearEnv: true,
      env: {
        PATH: "/usr/bin:/bin",
        HOME: folder,
        RUNNER_TEMP: folder,
        GITHUB_OUTPUT: `${folder}/output`,
        ...Object.fromEntries(Object.keys(step.env ?? {}).map((name) => [name, ""])),
        ...env,
      },
    }).output();
    const sarif = await Deno.readTextFile(`${folder}/openshell-sarif/1.sarif`).catch(() => null);
    const output = await Deno.readTextFile(`${folder}/output`);
    return { code, out: new TextDecoder().decode(stdout), output, sarif };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the action's scripts take each input by the environment, never by their text", () => {
  for (const { run, env } of runs.steps as Step[]) {
    assert.doesNotMatch(run ?? "", /\$\{\{/);
    for (const value of Object.values(env ?? {})) {
      const [, name] = /^\$\{\{ inputs\.([a-z0-9]+) \}\}$/.exec(value) ?? [];
      if (name !== undefined) assert.ok(Object.hasOwn(inputs, name), name);
    }
  }
});

Deno.test.each([
  { name: "proves a file", env: { POLICIES: "p q.yaml" }, code: 0 },
  {
    name: "shows a refutation at its line",
    env: { POLICIES: "p q.yaml\n", ARGUMENTS: "--ceiling=c.yaml\n--fast\n", SARIF: "true" },
    code: 1,
    shows: /^::error file=p q\.yaml,line=12,.*title=within_ceiling::/m,
  },
  { name: "refuses to prove nothing", env: { POLICIES: "\n" }, code: 2, shows: /No policy/ },
  { name: "has the worst of all exit codes", env: { POLICIES: "p q.yaml\nnone.yaml" }, code: 2 },
])(
  `the action $name${reason}`,
  { ignore: !isBuilt },
  async ({ env, code, shows = /policy prove/ }) => {
    const ran = await runStep("prove", { PROGRAM, ...env });
    assert.equal(ran.code, code, ran.out);
    assert.match(ran.out, shows);
    assert.match(ran.output, new RegExp(`^exit-code=${code}$`, "m"));
    assert.equal(ran.sarif === null, !("SARIF" in env));
    if (ran.sarif !== null) assert.equal(JSON.parse(ran.sarif).version, "2.1.0");
  },
);

Deno.test.each([
  { name: "takes a path", env: { OPENSHELL: PROGRAM }, code: 0 },
  { name: "says so where there is no program", env: {}, code: 2 },
  {
    name: "refuses a download without a digest",
    env: { DOWNLOAD: "https://x.invalid/o" },
    code: 2,
  },
])(`the action $name${reason}`, { ignore: !isBuilt }, async ({ env, code }) => {
  const ran = await runStep("install", env);
  assert.equal(ran.code, code, ran.out);
  assert.equal(ran.output, code === 0 ? `program=${PROGRAM}\n` : "");
});
