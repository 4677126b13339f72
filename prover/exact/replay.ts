/**
 * Plays a counterexample to the evaluator that a sandbox runs.
 *
 * @module
 */

import { compilePolicy } from "../../policy-wasm/compile.ts";
import type { Decision } from "../../policy-wasm/decision.ts";
import { Evaluator } from "../../policy-wasm/evaluator.ts";
import type { Policy } from "../../policy-wasm/policy.ts";
import { answer, type RawQuestion } from "../../policy-wasm/raw_question.ts";
import { BudgetSpent } from "../atoms/limits.ts";
import { ReplayMismatchError } from "../errors.ts";
import type { Foretold, Role, Witness } from "../report.ts";

/** Decides a request as a sandbox would. */
export type Replay = (policy: Policy, witness: Witness) => Decision;

/** Returns a replay that compiles each policy once. */
export function evaluatorReplay(): Replay {
  const evaluators = new Map<Policy, Evaluator>();
  return (policy, witness) => {
    let evaluator = evaluators.get(policy);
    if (evaluator === undefined) {
      evaluator = new Evaluator(compilePolicy(policy).bytes);
      evaluators.set(policy, evaluator);
    }
    const core = evaluator;
    const judge = {
      generation: core.generation,
      connect: (caller: RawQuestion["caller"], target: Witness["target"]) =>
        core.connect(core.resolve(caller), target),
      request: core.request.bind(core),
    };
    return answer(judge, rawQuestionOf(witness)).decision;
  };
}

/** Returns the question in the spelling that the proxy and `policy explain` ask. */
export function rawQuestionOf(witness: Witness): RawQuestion {
  const { caller, target, method, path, query, graphql, rpc, isOpaque } = witness;
  // On the wire nobody looks at it, and there is no other way to ask about it.
  const isUnasked = isOpaque && path.includes("%2F");
  return {
    caller,
    host: target.host,
    port: target.port,
    ...(method === "WEBSOCKET_TEXT" ? { isText: true } : { method }),
    path: isUnasked ? "/" : path,
    query,
    ...(graphql !== null && { graphql }),
    ...(rpc !== null && { rpc }),
  };
}

/**
 * Checks what was foretold about a witness.
 *
 * @throws {ReplayMismatchError} The evaluator decides otherwise.
 * @throws {BudgetSpent} The evaluator passed a bound of its own, so nothing is known.
 */
export function confirm(
  question: string,
  { witness, foretold }: { readonly witness: Witness; readonly foretold: readonly Foretold[] },
  { policies, replay }: {
    readonly policies: Readonly<Partial<Record<Role, Policy>>>;
    readonly replay: Replay;
  },
): void {
  for (const expected of foretold) {
    const policy = policies[expected.role];
    if (policy === undefined) continue;
    const decision = replay(policy, witness);
    if (decision.reason === "engine_error") {
      throw new BudgetSpent("The evaluator passed a bound of its own");
    }
    const agrees = decision.verdict === expected.verdict && decision.audited === expected.audited &&
      (expected.rule === null ||
        (decision.rule === expected.rule && decision.endpoint === expected.endpoint));
    if (agrees) continue;
    throw new ReplayMismatchError(question, describe(expected), describe(decision));
  }
}

function describe(decision: Pick<Foretold, "verdict" | "audited" | "rule" | "endpoint">): string {
  const { verdict, audited, rule, endpoint } = decision;
  const by = rule === null ? "" : ` by ${rule}[${endpoint}]`;
  return `${verdict}${audited ? " (audited)" : ""}${by}`;
}
