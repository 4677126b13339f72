/**
 * The main job of OpenShell, in a minute: `deno task demo`.
 *
 * A sandbox may reach nothing, then read one API, and every decision is on record. Each command is
 * printed with what it really said, and the demo fails when anything is not as promised. The API is
 * a server on this machine, in a network of its own: nothing leaves, and nothing stays.
 *
 * On a terminal, the sandbox's shell opens at the end.
 *
 * @module
 */

import type { Outcome } from "./support/commands.ts";
import type { TestMachine } from "./support/openshell.ts";
import { quote } from "./support/probes.ts";
import { findMissing } from "./support/requirements.ts";
import { World } from "./support/world.ts";

const EXAMPLE = "examples/read-only.yaml";
const ROOT = new URL("../../", import.meta.url).pathname;

interface Step {
  /** What a person learns from it. */
  readonly says: string;
  /** Arguments of `openshell`, or a command inside of the sandbox. */
  readonly run: { readonly openshell: readonly string[] } | { readonly inside: readonly string[] };
  readonly exitCode: number;
  /** What the output, errors included, has to match. */
  readonly shows: RegExp;
}

const ZEN = "https://api.example.com/zen";

const STEPS: readonly Step[] = [
  {
    says: "A sandbox, on this machine, without Docker and without a daemon to set up:",
    run: { openshell: ["sandbox", "create", "--name", "demo", "--detach", "--", "bash"] },
    exitCode: 0,
    shows: /demo/,
  },
  {
    says: "It reaches nothing:",
    run: { inside: ["curl", "-sS", ZEN] },
    exitCode: 56,
    shows: /403/,
  },
  {
    says: "Until a policy says so. It is checked, then loaded into the running sandbox:",
    run: { openshell: ["policy", "set", "demo", "--policy", EXAMPLE, "--wait"] },
    exitCode: 0,
    shows: /./,
  },
  {
    says: "Now reading is allowed:",
    run: { inside: ["curl", "-sS", ZEN] },
    exitCode: 0,
    shows: /^Least privilege/,
  },
  {
    says: "Writing is not, and the agent is told what is missing:",
    run: { inside: ["curl", "-sS", "-X", "POST", "https://api.example.com/"] },
    exitCode: 0,
    shows: /"error":\s*"policy_denied"/,
  },
  {
    says: "Who, what, by which rule, and why:",
    run: { openshell: ["logs", "demo", "--since", "5m"] },
    exitCode: 0,
    shows: /DENIED[^]*ALLOWED[^]*DENIED/,
  },
  {
    says: "The record is whole: nobody has edited it:",
    run: { openshell: ["logs", "demo", "--verify"] },
    exitCode: 0,
    shows: /./,
  },
];

async function main(): Promise<boolean> {
  const missing = findMissing();
  if (missing !== null) {
    console.error(`error: Cannot run the demo here: ${missing}`);
    return false;
  }
  const world = await World.start();
  const { machine } = world;
  let isAsPromised = true;
  try {
    for (const step of STEPS) isAsPromised = await show(machine, step) && isAsPromised;
    if (isAsPromised && Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) {
      await openShell(machine);
    }
  } finally {
    const leftovers = await world.close();
    for (const leftover of leftovers) console.error(`error: left behind: ${leftover}`);
    isAsPromised &&= leftovers.length === 0;
  }
  console.log(isAsPromised ? "Everything was as promised, and is gone." : "Not as promised.");
  return isAsPromised;
}

async function show(machine: TestMachine, { says, run, exitCode, shows }: Step): Promise<boolean> {
  const isInside = "inside" in run;
  const words = isInside ? run.inside : ["openshell", ...run.openshell];
  console.log(
    `${style("2", `# ${says}`)}\n${style("1", `${isInside ? "sandbox" : ""}$`)} ${
      words.map((word) => /^[\w./:=-]+$/.test(word) ? word : quote(word)).join(" ")
    }`,
  );
  const args = isInside ? ["sandbox", "exec", "-n", "demo", "--", ...run.inside] : run.openshell;
  const outcome = await machine.run(args, { cwd: ROOT });
  const output = (outcome.stdout + outcome.stderr).trimEnd();
  console.log(`${output}\n`);
  const problem = findProblem(outcome, output, { exitCode, shows });
  if (problem !== null) console.error(`error: ${problem}`);
  return problem === null;
}

function findProblem(
  { code }: Outcome,
  output: string,
  { exitCode, shows }: Pick<Step, "exitCode" | "shows">,
): string | null {
  if (code !== exitCode) return `it ended with ${code} instead of ${exitCode}`;
  return shows.test(output) ? null : `it should show ${shows}`;
}

async function openShell(machine: TestMachine): Promise<void> {
  console.log("The sandbox's shell is yours. It ends with `exit`, and everything goes.");
  const exec = ["sandbox", "exec", "-n", "demo", "--tty", "--", "bash"];
  await machine.spawn(exec, {
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    env: { ...machine.environment, TERM: Deno.env.get("TERM") ?? "xterm-256color" },
  }).status;
}

function style(code: string, text: string): string {
  return Deno.stdout.isTerminal() && !Deno.noColor ? `\x1b[${code}m${text}\x1b[0m` : text;
}

if (import.meta.main && !await main()) Deno.exitCode = 1;
