/**
 * Tries attacks and their twins in a real sandbox, in each mode, and judges them.
 *
 * Scripts run in batches, because starting a program in a sandbox costs more than most of them. A
 * connection to a name that says which script comes next tells their events apart: the record keeps
 * its order.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { AuditRecord } from "../../support/events.ts";
import { readDecision } from "../../support/events.ts";
import { quote, runScripts } from "../../support/probes.ts";
import type { Suite } from "../../support/suite.ts";
import type { World } from "../../support/world.ts";
import type { Attack, Mode } from "./attack.ts";
import { makeCanary } from "./canary.ts";
import { judge, reasonOf, type Tried } from "./judge.ts";
import type { SandboxSpec } from "./sandbox_spec.ts";

/** In this order: each changes the policy of the same sandbox. */
const MODES: readonly Mode[] = ["enforce", "audit", "after-reload"];

/** Characters of scripts in one batch: the kernel takes 128 KiB for one argument. */
const BATCH_UNITS_MAX = 64 * 1024;

/** One line of the table. */
export interface AttackResult {
  readonly attack: Attack;
  readonly mode: Mode;
  readonly outcome: "held" | "accepted" | "FAILED";
  /** Why it was refused. */
  readonly reason: string | null;
  readonly problems: readonly string[];
}

/** Tries all attacks; each of them is a step in each of its modes. */
export async function runAttacks(
  suite: Suite,
  spec: SandboxSpec,
  attacks: readonly Attack[],
): Promise<readonly AttackResult[]> {
  assertUnique(attacks);
  const results: AttackResult[] = [];
  let isCreated = false;
  // Which policy holds is decided by the same code, whoever runs it.
  for (const mode of suite.isRootless ? MODES.slice(0, 1) : MODES) {
    const policy = spec.policies[mode];
    const chosen = attacks.filter(({ modes = ["enforce"] }) => modes.includes(mode));
    if (policy === undefined || chosen.length === 0) continue;
    if (!isCreated) await create(suite.world, spec, policy);
    else await changePolicy(suite.world, spec, policy);
    isCreated = true;
    results.push(...await runMode(suite, spec, { mode, attacks: chosen }));
  }
  const { check } = spec;
  if (check !== undefined) {
    await suite.step("nothing else has reached a server", () => check(suite.world));
  }
  return results;
}

async function create(world: World, spec: SandboxSpec, policy: string): Promise<void> {
  await world.machine.create(spec.name, {
    policy,
    ...spec.flags !== undefined && { flags: spec.flags },
  });
  await spec.prepare?.(world, spec.name);
}

async function changePolicy(world: World, { name }: SandboxSpec, policy: string): Promise<void> {
  const { code, stdout, stderr } = await world.machine.setPolicy(name, policy);
  assert.equal(code, 0, stdout + stderr);
}

/** A script with what is known of it. */
interface Marked {
  readonly mark: string;
  readonly canary: string;
  readonly script: string;
}

async function runMode(
  { world, step }: Suite,
  spec: SandboxSpec,
  { mode, attacks }: { readonly mode: Mode; readonly attacks: readonly Attack[] },
): Promise<readonly AttackResult[]> {
  const pairs = wrapAll(attacks, mode);
  const marked = pairs.flat().filter((each, index, all) => all.lastIndexOf(each) === index);
  const outputs = new Map<string, string>();
  for (const batch of batches(marked)) {
    const seen = await runScripts(world.machine, spec.name, batch.map(({ script }) => script));
    for (const [index, { mark }] of batch.entries()) outputs.set(mark, seen[index]!.output);
  }
  const events = splitEvents(await world.machine.events(spec.name), marked);
  const received = await readReceived(world, spec);
  const evidence = ({ mark, canary }: Marked) => ({
    canary,
    output: outputs.get(mark) ?? "",
    events: events.get(mark) ?? [],
  });
  const results: AttackResult[] = [];
  for (const [index, attack] of attacks.entries()) {
    const [attacker, twin] = pairs[index]!;
    const tried = { attack, mode, attacker: evidence(attacker), twin: evidence(twin), received };
    await step(`${mode}: ${attack.id}: ${attack.title}`, async () => {
      const result = await resultOf(tried, world, spec);
      results.push(result);
      if (result.outcome === "FAILED") {
        assert.fail([...result.problems, `output: ${tried.attacker.output}`].join("\n"));
      }
    });
  }
  return results;
}

async function resultOf(tried: Tried, world: World, spec: SandboxSpec): Promise<AttackResult> {
  const { attack, mode } = tried;
  const problems = [...judge(tried)];
  try {
    await attack.check?.(world, spec.name);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  // What is accepted is that the attack works, and not that its twin does not.
  const isAccepted = attack.accepted !== undefined &&
    problems.every((problem) => !problem.startsWith("the twin"));
  const outcome = problems.length === 0 ? "held" : isAccepted ? "accepted" : "FAILED";
  return { attack, mode, outcome, reason: reasonOf(tried), problems };
}

/**
 * Returns attack and twin, wrapped. Attacks with the same twin share one, which runs after the last
 * of them.
 */
function wrapAll(
  attacks: readonly Attack[],
  mode: Mode,
): readonly (readonly [attacker: Marked, twin: Marked])[] {
  const twins = new Map(attacks.map(({ twin: { script } }) => [script, wrap(script, mode)]));
  return attacks.map(({ attack, twin }) => [wrap(attack.script, mode), twins.get(twin.script)!]);
}

/** Each script has a folder, a canary in file and environment, and says first that it begins. */
function wrap(script: string, mode: Mode): Marked {
  const mark = `mark-${crypto.randomUUID()}.invalid`;
  const canary = makeCanary();
  const lines = [
    `(exec 3<>/dev/tcp/127.0.0.1/3128 && printf 'CONNECT ${mark}:1 HTTP/1.1\\r\\nHost: ${mark}\\r\\n\\r\\n' >&3 && read -r -t 15 line <&3)`,
    `export CANARY=${canary} MODE=${mode}`,
    `cd "$(mktemp -d /tmp/attack.XXXXXX)" && printf %s "$CANARY" > canary`,
    script,
  ];
  return { mark, canary, script: lines.join("\n") };
}

function batches(marked: readonly Marked[]): readonly (readonly Marked[])[] {
  const all: Marked[][] = [[]];
  let units = 0;
  for (const each of marked) {
    const size = quote(each.script).length + 200;
    if (units + size > BATCH_UNITS_MAX) {
      all.push([]);
      units = 0;
    }
    units += size;
    all.at(-1)?.push(each);
  }
  return all;
}

/** Returns what was recorded between the mark of each script and the next. */
function splitEvents(
  events: readonly AuditRecord[],
  marked: readonly Marked[],
): ReadonlyMap<string, readonly AuditRecord[]> {
  const known = new Set(marked.map(({ mark }) => mark));
  const parts = new Map<string, AuditRecord[]>();
  let part: AuditRecord[] = [];
  for (const event of events) {
    const host = readDecision(event)?.host ?? "";
    if (host.startsWith("mark-")) {
      part = [];
      if (known.has(host)) parts.set(host, part);
    } else part.push(event);
  }
  assert.equal(parts.size, marked.length, "each script has its mark in the events");
  return parts;
}

async function readReceived(world: World, spec: SandboxSpec): Promise<readonly string[]> {
  const all = [...await world.origins.recordings(), ...await world.loopback.recordings()];
  return [...all.map(({ received }) => received), ...await spec.received?.() ?? []];
}

function assertUnique(attacks: readonly Attack[]): void {
  const ids = attacks.map(({ id }) => id);
  const repeated = ids.filter((id, index) => ids.indexOf(id) !== index);
  assert.deepEqual(repeated, [], "each attack has an id of its own");
}
