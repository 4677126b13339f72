/**
 * Policies of other shapes than one rule for each host, against the ordinary one.
 *
 * @module
 */

import type { Policy } from "../../policy-wasm/policy.ts";
import { policyOf } from "../../policy-wasm/fixtures.ts";
import { Chance } from "../differential/generate.ts";
import type { Timing } from "./measure.ts";
import { measureTogether } from "./measure.ts";
import { evaluatorOf, FORMS } from "./ours.ts";
import type { Budget, Report } from "./report.ts";
import { duration, grouped, ratio, table } from "./table.ts";
import {
  allowedQuestion,
  binariesOf,
  hostOf,
  makeRule,
  ordinaryPolicy,
  Pool,
  scenarioPool,
} from "./workload.ts";

const COUNTS = [1000, 10_000] as const;
const QUESTIONS = 8192;
/** Most that a host with many rules may take, in ordinary hits. */
const SHARED_RATIO = 1.2;

interface Shape {
  readonly name: string;
  readonly isBudgeted: boolean;
  policy(count: number): Policy;
  pool(count: number): Pool;
}

const SHAPES: readonly Shape[] = [
  {
    name: "one host for each rule",
    isBudgeted: false,
    policy: ordinaryPolicy,
    pool: (count) => scenarioPool("L7 hit", count),
  },
  shaped("one host, a binary for each rule", true, {
    ruleHost: () => hostOf(0),
    askedHost: () => hostOf(0),
    binaries: (i) => [`/opt/agents/agent${i}/bin/run`],
  }),
  shaped("one host and binary, paths for each rule", true, {
    ruleHost: () => hostOf(0),
    askedHost: () => hostOf(0),
    binaries: () => ["/usr/bin/curl"],
  }),
  shaped("wildcard host, a suffix for each rule", false, {
    ruleHost: (i) => `*.svc${i}.example.com`,
    askedHost: (i) => `api${i % 7}.svc${i}.example.com`,
    binaries: binariesOf,
  }),
  shaped("wildcard host, a prefix for each rule", false, {
    ruleHost: (i) => `api${i}-*.svc${i % 97}.example.com`,
    askedHost: (i) => `api${i}-west.svc${i % 97}.example.com`,
    binaries: binariesOf,
  }),
];

function shaped(
  name: string,
  isBudgeted: boolean,
  place: {
    readonly ruleHost: (i: number) => string;
    readonly askedHost: (i: number) => string;
    readonly binaries: (i: number) => readonly string[];
  },
): Shape {
  const { ruleHost, askedHost, binaries } = place;
  return {
    name,
    isBudgeted,
    policy: (count) =>
      policyOf(
        ...Array.from({ length: count }, (_, i) =>
          makeRule(i, { host: ruleHost(i), binaries: binaries(i) })),
      ),
    pool: (count) => {
      const chance = new Chance(count);
      return new Pool(Array.from({ length: QUESTIONS }, () => {
        const i = chance.below(count);
        return allowedQuestion(chance, i, { host: askedHost(i), binary: chance.of(binaries(i)) });
      }));
    },
  };
}

/** Times allowed requests on every shape in all forms. */
export function shapes(): Report {
  const tables: string[] = [];
  const budgets: Budget[] = [];
  for (const count of COUNTS) {
    const byForm = timeForms(count);
    const rows = SHAPES.map(({ name }, shape) => [
      name,
      ...byForm.flatMap((timings) => [
        duration(timings[shape]!.medianNs),
        ratio(timings[shape]!.medianNs / timings[0]!.medianNs),
      ]),
    ]);
    const head = ["", "open", "ratio", "interned", "ratio", "full", "ratio"];
    tables.push(table(`Shapes of ${grouped(count)} rules: L7 hit`, head, rows));
    SHAPES.forEach(({ name, isBudgeted }, shape) => {
      if (isBudgeted) budgets.push(...budgetsOf(`${name}, ${grouped(count)} rules`, byForm, shape));
    });
  }
  return { tables, budgets };
}

/** Returns timings by form, then shape; the shapes of one form are measured in turn. */
function timeForms(count: number): Timing[][] {
  const shapes = SHAPES.map((shape) => ({
    evaluator: evaluatorOf(shape.policy(count)),
    pool: shape.pool(count),
  }));
  return FORMS.map(({ ask }) =>
    measureTogether(
      shapes.map(({ evaluator, pool }) => {
        const engine = ask(evaluator);
        return (batch) => engine.prepare(pool.take(batch), "request");
      }),
      { isAllowed: true },
    )
  );
}

function budgetsOf(name: string, byForm: readonly Timing[][], shape: number): Budget[] {
  return FORMS.map((form, index) => ({
    name: `${name}: ${form.name}`,
    unit: "ratio",
    limit: SHARED_RATIO,
    median: byForm[index]![shape]!.medianNs / byForm[index]![0]!.medianNs,
    fastest: byForm[index]![shape]!.fastestNs / byForm[index]![0]!.fastestNs,
  }));
}
