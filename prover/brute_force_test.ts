/**
 * Proofs against brute force: what is proved, no enumerated request refutes.
 *
 * Refutations need no such test, since each is replayed.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { Policy, RequestRule, Rule } from "../policy-wasm/policy.ts";
import { hasGraphqlRules, isInspected } from "../policy-wasm/traits.ts";
import { anyPolicy, Chance } from "../tests/differential/generate.ts";
import { tryAll } from "./brute_force.ts";
import { unwritten } from "./fixtures.ts";
import { prove } from "./prove.ts";
import type { Answer } from "./report.ts";
import { TEST_SEED } from "../tests/test_seed.ts";

const PAIRS = 40;
const POLICIES = 25;

/** Here the policy of the last round has an endpoint that only denies what others allow. */
const DENIES_FOR_OTHERS = { seed: 1826709848, from: 17, rounds: 18 };

/** A policy of at most two rules, so that brute force comes to an end. */
function smallPolicy(chance: Chance): Policy {
  const policy = anyPolicy(chance);
  return { ...policy, rules: policy.rules.slice(0, 2) };
}

/** Takes one thing out of a policy. */
function without(policy: Policy, chance: Chance): Policy {
  if (policy.rules.length === 0) return policy;
  const at = chance.below(policy.rules.length);
  const rule = policy.rules[at]!;
  const drop = <T>(list: readonly T[]) => list.toSpliced(chance.below(list.length), 1);
  const kind = chance.below(4);
  if (kind === 0) return { ...policy, rules: policy.rules.toSpliced(at, 1) };
  const change: Partial<Rule> = {};
  if (kind === 1 && rule.binaries.length > 1) {
    Object.assign(change, { binaries: drop(rule.binaries) });
  }
  const index = chance.below(rule.endpoints.length);
  const endpoint = rule.endpoints[index]!;
  const side = kind === 2 ? "allow" : "deny";
  if (kind > 1 && endpoint[side].length > 0) {
    const changed = { ...endpoint, [side]: drop(endpoint[side]) };
    Object.assign(change, { endpoints: rule.endpoints.with(index, changed) });
  }
  return { ...policy, rules: policy.rules.with(at, { ...rule, ...change }) };
}

Deno.test("prove() finds every difference that brute force finds", async () => {
  const chance = new Chance(TEST_SEED);
  const counts = { proved: 0, refuted: 0 };
  for (let pair = 0; pair < PAIRS; pair++) {
    const first = smallPolicy(chance);
    const second = chance.once(4) ? smallPolicy(chance) : without(first, chance);
    const input = {
      policy: unwritten(first),
      ceiling: unwritten(second),
      floor: unwritten(second),
    };
    const { answers } = await prove({ ...input, baseline: input.ceiling });
    const statusOf = (question: string) =>
      answers.find((answer) => answer.question === question)!.status;
    const found = { within_ceiling: false, above_floor: false };
    for (const { passes, isOpaque } of tryAll([first, second])) {
      found.within_ceiling ||= goesBeyond(passes, isOpaque, 0);
      found.above_floor ||= goesBeyond(passes, isOpaque, 1);
      if (found.within_ceiling && found.above_floor) break;
    }
    const message = `seed ${TEST_SEED}, pair ${pair}`;
    for (const question of ["within_ceiling", "above_floor"] as const) {
      const status = statusOf(question);
      assert.ok(status === "proved" || status === "refuted", message);
      if (found[question]) assert.equal(status, "refuted", `${message}: ${question}`);
      counts[status]++;
    }
    const isSame = statusOf("within_ceiling") === "proved" && statusOf("above_floor") === "proved";
    assert.equal(statusOf("same_as_baseline"), isSame ? "proved" : "refuted", message);
  }
  console.log(`seed ${TEST_SEED}:`, counts);
  assert.ok(counts.proved >= PAIRS / 4 && counts.refuted >= PAIRS / 4, JSON.stringify(counts));
});

function goesBeyond(
  passes: readonly boolean[],
  isOpaque: readonly boolean[],
  side: 0 | 1,
): boolean {
  const [wide, narrow] = [side, 1 - side];
  return (passes[wide]! && !passes[narrow]!) || (isOpaque[wide]! && !isOpaque[narrow]!);
}

Deno.test("prove() names a rule as idle exactly when leaving it out changes nothing", async () => {
  const counts = { idle: 0, needed: 0 };
  const runs = [DENIES_FOR_OTHERS, { seed: TEST_SEED, from: 0, rounds: POLICIES }];
  for (const { seed, from, rounds } of runs) {
    const chance = new Chance(seed + 1);
    for (let round = 0; round < rounds; round++) {
      const policy = smallPolicy(chance);
      if (round < from) continue;
      const { answers } = await prove({ policy: unwritten(policy) });
      const idle = idlePlaces(answers);
      for (const { place, rest, mustMatter } of removals(policy)) {
        const report = await prove({ policy: unwritten(rest), baseline: unwritten(policy) });
        const same = report.answers.find(({ question }) => question === "same_as_baseline")!;
        const isIdle = idle.has(place) || idle.has(place.split(" ", 2).join(" "));
        counts[isIdle ? "idle" : "needed"]++;
        const message = `seed ${seed}, round ${round}: ${place}`;
        if (isIdle) assert.equal(same.status, "proved", message);
        else if (mustMatter) assert.equal(same.status, "refuted", message);
      }
    }
  }
  console.log(`seed ${TEST_SEED}:`, counts);
  assert.ok(counts.idle > 10 && counts.needed > 10, JSON.stringify(counts));
});

const IDLE = [
  "contradictory_rules",
  "unreachable_rules",
  "shadowed_rules",
  "redundant_rules",
  "idle_denies",
];

/** Places of findings that say: this could be left out. */
function idlePlaces(answers: readonly Answer[]): ReadonlySet<string> {
  const places = answers.filter(({ question }) => IDLE.includes(question))
    .flatMap(({ findings }) => findings)
    .map(({ rule, endpoint, requestRule }) =>
      requestRule === null
        ? `${rule} ${endpoint}`
        : `${rule} ${endpoint} ${requestRule.isDeny} ${requestRule.index}`
    );
  return new Set(places);
}

interface Removal {
  readonly place: string;
  readonly rest: Policy;
  /** A finding says so, or something else passes. */
  readonly mustMatter: boolean;
}

function* removals(policy: Policy): Generator<Removal> {
  for (const [at, rule] of policy.rules.entries()) {
    const replace = (endpoints: Rule["endpoints"]): Policy => {
      return { ...policy, rules: policy.rules.with(at, { ...rule, endpoints }) };
    };
    for (const [endpoint, one] of rule.endpoints.entries()) {
      const place = `${rule.key} ${endpoint}`;
      if (isInspected(one.protocol)) {
        yield { place, rest: replace(rule.endpoints.toSpliced(endpoint, 1)), mustMatter: false };
      }
      // Leaving out a rule of these may change the meaning of the others.
      if (hasGraphqlRules(one) || one.mcpAllowAllKnownMethods || one.protocol === "sql") continue;
      for (const side of ["allow", "deny"] as const) {
        for (const index of one[side].keys()) {
          const changed = { ...one, [side]: one[side].toSpliced(index, 1) };
          const isDeny = side === "deny";
          yield {
            place: `${place} ${isDeny} ${index}`,
            rest: replace(rule.endpoints.with(endpoint, changed)),
            mustMatter: isDecisive(policy, { key: rule.key, endpoint, isDeny, index }),
          };
        }
      }
    }
  }
}

/** In audit mode everything passes, so no rule makes a difference to what does. */
function isDecisive(
  policy: Policy,
  { key, endpoint, isDeny, index }: {
    readonly key: string;
    readonly endpoint: number;
    readonly isDeny: boolean;
    readonly index: number;
  },
): boolean {
  if (policy.rules.some(({ endpoints }) => endpoints.some((one) => one.enforcement === "audit"))) {
    return false;
  }
  const one = policy.rules.find((rule) => rule.key === key)!.endpoints[endpoint]!;
  const rules: readonly RequestRule[] = isDeny ? one.deny : one.allow;
  // A deny rule may stand behind another one, and HEAD is part of GET: neither is reported.
  return !isDeny && !(rules[index]!.kind === "http" && isHead(rules[index]!));
}

function isHead(rule: RequestRule): boolean {
  return rule.kind === "http" && rule.method === "HEAD";
}
