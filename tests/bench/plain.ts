/**
 * The same rules in plain JavaScript: a loop over all of them, and an index by host.
 *
 * @module
 */

import type { Policy } from "../../policy-wasm/policy.ts";
import type { Engine, EngineKind, Level } from "./engine.ts";
import type { Batch } from "./measure.ts";
import type { Question } from "./workload.ts";

export const PLAIN: readonly EngineKind[] = [
  {
    name: "indexed JS (Map by host)",
    rulesMax: Infinity,
    onlyLevel: null,
    load: (policy) => indexed(rulesOf(policy)),
  },
  {
    name: "plain JS loop",
    rulesMax: Infinity,
    onlyLevel: null,
    load: (policy) => looping(rulesOf(policy)),
  },
];

/** V8 compiles an expression when it is used again. */
const EXPRESSION_WARM_UPS = 4;

interface PlainRule {
  readonly host: string;
  readonly port: number;
  readonly binaries: ReadonlySet<string>;
  readonly allow: readonly { readonly method: string; readonly path: RegExp }[];
}

function rulesOf(policy: Policy): PlainRule[] {
  return policy.rules.flatMap(({ binaries, endpoints }) =>
    endpoints.map(({ host, ports, allow }) => ({
      host,
      port: ports[0]!,
      binaries: new Set(binaries.map(({ path }) => path)),
      allow: allow.flatMap((rule) =>
        rule.kind === "http" ? [{ method: rule.method, path: expressionOf(rule.path) }] : []
      ),
    }))
  );
}

/** The two wildcards that the benchmark's paths have. Used often enough to be compiled. */
function expressionOf(pattern: string): RegExp {
  const source = pattern.replaceAll("**", "\0").replaceAll("*", "[^/]*").replace("\0", ".*");
  const expression = new RegExp(`^${source}$`);
  for (let i = 0; i < EXPRESSION_WARM_UPS; i++) expression.test(pattern);
  return expression;
}

function looping(rules: readonly PlainRule[]): Engine {
  return { prepare: (questions, level) => () => countAllowed(questions, () => rules, level) };
}

function indexed(rules: readonly PlainRule[]): Engine {
  const byHost = Map.groupBy(rules, ({ host }) => host);
  const none: readonly PlainRule[] = [];
  return {
    prepare: (questions, level): Batch => () =>
      countAllowed(questions, (host) => byHost.get(host) ?? none, level),
  };
}

function countAllowed(
  questions: readonly Question[],
  candidates: (host: string) => readonly PlainRule[],
  level: Level,
): number {
  let allowed = 0;
  for (const question of questions) {
    for (const rule of candidates(question.host)) {
      if (!admits(rule, question, level)) continue;
      allowed++;
      break;
    }
  }
  return allowed;
}

function admits(rule: PlainRule, question: Question, level: Level): boolean {
  if (rule.host !== question.host || rule.port !== question.port) return false;
  if (!rule.binaries.has(question.binary)) return false;
  if (level === "connection") return true;
  for (const { method, path } of rule.allow) {
    if (method === question.method && path.test(question.path)) return true;
  }
  return false;
}
