/**
 * Tries all attacks, and prints what came of each: a line for an attack in a mode.
 *
 * `-o json` prints a document; a pattern tries only the attacks whose id matches it. Ends with 1
 * where an attack has worked.
 *
 * @module
 */

import { findMissing } from "../support/requirements.ts";
import type { Suite } from "../support/suite.ts";
import { World } from "../support/world.ts";
import { NETWORK_ATTACKS } from "./net/attacks.ts";
import { AttackedNetwork } from "./net/world.ts";
import type { Attack } from "./support/attack.ts";
import { formatJson, formatTable } from "./support/format_table.ts";
import { type AttackResult, runAttacks } from "./support/run_attacks.ts";

/** The attacks on the host, which have a runner and a scene of their own. */
const HOST = {
  attacks: new URL("./host/attacks.ts", import.meta.url).href,
  runner: new URL("./host/run_host_attacks.ts", import.meta.url).href,
  scene: new URL("./host/scene.ts", import.meta.url).href,
} as const;

async function main(args: readonly string[]): Promise<number> {
  const missing = findMissing();
  if (missing !== null) {
    console.error(`Cannot try attacks: ${missing}`);
    return 2;
  }
  const isJson = args.join(" ").includes("-o json");
  const pattern = new RegExp(args.find((arg) => !["-o", "json"].includes(arg)) ?? "");
  const results = [...await tryNetwork(pattern), ...await tryHost(pattern)];
  console.log(isJson ? formatJson(results) : formatTable(results));
  return results.some(({ outcome }) => outcome === "FAILED") ? 1 : 0;
}

async function tryNetwork(pattern: RegExp): Promise<readonly AttackResult[]> {
  const chosen = NETWORK_ATTACKS.filter(({ id }) => pattern.test(id));
  if (chosen.length === 0) return [];
  await using world = await World.start();
  // The results say what came of it: a step that fails need not say it again.
  const step: Suite["step"] = (_, body) => outcomeOf(body).then(isNothing);
  const suite: Suite = { world, step, isRootless: false };
  try {
    await using network = await AttackedNetwork.start(world);
    return await runAttacks(suite, network.sandbox(), chosen);
  } finally {
    await world.machine.close();
  }
}

async function tryHost(pattern: RegExp): Promise<readonly AttackResult[]> {
  if (!hasHostAttacks()) return [];
  const { HOST_ATTACKS } = await import(HOST.attacks);
  const { runHostAttacks } = await import(HOST.runner);
  const { ATTACKER, setTheScene, SMALL } = await import(HOST.scene);
  const chosen = (HOST_ATTACKS as readonly Attack[]).filter(({ id }) => pattern.test(id));
  if (chosen.length === 0) return [];
  const results: AttackResult[] = [];
  await using world = await World.start();
  const step: Suite["step"] = async (title, body) => {
    const problem = await outcomeOf(body);
    const attack = chosen.find(({ area, id }) => title.startsWith(`${area}: ${id}`));
    if (attack !== undefined) results.push(hostResult(attack, problem));
    return isNothing(problem);
  };
  try {
    await setTheScene(world);
    const [small, others] = [true, false].map((isSmall) =>
      chosen.filter(({ area }) => (area === "resources") === isSmall)
    );
    await runHostAttacks({ world, step }, ATTACKER, others);
    await runHostAttacks({ world, step }, SMALL, small);
  } finally {
    await world.machine.close();
  }
  return results;
}

function hasHostAttacks(): boolean {
  try {
    return Deno.statSync(new URL(HOST.attacks)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function hostResult(attack: Attack, problem: string | null): AttackResult {
  const isAccepted = attack.accepted !== undefined;
  return {
    attack,
    mode: "enforce",
    outcome: problem !== null ? "FAILED" : isAccepted ? "accepted" : "held",
    reason: attack.event?.reason ?? null,
    problems: problem === null ? [] : [problem],
  };
}

/** Returns what is wrong, `null` where nothing is. */
async function outcomeOf(body: () => Promise<void> | void): Promise<string | null> {
  try {
    await body();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isNothing(problem: string | null): boolean {
  return problem === null;
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
