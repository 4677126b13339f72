/**
 * Tries attacks in a sandbox, and judges them: they fail, they show it, nothing else happens, what
 * is permitted works, and the sandbox and its controls are as they were.
 *
 * @module
 */

import assert from "node:assert/strict";
import { assertOneEvent, readDecision } from "../../support/events.ts";
import { runScripts, type Seen } from "../../support/probes.ts";
import type { Suite } from "../../support/suite.ts";
import type { Attack, Trial } from "../support/attack.ts";
import { BIND_ATTACKS } from "./binds.ts";
import { RESOURCE_ATTACKS } from "./resources.ts";
import { CANARY } from "./scene.ts";

/** Scripts in one exec. */
const BATCH = 40;

export interface Outcome {
  readonly area: string;
  readonly held: number;
  readonly accepted: number;
  readonly failed: number;
}

/** Their check comes between attack and twin: one would undo what the other looks at. */
const ALONE: ReadonlySet<string> = new Set(
  [...BIND_ATTACKS, ...RESOURCE_ATTACKS].map(({ id }) => id).concat(
    [
      "abstract-sockets",
      "outlive-the-sandbox",
      "download-endless",
      "download-from-elsewhere",
      "upload-through-links",
    ],
  ),
);

/** Runs the attacks in a sandbox, a step for each. Returns what came of them. */
export async function runHostAttacks(
  suite: Suite,
  sandbox: string,
  attacks: readonly Attack[],
): Promise<readonly Outcome[]> {
  const { world, step } = suite;
  const passed = new Map<string, boolean>();
  const together = attacks.filter(({ id }) => !ALONE.has(id));
  for (let at = 0; at < together.length; at += BATCH) {
    const batch = together.slice(at, at + BATCH);
    const scripts = batch.flatMap(({ attack, twin }) => [attack.script, twin.script]);
    const seen = await runScripts(world.machine, sandbox, scripts);
    for (const [index, attack] of batch.entries()) {
      const isHeld = await step(titleOf(attack), async () => {
        judge(attack, seen[index * 2]!, seen[index * 2 + 1]!);
        await attack.check?.(world, sandbox);
      });
      passed.set(attack.id, isHeld);
    }
  }
  for (const attack of attacks.filter(({ id }) => ALONE.has(id))) {
    const isHeld = await step(titleOf(attack), async () => {
      const [tried] = await runScripts(world.machine, sandbox, [attack.attack.script]);
      assertShows("the attack", tried!, attack.attack);
      await attack.check?.(world, sandbox);
      const [twin] = await runScripts(world.machine, sandbox, [attack.twin.script]);
      assertShows("the twin", twin!, attack.twin);
    });
    passed.set(attack.id, isHeld);
  }
  await step(`"${sandbox}" is as it was, and has decided nothing else`, async () => {
    await assertUnchanged(suite, sandbox);
    await assertDecisions(suite, sandbox, attacks);
    assert.ok(!await world.origins.received(CANARY), "the canary has reached an origin");
  });
  return summarise(attacks, passed);
}

function titleOf({ area, id, accepted }: Attack): string {
  return `${area}: ${id}${accepted === undefined ? "" : " (accepted)"}`;
}

function judge({ attack, twin }: Attack, tried: Seen, permitted: Seen): void {
  assertShows("the attack", tried, attack);
  assertShows("the twin", permitted, twin);
}

function assertShows(what: string, { output, code }: Seen, { shows }: Trial): void {
  assert.match(output, shows, `${what} ended with ${code} and shows ${output}`);
}

/** The controls that an attack could have taken away, as the kernel shows them. */
const STATE = "grep -E '^(Uid|CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | " +
  "tr -s '\\t\\n' ' '; unshare -Ur true 2>&1 | grep -c -i permitted; " +
  "( echo x > /usr/evil ) 2>&1 | grep -c -iE 'denied|Read-only'; readlink /proc/self/ns/net " +
  "| grep -c net; echo x > /tmp/alive && cat /tmp/alive";

async function assertUnchanged({ world: { machine } }: Suite, sandbox: string): Promise<void> {
  assert.equal((await machine.sandbox(sandbox)).phase, "Ready");
  const { stdout } = await machine.exec(sandbox, STATE);
  assert.match(
    stdout,
    /^Uid: ([1-9]\d+) \1 \1 \1 CapPrm: 0+ CapBnd: 0+ NoNewPrivs: 1 Seccomp: 2 1\n1\n1\nx\n$/,
  );
}

/** Each decision is one that was wanted, or permits a twin. */
async function assertDecisions(
  { world: { machine } }: Suite,
  sandbox: string,
  attacks: readonly Attack[],
): Promise<void> {
  const events = await machine.events(sandbox);
  const wanted = attacks.flatMap(({ event }) => event === undefined ? [] : [event]);
  for (const want of wanted) assertOneEvent(events, want);
  const mayDecide = attacks.some(({ area }) => area === "control" || area === "resources");
  const others = events.map(readDecision).filter((decision) => decision !== null)
    .filter(({ host, verdict }) => !(host === "api.example.com" && verdict === "allowed"))
    .filter(({ verdict }) => !(mayDecide && verdict === "denied"));
  assert.equal(others.length, wanted.length, JSON.stringify(others.slice(0, 20)));
}

function summarise(
  attacks: readonly Attack[],
  passed: ReadonlyMap<string, boolean>,
): readonly Outcome[] {
  return [...Map.groupBy(attacks, ({ area }) => area)].map(([area, list]) => {
    const good = list.filter(({ id }) => passed.get(id) === true);
    const accepted = good.filter((attack) => attack.accepted !== undefined).length;
    return { area, held: good.length - accepted, accepted, failed: list.length - good.length };
  });
}
