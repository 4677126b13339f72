/**
 * The reference alone as a judge of raw questions: the oracle that shares neither automata nor the
 * compiled image with prover and evaluator, and costs no compilation.
 *
 * @module
 */

import type { Decision } from "../../policy-wasm/decision.ts";
import type { Policy } from "../../policy-wasm/policy.ts";
import { answer, type Judge, type RawQuestion } from "../../policy-wasm/raw_question.ts";
import { admitsCaller, decide, isCandidate, placeEndpoints } from "../../policy-wasm/reference.ts";
import type { Caller, Target } from "../../policy-wasm/request.ts";

/** What is kept of a connection. */
interface Asked {
  readonly decision: Decision;
  readonly acceptsEncodedSlash: boolean;
  readonly caller: Caller;
  readonly target: Target;
}

/** Returns what the reference decides about one question. */
export function askReference(policy: Policy, question: RawQuestion): Decision {
  return answer(judgeOf(policy), question).decision;
}

function judgeOf(policy: Policy): Judge<Asked> {
  const generation = "";
  return {
    generation,
    connect(caller, target) {
      const acceptsEncodedSlash = placeEndpoints(policy).some(({ rule, endpoint }) =>
        isCandidate(endpoint, target) && admitsCaller(rule, caller) && endpoint.allowEncodedSlash
      );
      const decision = { ...decide(policy, { caller, target }), generation };
      return { decision, acceptsEncodedSlash, caller, target };
    },
    request: ({ caller, target }, request) => ({
      ...decide(policy, { caller, target, request }),
      generation,
    }),
  };
}
