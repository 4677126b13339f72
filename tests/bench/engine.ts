/**
 * What the benchmark asks of every engine.
 *
 * @module
 */

import type { Policy } from "../../policy-wasm/policy.ts";
import type { Batch } from "./measure.ts";
import type { Question } from "./workload.ts";

/** `connection` asks whether a caller may reach a host, `request` judges a request as well. */
export type Level = "connection" | "request";

/** An engine that holds the rules of a policy. */
export interface Engine {
  /** Makes a batch of these questions. Whatever a caller would have at hand is made here. */
  prepare(questions: readonly Question[], level: Level): Batch;
}

/** A way to answer questions, by the name in the tables. */
export interface EngineKind {
  readonly name: string;
  /** Beyond as many rules, loading or one decision takes too long to wait for. */
  readonly rulesMax: number;
  /** `null` for all levels. */
  readonly onlyLevel: Level | null;
  load(policy: Policy): Promise<Engine> | Engine;
}
