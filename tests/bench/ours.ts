/**
 * The evaluator, by how much of a decision was done before.
 *
 * @module
 */

import { compilePolicy } from "../../policy-wasm/compile.ts";
import type { Connection, ResolvedCaller } from "../../policy-wasm/evaluator.ts";
import { Evaluator } from "../../policy-wasm/evaluator.ts";
import type { Policy } from "../../policy-wasm/policy.ts";
import type { Caller, Request, Target } from "../../policy-wasm/request.ts";
import type { Engine, EngineKind, Level } from "./engine.ts";
import type { Batch } from "./measure.ts";
import type { Question } from "./workload.ts";

/** One way to ask the evaluator. */
export interface Form {
  readonly name: string;
  readonly onlyLevel: Level | null;
  readonly ask: (evaluator: Evaluator) => Engine;
}

/** The three forms; tables compare peers with the last one. */
export const FORMS: readonly Form[] = [
  { name: "ours, open connection", onlyLevel: "request", ask: openConnection },
  { name: "ours, caller interned", onlyLevel: null, ask: callerInterned },
  { name: "ours, full from strings", onlyLevel: null, ask: (evaluator) => fromStrings(evaluator) },
];

/** Executables above the caller, in the form that has some. */
const ANCESTORS = ["/usr/bin/bash", "/usr/local/bin/node", "/usr/local/bin/openshell"];

/** Like the last form, with three ancestors of the caller to look at. */
const WITH_ANCESTORS: Form = {
  name: "ours, full with 3 ancestors",
  onlyLevel: null,
  ask: (evaluator) => fromStrings(evaluator, ANCESTORS),
};

/** All forms as engines next to their peers. */
export const OURS: readonly EngineKind[] = [...FORMS, WITH_ANCESTORS].map(
  ({ name, onlyLevel, ask }) => ({
    name,
    onlyLevel,
    rulesMax: Infinity,
    load: (policy) => ask(evaluatorOf(policy)),
  }),
);

/** Returns the evaluator of a policy. */
export function evaluatorOf(policy: Policy): Evaluator {
  return new Evaluator(compilePolicy(policy).bytes);
}

function openConnection(evaluator: Evaluator): Engine {
  return {
    prepare: (questions) => {
      const asked: { connection: Connection; request: Request }[] = questions.map((question) => ({
        connection: evaluator.connect(evaluator.resolve(callerOf(question)), targetOf(question)),
        request: requestOf(question),
      }));
      return () => {
        let allowed = 0;
        for (const { connection, request } of asked) {
          if (evaluator.request(connection, request).verdict === "allow") allowed++;
        }
        return allowed;
      };
    },
  };
}

function callerInterned(evaluator: Evaluator): Engine {
  const callers = new Map<string, ResolvedCaller>();
  function intern(question: Question): ResolvedCaller {
    let caller = callers.get(question.binary);
    if (caller === undefined) callers.set(question.binary, caller = resolve(question));
    return caller;
  }
  const resolve = (question: Question) => evaluator.resolve(callerOf(question));
  return {
    prepare: (questions, level) => {
      const asked = questions.map((question) => ({
        caller: intern(question),
        target: targetOf(question),
        request: requestOf(question),
      }));
      function connections(): number {
        let allowed = 0;
        for (const { caller, target } of asked) {
          if (evaluator.connect(caller, target).decision.verdict === "allow") allowed++;
        }
        return allowed;
      }
      function requests(): number {
        let allowed = 0;
        for (const { caller, target, request } of asked) {
          const connection = evaluator.connect(caller, target);
          if (evaluator.request(connection, request).verdict === "allow") allowed++;
        }
        return allowed;
      }
      return level === "connection" ? connections : requests;
    },
  };
}

function fromStrings(evaluator: Evaluator, ancestors: readonly string[] = []): Engine {
  return { prepare: (questions, level) => prepareStrings(evaluator, questions, level, ancestors) };
}

function prepareStrings(
  evaluator: Evaluator,
  questions: readonly Question[],
  level: Level,
  ancestors: readonly string[],
): Batch {
  const asked = questions.map((question) => ({
    caller: { ...callerOf(question), ancestors },
    target: targetOf(question),
    request: requestOf(question),
  }));
  function connections(): number {
    let allowed = 0;
    for (const { caller, target } of asked) {
      if (evaluator.connect(evaluator.resolve(caller), target).decision.verdict === "allow") {
        allowed++;
      }
    }
    return allowed;
  }
  function requests(): number {
    let allowed = 0;
    for (const { caller, target, request } of asked) {
      const connection = evaluator.connect(evaluator.resolve(caller), target);
      if (evaluator.request(connection, request).verdict === "allow") allowed++;
    }
    return allowed;
  }
  return level === "connection" ? connections : requests;
}

function callerOf({ binary }: Question): Caller {
  return { binary, ancestors: [] };
}

function targetOf({ host, port }: Question): Target {
  return { host, port };
}

function requestOf({ method, path }: Question): Request {
  return { method, path };
}
