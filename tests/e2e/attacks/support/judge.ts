/**
 * Says what is wrong when an attack has been tried, or nothing where it was held.
 *
 * Three oracles: what reached a server, what was recorded, and whether the twin still works.
 *
 * Pure.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  assertOneEvent,
  type AuditRecord,
  type Decision,
  readDecision,
  type WantedEvent,
} from "../../support/events.ts";
import type { Attack, Mode, Trial } from "./attack.ts";
import { holdsCanary } from "./canary.ts";

/** What one script did. */
export interface Evidence {
  readonly canary: string;
  readonly output: string;
  /** What was recorded while it ran. */
  readonly events: readonly AuditRecord[];
}

/** An attack and its twin, tried in one mode. */
export interface Tried {
  readonly attack: Attack;
  readonly mode: Mode;
  readonly attacker: Evidence;
  readonly twin: Evidence;
  /** Everything that reached any server, and every name that was asked for. */
  readonly received: readonly string[];
}

/** Returns a sentence for each thing that is wrong. */
export function judge(tried: Tried): readonly string[] {
  return [
    ...judgeCanaries(tried),
    ...judgeEvents(tried),
    ...judgeOutput(tried),
    ...judgeTwin(tried),
  ];
}

/** Returns why the attack was refused, for the table. */
export function reasonOf({ attacker }: Tried): string | null {
  const refused = decisionsOf(attacker).find(({ verdict }) => verdict !== "allowed");
  return refused?.reason ?? findingsOf(attacker)[0] ?? null;
}

/** True where the mode lets the attack through, by design and on record. */
function isLetThrough({ attack, mode }: Tried): boolean {
  return mode === "audit" && attack.isAuditable === true;
}

function judgeCanaries(tried: Tried): readonly string[] {
  const { attack, mode, attacker, twin, received } = tried;
  const got = (canary: string) => received.some((text) => holdsCanary(text, canary));
  const problems = [];
  if (!isLetThrough(tried) && got(attacker.canary)) {
    problems.push("a server has received the attacker's canary");
  }
  if (mode === "after-reload" && got(twin.canary)) {
    problems.push("a server has received the twin's canary, which is no longer allowed");
  }
  if (
    attack.isCanaryNamed !== true && holdsCanary(JSON.stringify(attacker.events), attacker.canary)
  ) {
    problems.push("the canary is on record");
  }
  return problems;
}

function judgeEvents(tried: Tried): readonly string[] {
  const { attack, mode, attacker } = tried;
  const decisions = decisionsOf(attacker);
  const listed = decisions.map((each) => JSON.stringify(each)).join(" ");
  if (attack.finding !== undefined) {
    const found = findingsOf(attacker).filter((uid) => uid === attack.finding);
    if (found.length !== 1) return [`${found.length} findings ${attack.finding}: ${listed}`];
  }
  if (attack.event === undefined) {
    return decisions.length === 0 ? [] : [`a decision where there is none to make: ${listed}`];
  }
  const refused = decisions.filter(({ verdict }) => verdict === "denied");
  if (mode === "after-reload") return judgeAfterReload(tried, decisions);
  if (refused.length > 1) return [`${refused.length} refusals: ${listed}`];
  // A connection that is asked about again was allowed before.
  const events = attack.isAskedTwice === true
    ? attacker.events.filter((event) => readDecision(event)?.verdict === attack.event?.verdict)
    : attacker.events;
  return problemOf(() => assertOneEvent(events, wantedOf(tried, attack.event!)));
}

/** Less is allowed, so the refusal may come earlier, and for another reason. */
function judgeAfterReload(tried: Tried, decisions: readonly Decision[]): readonly string[] {
  const listed = decisions.map((each) => JSON.stringify(each)).join(" ");
  const passed = decisions.filter(({ kind, verdict }) =>
    kind === "request" && verdict !== "denied"
  );
  if (passed.length > 0) return [`a request is let through: ${listed}`];
  const { host, port } = wantedOf(tried, tried.attack.event!);
  const refused = decisions.filter(({ verdict }) => verdict === "denied");
  const [first, ...further] = refused.filter((each) => each.host === host && each.port === port);
  // One that needs two places may be refused at the first.
  const isHeld = first === undefined ? refused.length > 0 : further.length === 0;
  return isHeld ? [] : [`${refused.length} refusals: ${listed}`];
}

function wantedOf(tried: Tried, event: WantedEvent): WantedEvent {
  return {
    ...event,
    host: event.host.replace("§", tried.attacker.canary),
    ...isLetThrough(tried) && { verdict: "audited" },
  };
}

function judgeOutput(tried: Tried): readonly string[] {
  const { attack, mode, attacker } = tried;
  // Where less is allowed, it fails sooner and shows something else.
  if (mode === "after-reload" || isLetThrough(tried)) return [];
  return problemOf(() => assertShows(attacker.output, attack.attack));
}

function judgeTwin({ attack, mode, twin }: Tried): readonly string[] {
  const problems = problemOf(() => assertShows(twin.output, attack.twin));
  if (mode !== "after-reload") return problems.map((text) => `the twin: ${text}`);
  return problems.length > 0 ? [] : [`the twin still works: ${twin.output}`];
}

function assertShows(output: string, { shows }: Trial): void {
  assert.match(output, shows);
}

function problemOf(check: () => unknown): readonly string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof assert.AssertionError) return [error.message];
    throw error;
  }
}

function decisionsOf({ events }: Evidence): readonly Decision[] {
  return events.map(readDecision).filter((decision) => decision !== null);
}

function findingsOf({ events }: Evidence): readonly string[] {
  return events.map((event) => (event.finding_info as { uid?: string } | undefined)?.uid)
    .filter((uid) => uid !== undefined);
}
