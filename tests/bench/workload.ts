/**
 * The rules and requests that every engine of the benchmark gets.
 *
 * Texts are kept as bytes and decoded before each sample, as a proxy would have them: a string
 * that was just parsed has no cached hash, and no two samples share an object.
 *
 * @module
 */

import { endpointOf, httpRuleOf, policyOf, ruleOf } from "../../policy-wasm/fixtures.ts";
import type { Policy, Rule } from "../../policy-wasm/policy.ts";
import { Chance } from "../differential/generate.ts";

/** One question of either level; `connection` ones have no use for method and path. */
export interface Question {
  readonly binary: string;
  readonly host: string;
  readonly port: number;
  readonly method: string;
  readonly path: string;
}

/** What is asked, and how many of 8 questions are allowed: 8 or 0. */
export type Scenario = "L4 first" | "L4 last" | "L4 miss" | "L7 hit" | "L7 deny";

export const SCENARIOS: readonly Scenario[] = [
  "L4 first",
  "L4 last",
  "L4 miss",
  "L7 hit",
  "L7 deny",
];

const PORT = 443;

/** Distinct binaries of a policy; each rule admits two of them. */
export const BINARIES: readonly string[] = Array.from(
  { length: 20 },
  (_, i) => i % 2 === 0 ? `/usr/bin/tool${i}` : `/opt/agents/agent${i}/bin/run`,
);

/** Questions of one scenario: more than a sample has, so that no two samples are alike. */
const POOL_SIZE = 8192;

/** Returns a policy of `count` rules, each for a host of its own. */
export function ordinaryPolicy(count: number): Policy {
  return policyOf(...Array.from({ length: count }, (_, i) => ordinaryRule(i)));
}

function ordinaryRule(i: number): Rule {
  return makeRule(i, { host: hostOf(i), binaries: binariesOf(i) });
}

/** Returns a rule that allows the two requests of its number. */
export function makeRule(
  i: number,
  place: { readonly host: string; readonly binaries: readonly string[] },
): Rule {
  const allow = [
    httpRuleOf({ method: "GET", path: `/v1/items${i}/**` }),
    httpRuleOf({ method: "POST", path: `/v1/items${i}/*/comments` }),
  ];
  return ruleOf({
    key: `rule${String(i).padStart(6, "0")}`,
    endpoints: [endpointOf({ host: place.host, ports: [PORT], allow })],
    binaries: place.binaries.map((path) => ({ path, descendants: false })),
  });
}

export function hostOf(i: number): string {
  return `api${i}.svc${i % 97}.example.com`;
}

export function binariesOf(i: number): readonly string[] {
  return [BINARIES[i % 20]!, BINARIES[(i * 7 + 3) % 20]!];
}

/** Questions of one kind, kept as bytes. */
export class Pool {
  readonly #lines: readonly (readonly Uint8Array[])[];
  readonly #decoder = new TextDecoder();
  #next = 0;

  constructor(questions: readonly Question[]) {
    const encoder = new TextEncoder();
    this.#lines = questions.map(({ binary, host, method, path }) =>
      [binary, host, method, path].map((text) => encoder.encode(text))
    );
  }

  /** Returns the next questions, made of strings that nobody has seen. */
  take(count: number): Question[] {
    return Array.from({ length: count }, () => {
      const line = this.#lines[this.#next]!;
      this.#next = (this.#next + 1) % this.#lines.length;
      const [binary, host, method, path] = line.map((bytes) => this.#decoder.decode(bytes));
      return { binary: binary!, host: host!, port: PORT, method: method!, path: path! };
    });
  }
}

/** Returns the questions of a scenario on `ordinaryPolicy(count)`. */
export function scenarioPool(scenario: Scenario, count: number): Pool {
  const chance = new Chance(count);
  const edge = Math.max(1, Math.floor(count / 100));
  return new Pool(
    Array.from({ length: POOL_SIZE }, () => {
      if (scenario === "L4 first") return allowedQuestion(chance, chance.below(edge));
      if (scenario === "L4 last") return allowedQuestion(chance, count - 1 - chance.below(edge));
      const question = allowedQuestion(chance, chance.below(count));
      if (scenario === "L7 hit") return question;
      return scenario === "L7 deny" ? denied(chance, question) : missed(question);
    }),
  );
}

/** A request that rule `i` allows. */
export function allowedQuestion(
  chance: Chance,
  i: number,
  place: { host: string; binary: string } = { host: hostOf(i), binary: chance.of(binariesOf(i)) },
): Question {
  const isGet = !chance.once(3);
  const id = chance.below(1_000_000);
  const path = `/v1/items${i}/${id}/${isGet ? `parts/${chance.below(1000)}` : "comments"}`;
  return { ...place, port: PORT, method: isGet ? "GET" : "POST", path };
}

/** The connection is allowed, the request is not: for its method, or for its path. */
function denied(chance: Chance, question: Question): Question {
  if (chance.once(2)) return { ...question, method: "DELETE" };
  return { ...question, path: question.path.replace("/v1/", "/v2/") };
}

/** Like a known host, and of the same length, but no rule names it. */
function missed(question: Question): Question {
  return { ...question, host: question.host.replace("api", "web") };
}
