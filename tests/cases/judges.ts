/**
 * The three that decide: the reference, and the evaluator in its release and its debug build, all
 * asked through `answer()`, so that they see the same canonical forms.
 *
 * @module
 */

import { wasmBase64 as debugWasm } from "../../policy-wasm/build/debug.ts";
import { wasmBase64 as releaseWasm } from "../../policy-wasm/build/release.ts";
import { compilePolicy } from "../../policy-wasm/compile.ts";
import type { Decision } from "../../policy-wasm/decision.ts";
import { type Connection, Evaluator } from "../../policy-wasm/evaluator.ts";
import type { Policy } from "../../policy-wasm/policy.ts";
import {
  type Answer,
  answer,
  type Judge,
  type RawQuestion,
} from "../../policy-wasm/raw_question.ts";
import { admitsCaller, decide, isCandidate, placeEndpoints } from "../../policy-wasm/reference.ts";
import type { Caller, Target } from "../../policy-wasm/request.ts";

/** Somebody who answers questions about one policy. */
export interface NamedJudge {
  readonly name: "reference" | "release" | "debug";
  ask(question: RawQuestion): Answer;
}

/** Returns the three judges of a policy. */
export function judgesOf(policy: Policy): readonly NamedJudge[] {
  const { bytes, generation } = compilePolicy(policy);
  const reference = referenceJudge(policy, generation);
  const release = evaluatorJudge(new Evaluator(bytes, Uint8Array.fromBase64(releaseWasm)));
  const debug = evaluatorJudge(new Evaluator(bytes, Uint8Array.fromBase64(debugWasm)));
  return [
    { name: "reference", ask: (question) => answer(reference, question) },
    { name: "release", ask: (question) => answer(release, question) },
    { name: "debug", ask: (question) => answer(debug, question) },
  ];
}

/** What a decision says, without the generation. */
export function outcomeOf({ verdict, audited, rule, endpoint, reason }: Decision) {
  return { verdict, audited, rule, endpoint, reason };
}

/** The reference has no state, so a connection keeps what it was asked. */
interface ReferenceConnection {
  readonly decision: Decision;
  readonly acceptsEncodedSlash: boolean;
  readonly caller: Caller;
  readonly target: Target;
}

function referenceJudge(policy: Policy, generation: string): Judge<ReferenceConnection> {
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

function evaluatorJudge(evaluator: Evaluator): Judge<Connection> {
  return {
    generation: evaluator.generation,
    connect: (caller, target) => evaluator.connect(evaluator.resolve(caller), target),
    request: (connection, request) => evaluator.request(connection, request),
  };
}
