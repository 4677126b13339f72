/**
 * Attacks of the attack suite, tried in the peers: does what they offer hold as well?
 *
 * The peers run as an ordinary user, as they are meant to; so an attack that works there cannot harm
 * the machine that measures. What looks at our folders, events or commands has no meaning there:
 * where the permitted twin does not work, an attack does not apply.
 *
 * @module
 */

import type { Attack, Trial } from "../../e2e/attacks/support/attack.ts";
import { mustRun, run } from "../../e2e/support/commands.ts";
import type { World } from "../../e2e/support/world.ts";
import { BUBBLEWRAP } from "../sandbox/starts.ts";
import type { Field } from "./contenders.ts";
import { installRuntime, whyNoRuntime, writeSettings } from "./sandbox_runtime.ts";

/** What concerns a peer: the network is decided about by each in a way of its own. */
const AREAS: readonly string[] = ["files", "process", "kernel"];

/** `unclear` has to be looked at: it shows something else than ours, and speaks of a refusal. */
export type Holding = "held" | "not held" | "unclear" | "not applicable";

export interface AttackResult {
  readonly id: string;
  readonly area: string;
  readonly title: string;
  readonly contender: string;
  readonly holding: Holding;
  /** What the attack wrote, where it did not hold for certain. */
  readonly output?: string;
}

/** What a script came to in a sandbox. */
export interface Seen {
  readonly output: string;
}

/** A peer with a folder to write to, as a user who owns nothing. */
interface Target {
  readonly name: string;
  readonly folder: string;
  readonly command: (command: readonly string[]) => readonly string[];
}

/** The user `nobody`: it is in the files of every machine, which the runtime of Node asks for. */
const NOBODY = 65_534;
const CANARY = "canary-of-the-bench";
const TIMEOUT_MS = 30_000;
const OUTPUT_LETTERS_MAX = 600;
const REFUSAL =
  /denied|not permitted|read-only|no such|cannot|failed|refused|unreachable|invalid|\bE[A-Z]{3,}\b/i;

/** Returns whether an attack failed, by what it and its twin showed. */
export function judge(attack: Attack, tried: Seen, permitted: Seen): Holding {
  if (!attack.twin.shows.test(permitted.output)) return "not applicable";
  if (attack.attack.shows.test(tried.output)) return "held";
  return REFUSAL.test(tried.output) ? "unclear" : "not held";
}

/** Tries all attacks that concern peers in each of them. */
export async function tryAttacks(
  world: World,
  field: Field,
  attacks: readonly Attack[],
): Promise<readonly AttackResult[]> {
  const those = attacks.filter(({ area }) => AREAS.includes(area));
  const base = await Deno.makeTempDir({ prefix: "openshell-bench-" });
  await Deno.chmod(base, 0o755);
  const results: AttackResult[] = [];
  try {
    for (const target of await targetsOf(world, field, base)) {
      await assertRuns(target);
      for (const attack of those) results.push(await tryOne(target, attack));
    }
  } finally {
    await Deno.remove(base, { recursive: true });
  }
  return results;
}

/** Where nothing runs, every attack would fail. */
async function assertRuns(target: Target): Promise<void> {
  const { output } = await runTrial(target, { script: "echo runs", shows: /^runs\n$/ });
  if (output !== "runs\n") throw new Error(`Cannot try attacks in ${target.name}: ${output}`);
}

async function tryOne(target: Target, attack: Attack): Promise<AttackResult> {
  const tried = await runTrial(target, attack.attack);
  const permitted = await runTrial(target, attack.twin);
  const holding = judge(attack, tried, permitted);
  const { id, area, title } = attack;
  const result = { id, area, title, contender: target.name, holding };
  if (holding === "held") return result;
  const { output } = holding === "not applicable" ? permitted : tried;
  return { ...result, output: output.slice(0, OUTPUT_LETTERS_MAX) };
}

async function runTrial({ command, folder }: Target, { script }: Trial): Promise<Seen> {
  // Our agents' own folder has this name; theirs has another.
  const own = `exec 2>&1\n${script.replaceAll("/sandbox", folder)}`;
  const { stdout, stderr } = await run(command(["bash", "-c", own]), {
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", HOME: folder, CANARY, LANG: "C.UTF-8" },
    timeoutMs: TIMEOUT_MS,
  });
  // Scripts send errors to the output, so what else there is comes from the peer itself.
  return { output: stdout + stderr };
}

async function targetsOf(
  { machine }: World,
  { bubblewrap, runtime }: Field,
  base: string,
): Promise<readonly Target[]> {
  const asNobody = (folder: string, command: readonly string[]) => {
    const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    return machine.enter(["setpriv", ...user, "env", "-C", folder, ...command]);
  };
  const targets: Target[] = [];
  if (bubblewrap !== null) {
    const folder = await ownFolder(`${base}/bubblewrap`);
    const closed = ["--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--new-session"];
    const flags = [...closed, "--bind", folder, folder];
    const wrapper = [...BUBBLEWRAP, ...flags, "--chdir", folder];
    targets.push({
      name: "bubblewrap",
      folder,
      command: (command) => asNobody(folder, [...wrapper, ...command]),
    });
  }
  if (runtime !== null && whyNoRuntime() === null) {
    const folder = await ownFolder(`${base}/runtime`);
    const program = await installRuntime(`${base}/installed`);
    await mustRun(["chmod", "-R", "a+rX", `${base}/installed`]);
    const settings = await writeSettings(`${base}/settings.json`, {
      writable: [folder],
      hidden: ["/root", "/home", "/var", "/srv", "/opt", "/tmp"],
      readable: [folder, `${base}/installed`],
      hosts: [],
      inspectWith: null,
    });
    const wrapper = ["node", program, "--settings", settings, "--"];
    targets.push({
      name: "sandbox-runtime",
      folder,
      command: (command) => asNobody(folder, [...wrapper, ...command]),
    });
  }
  return targets;
}

async function ownFolder(path: string): Promise<string> {
  await Deno.mkdir(path);
  await Deno.chown(path, NOBODY, NOBODY);
  return path;
}
