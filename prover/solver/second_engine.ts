/**
 * The second engine: z3 confirms what the exact engine says.
 *
 * @module
 */

import { PROOF_SCRIPT_UNITS_MAX } from "../../proto/proof_limits.ts";
import { EngineDisagreementError } from "../errors.ts";
import type { Cell, Space } from "../space/space.ts";
import { Encoding } from "./encoding.ts";
import type { Formula } from "./formulas.ts";
import type { SolverPort } from "./port.ts";
import { printScript } from "./smt_lib.ts";
import { type Fact, termOf } from "./rule_facts.ts";
import { holds, or, type Term } from "./term.ts";
import { SolverError, startZ3 } from "./z3.ts";

export type Confirmation = "confirmed" | "unknown";

/** Confirms answers about one space. */
export interface Confirmer {
  /**
   * Asks whether some request refutes the question.
   *
   * @throws {EngineDisagreementError}
   */
  confirm(
    question: string,
    isRefuted: boolean,
    asked: { readonly formula: Formula; readonly timeoutMs: number },
  ): Promise<Confirmation>;
  /**
   * Asks whether all facts about rules are as they were found.
   *
   * @throws {EngineDisagreementError}
   */
  confirmFacts(facts: readonly Fact[], timeoutMs: number): Promise<Confirmation>;
}

/** A solver that starts while the exact engine works. */
export interface SecondEngine {
  name(): Promise<string>;
  about(space: Space, cells: readonly Cell[]): Confirmer;
  /** Ends the solver, where it was started here. */
  close(): Promise<void>;
}

/** Starts the second engine; `port` is for tests and for a solver of the machine's own. */
export function openSecondEngine(port?: SolverPort): SecondEngine {
  const starting: Promise<SolverPort> = port === undefined ? startZ3() : Promise.resolve(port);
  // A failed start is reported where its result is needed, also when that is later.
  starting.catch(() => {});
  return {
    name: async () => (await starting).name,
    close: async () => {
      if (port !== undefined) return;
      // Where it never started, nothing is open.
      const solver = await starting.catch(() => null);
      solver?.close?.();
    },
    about: (space, cells) => {
      const encoding = new Encoding(space, cells);
      return {
        confirm: async (question, isRefuted, { formula, timeoutMs }) => {
          const answer = await ask(await starting, formula(encoding), { encoding, timeoutMs });
          if (answer === "unknown") return "unknown";
          if ((answer === "sat") === isRefuted) return "confirmed";
          throw new EngineDisagreementError(question, isRefuted ? "refuted" : "proved", answer);
        },
        confirmFacts: async (facts, timeoutMs) => {
          const absent = checkShown(facts, encoding);
          const answer = await ask(await starting, absent, { encoding, timeoutMs });
          if (answer === "unknown") return "unknown";
          if (answer === "unsat") return "confirmed";
          throw new EngineDisagreementError(
            "consistency",
            "that rules are idle",
            "that one is not",
          );
        },
      };
    },
  };
}

/** Asks nothing when no time is left, or when the text is more than a solver is handed. */
function ask(
  solver: SolverPort,
  term: Term,
  { encoding, timeoutMs }: { readonly encoding: Encoding; readonly timeoutMs: number },
): ReturnType<SolverPort["check"]> {
  if (timeoutMs <= 0) return Promise.resolve("unknown");
  const script = printScript(term, encoding);
  if (script.length > PROOF_SCRIPT_UNITS_MAX) return Promise.resolve("unknown");
  return inTime(solver, script, timeoutMs);
}

/** A solver that does not answer, or not in the words there are, confirms nothing. */
async function inTime(
  solver: SolverPort,
  script: string,
  timeoutMs: number,
): ReturnType<SolverPort["check"]> {
  const late = Promise.withResolvers<"unknown">();
  const timer = setTimeout(() => late.resolve("unknown"), timeoutMs + ANSWER_GRACE_MS);
  try {
    const answer = await Promise.race([solver.check(script, timeoutMs), late.promise]);
    if (answer === "sat" || answer === "unsat" || answer === "unknown") return answer;
    throw new SolverError("understand", { cause: answer });
  } finally {
    clearTimeout(timer);
  }
}

/** A solver ends its work by itself when the time is over, and then has to say so. */
const ANSWER_GRACE_MS = 500;

/** Checks the facts that hold where they were seen; returns what must not be satisfiable. */
function checkShown(facts: readonly Fact[], encoding: Encoding): Term {
  const terms = encoding.side(0);
  const absent: Term[] = [];
  for (const fact of facts) {
    const term = termOf(fact, terms);
    if (fact.shownBy === null) absent.push(term);
    else if (!holds(term, encoding.choiceOf(fact.shownBy.cell, fact.shownBy.method))) {
      const { member } = "member" in fact.subject ? fact.subject : { member: fact.subject };
      const place = `${member.rule.key}[${member.index}]`;
      throw new EngineDisagreementError("consistency", `${place} ${fact.name}`, "that it does not");
    }
  }
  return or(...absent);
}
