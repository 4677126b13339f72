/**
 * Compares the evaluator with the reference on generated policies and questions.
 *
 * @module
 */

import { compilePolicy } from "../../policy-wasm/compile.ts";
import { Evaluator } from "../../policy-wasm/evaluator.ts";
import type { Policy } from "../../policy-wasm/policy.ts";
import { decide } from "../../policy-wasm/reference.ts";
import type { Caller, Request, Target } from "../../policy-wasm/request.ts";
import { anyPolicy, anyQuestion, Chance } from "./generate.ts";

/** Questions asked of each policy. */
const QUESTIONS_PER_POLICY = 40;

export interface Question {
  readonly caller: Caller;
  readonly target: Target;
  readonly request?: Request;
}

/** A policy and a question on which the two do not agree, made as small as was found. */
export interface Disagreement {
  readonly policy: Policy;
  readonly question: Question;
  readonly evaluator: string;
  readonly reference: string;
}

/** How many pairs were compared, how often each reason came up, and what did not agree. */
export interface Comparison {
  readonly pairs: number;
  readonly reasons: ReadonlyMap<string, number>;
  readonly disagreement: Disagreement | null;
}

/** Compares at least `pairs` pairs from one seed; stops at the first disagreement. */
export function comparePairs(
  seed: number,
  pairs: number,
  wasm?: Uint8Array<ArrayBuffer>,
): Comparison {
  const chance = new Chance(seed);
  const reasons = new Map<string, number>();
  let compared = 0;
  while (compared < pairs) {
    const policy = anyPolicy(chance);
    const evaluator = new Evaluator(compilePolicy(policy).bytes, wasm);
    for (let i = 0; i < QUESTIONS_PER_POLICY; i++) {
      const question = anyQuestion(chance);
      const difference = differ(evaluator, policy, question);
      if (difference !== null) {
        return { pairs: compared, reasons, disagreement: shrink(difference, wasm) };
      }
      const { reason, audited } = ask(evaluator, question);
      const key = audited ? `${reason} (audited)` : reason;
      reasons.set(key, (reasons.get(key) ?? 0) + 1);
      compared++;
    }
  }
  return { pairs: compared, reasons, disagreement: null };
}

/** Asks the evaluator all stages of one question. */
export function ask(evaluator: Evaluator, { caller, target, request }: Question) {
  const connection = evaluator.connect(evaluator.resolve(caller), target);
  return request === undefined ? connection.decision : evaluator.request(connection, request);
}

function differ(evaluator: Evaluator, policy: Policy, question: Question): Disagreement | null {
  const { generation: _, ...got } = ask(evaluator, question);
  const evaluated = print(got);
  const reference = print(decide(policy, question));
  return evaluated === reference ? null : { policy, question, evaluator: evaluated, reference };
}

function print(decision: object): string {
  return JSON.stringify(Object.entries(decision).sort(([a], [b]) => a < b ? -1 : 1));
}

/** Drops rules, endpoints and request rules for as long as the two still disagree. */
function shrink(found: Disagreement, wasm?: Uint8Array<ArrayBuffer>): Disagreement {
  for (const smaller of smallerPolicies(found.policy)) {
    const evaluator = new Evaluator(compilePolicy(smaller).bytes, wasm);
    const difference = differ(evaluator, smaller, found.question);
    if (difference !== null) return shrink(difference, wasm);
  }
  return found;
}

function* smallerPolicies(policy: Policy): Generator<Policy> {
  const without = <T>(list: readonly T[], index: number) => list.filter((_, i) => i !== index);
  for (const [r, rule] of policy.rules.entries()) {
    yield { ...policy, rules: without(policy.rules, r) };
    const replace = (change: Partial<typeof rule>) => ({
      ...policy,
      rules: policy.rules.with(r, { ...rule, ...change }),
    });
    for (const b of rule.binaries.keys()) {
      if (rule.binaries.length > 1) yield replace({ binaries: without(rule.binaries, b) });
    }
    for (const [e, endpoint] of rule.endpoints.entries()) {
      if (rule.endpoints.length > 1) yield replace({ endpoints: without(rule.endpoints, e) });
      for (const side of ["allow", "deny"] as const) {
        for (const i of endpoint[side].keys()) {
          const smaller = { ...endpoint, [side]: without(endpoint[side], i) };
          yield replace({ endpoints: rule.endpoints.with(e, smaller) });
        }
      }
    }
  }
}
