/**
 * Time of one decision: every engine, scenario and number of rules.
 *
 * @module
 */

import { CASBIN } from "./casbin.ts";
import { CEDAR } from "./cedar.ts";
import type { Engine, EngineKind, Level } from "./engine.ts";
import type { Timing } from "./measure.ts";
import { measure } from "./measure.ts";
import { OURS } from "./ours.ts";
import { PLAIN } from "./plain.ts";
import type { Budget, Report } from "./report.ts";
import { duration, grouped, ratio, table } from "./table.ts";
import type { Pool, Question, Scenario } from "./workload.ts";
import { ordinaryPolicy, scenarioPool, SCENARIOS } from "./workload.ts";

const COUNTS = [10, 100, 1000, 10_000] as const;
/** Questions whose strings are reused. */
const REUSED_COUNT = 1024;
/** Peers are compared here: the largest number of rules that all of them take. */
const COMPARED_COUNT = 1000;
const KINDS: readonly EngineKind[] = [...OURS, ...PLAIN, CEDAR, CASBIN];

/** Most a request may take, by form. */
const BUDGETS_NS: readonly (readonly [kind: EngineKind, ns: number])[] = [
  [OURS[0]!, 80],
  [OURS[1]!, 200],
  [OURS[2]!, 350],
];

const NOTE = `Not run: beyond ${
  grouped(COMPARED_COUNT)
} rules, where one decision of these peers takes milliseconds.
Slow cells have fewer samples: 15 of one question each.
`;

type Timings = Map<string, Timing>;

/** Times fresh strings at every size, and reused ones at the compared size. */
export async function decisions(): Promise<Report> {
  const timings: Timings = new Map();
  for (const count of COUNTS) {
    const policy = ordinaryPolicy(count);
    for (const kind of KINDS) {
      if (count > kind.rulesMax) continue;
      const engine = await kind.load(policy);
      for (const scenario of SCENARIOS) {
        if (kind.onlyLevel !== null && kind.onlyLevel !== levelOf(scenario)) continue;
        const pool = scenarioPool(scenario, count);
        timings.set(keyOf(kind, scenario, count), time(engine, scenario, pool, true));
        if (count !== COMPARED_COUNT) continue;
        timings.set(`${keyOf(kind, scenario, count)} reused`, time(engine, scenario, pool, false));
      }
    }
  }
  return {
    tables: [...SCENARIOS.map((scenario) => scenarioTable(scenario, timings)), NOTE],
    budgets: budgetsOf(timings),
  };
}

function time(engine: Engine, scenario: Scenario, pool: Pool, isFresh: boolean): Timing {
  const level = levelOf(scenario);
  const isAllowed = scenario !== "L4 miss" && scenario !== "L7 deny";
  const take = isFresh ? (count: number) => pool.take(count) : cycle(pool.take(REUSED_COUNT));
  return measure((count) => engine.prepare(take(count), level), { isAllowed });
}

/** Hands out the same questions again and again. */
function cycle(questions: readonly Question[]): (count: number) => Question[] {
  let next = 0;
  return (count) => Array.from({ length: count }, () => questions[next++ % questions.length]!);
}

function levelOf(scenario: Scenario): Level {
  return scenario.startsWith("L4") ? "connection" : "request";
}

function keyOf(kind: EngineKind, scenario: Scenario, count: number): string {
  return `${kind.name} ${scenario} ${count}`;
}

function scenarioTable(scenario: Scenario, timings: Timings): string {
  const baseline = timings.get(keyOf(OURS[2]!, scenario, COMPARED_COUNT))!.medianNs;
  const rows = KINDS.filter((kind) => timings.has(keyOf(kind, scenario, COUNTS[0]))).map((kind) => {
    const medians = COUNTS.map((count) => timings.get(keyOf(kind, scenario, count))?.medianNs);
    const known = medians.filter((median) => median !== undefined);
    const compared = timings.get(keyOf(kind, scenario, COMPARED_COUNT))!.medianNs;
    const reused = timings.get(`${keyOf(kind, scenario, COMPARED_COUNT)} reused`)!.medianNs;
    return [
      kind.name,
      ...medians.map((median) => median === undefined ? "not run" : duration(median)),
      duration(reused),
      ratio(known.at(-1)! / known[0]!),
      ratio(compared / baseline),
    ];
  });
  const head = [
    "rules",
    ...COUNTS.map(grouped),
    `${grouped(COMPARED_COUNT)}, reused strings`,
    "grows by",
    "of ours, full",
  ];
  return table(`${scenario}: one decision, fresh strings, median`, head, rows);
}

function budgetsOf(timings: Timings): Budget[] {
  return BUDGETS_NS.flatMap(([kind, limit]) =>
    [1000, 10_000].map((count) => {
      const { medianNs, fastestNs } = timings.get(keyOf(kind, "L7 hit", count))!;
      const name = `${kind.name}, L7 hit, ${grouped(count)} rules`;
      return { name, unit: "ns" as const, limit, median: medianNs, fastest: fastestNs };
    })
  );
}
