/**
 * Answers questions about all requests of a policy at once.
 *
 * Each answer is `proved`, or `refuted` with one request that the evaluator decides as foretold, or
 * `unknown`. Nothing is guessed, and a contradiction between engines is never swallowed.
 *
 * @module
 */

import { Budget, BudgetSpent } from "./atoms/limits.ts";
import { confirm, evaluatorReplay, type Replay } from "./exact/replay.ts";
import { capsOf, type ProofInput, type ProofOptions, timeoutOf } from "./input.ts";
import { answerOf, locateFinding, notAsked } from "./answers.ts";
import { type Asked, isChangePass, type Pass, planPasses, type PlanTools } from "./plan.ts";
import { CATALOG } from "./questions/catalog.ts";
import type { RawFinding } from "./questions/visitor.ts";
import { builtinRegistry } from "./registry/registry.ts";
import type { Answer, ChangeRow, ProofReport, Status } from "./report.ts";
import { scan } from "./scan.ts";
import { type Confirmation, openSecondEngine, type SecondEngine } from "./solver/second_engine.ts";
import { Matcher } from "./space/matcher.ts";
import { type Cell, Space } from "./space/space.ts";

/** What all passes of one proof share. */
interface Proof {
  readonly input: ProofInput;
  readonly options: ProofOptions;
  readonly budget: Budget;
  readonly tools: PlanTools;
  readonly replay: Replay;
  readonly second: SecondEngine | null;
}

/**
 * Proves or refutes everything that the input asks.
 *
 * @throws {UnprovablePolicyError} A document has errors.
 * @throws {UnknownCredentialError} A claim names a credential that was not given.
 * @throws {ReplayMismatchError} The evaluator contradicts a counterexample.
 * @throws {EngineDisagreementError} The engines contradict one another.
 */
export async function prove(
  input: ProofInput,
  options: ProofOptions = {},
): Promise<ProofReport> {
  const now = options.now ?? (() => performance.now());
  const budget = new Budget(capsOf(options), timeoutOf(options), now);
  const matcher = new Matcher();
  const registry = options.registry ?? builtinRegistry();
  const tools = { matcher, registry };
  const passes = planPasses(input, tools);
  const isBoth = options.engine === "both";
  const second = isBoth ? openSecondEngine(options.solver) : null;
  const replay = options.replay ?? evaluatorReplay();
  try {
    return await answerAll(passes, { input, options, budget, tools, replay, second });
  } finally {
    await second?.close();
  }
}

async function answerAll(passes: readonly Pass[], proof: Proof): Promise<ProofReport> {
  const { second, options, budget } = proof;
  const answers: Answer[] = [];
  const changes: ChangeRow[] = [];
  for (const pass of passes) {
    answers.push(...await runPass(pass, proof));
    if (isChangePass(pass)) changes.push(...pass.rows());
  }
  return {
    engine: second === null ? "exact" : "both",
    solver: second === null ? null : await second.name(),
    answers: inOrder(answers, options),
    changes,
    combinations: budget.combinations,
  };
}

async function runPass(pass: Pass, proof: Proof): Promise<readonly Answer[]> {
  const { budget, tools, second } = proof;
  const cells: Cell[] = [];
  let space: Space | null = null;
  let asked: readonly Asked[] = [];
  const stopped = scan((within) => {
    space = new Space(pass.policies, pass.regions, { matcher: tools.matcher, budget: within });
    const started = pass.start(space);
    asked = started.asked;
    const look: typeof started.look = (cell, verdicts) => {
      if (second !== null) cells.push(cell);
      started.look(cell, verdicts);
    };
    return { space, look };
  }, budget);
  const answers: Answer[] = [];
  if (space === null) {
    // Not even the space could be made, so nothing was looked at.
    return pass.questions.map((question) => unknownAnswer(question, stopped ?? "", proof));
  }
  const confirmer = second === null || stopped !== null ? null : second.about(space, cells);
  const confirmFacts = memoized(async () =>
    await confirmer?.confirmFacts(asked.find(({ facts }) => facts)?.facts?.() ?? [], budget.msLeft)
  );
  for (const { question, findings, formula, facts } of asked) {
    const outcome = conclude(question, findings, { stopped, pass, proof });
    let confirmation: Confirmation | undefined;
    if (confirmer !== null && outcome.status !== "unknown") {
      if (facts !== undefined) confirmation = await confirmFacts();
      if (formula !== null) {
        const isRefuted = outcome.status === "refuted";
        const timeoutMs = budget.msLeft;
        confirmation = await confirmer.confirm(question, isRefuted, { formula, timeoutMs });
      }
    }
    // What only one engine could answer is not proved where two were asked for.
    const isDoubtful = confirmation === "unknown" && outcome.status === "proved";
    answers.push(answerOf(question, proof.input, {
      levels: proof.options.levels ?? {},
      status: isDoubtful ? "unknown" : outcome.status,
      reason: isDoubtful ? "The second engine gave up" : outcome.reason,
      findings: outcome.findings.slice(0, budget.caps.findings)
        .map((finding) => locateFinding(finding, proof.input)),
      findingsHidden: Math.max(0, outcome.findings.length - budget.caps.findings),
      isConfirmed: confirmation === "confirmed",
    }));
  }
  return answers;
}

/** Runs once, when it is first asked. */
function memoized<T>(run: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | null = null;
  return () => result ??= run();
}

interface Outcome {
  readonly status: Status;
  readonly reason: string | null;
  readonly findings: readonly RawFinding[];
}

/** Replays all witnesses, and says what they come to. */
function conclude(
  question: string,
  find: Asked["findings"],
  { stopped, pass, proof }: {
    readonly stopped: string | null;
    readonly pass: Pass;
    readonly proof: Proof;
  },
): Outcome {
  const policies = Object.fromEntries(pass.roles.map((role, side) => [role, pass.policies[side]!]));
  let findings: readonly RawFinding[];
  try {
    findings = find(stopped === null);
    for (const { witness, foretold } of findings.slice(0, proof.budget.caps.findings)) {
      if (witness === null) continue;
      confirm(question, { witness, foretold }, { policies, replay: proof.replay });
    }
  } catch (thrown) {
    if (!(thrown instanceof BudgetSpent)) throw thrown;
    return { status: "unknown", reason: thrown.reason, findings: [] };
  }
  if (findings.length > 0) return { status: "refuted", reason: null, findings };
  return stopped === null
    ? { status: "proved", reason: null, findings: [] }
    : { status: "unknown", reason: stopped, findings: [] };
}

function unknownAnswer(question: string, reason: string, { input, options }: Proof): Answer {
  return answerOf(question, input, {
    levels: options.levels ?? {},
    status: "unknown",
    reason,
    findings: [],
    findingsHidden: 0,
    isConfirmed: false,
  });
}

/** Built-in questions in the order of the catalogue, those that were not asked included; claims last. */
function inOrder(answers: readonly Answer[], options: ProofOptions): readonly Answer[] {
  const byQuestion = new Map(answers.map((answer) => [answer.question, answer]));
  const builtIn = Object.keys(CATALOG).map((id) => {
    const answer = byQuestion.get(id) ?? notAsked(id as keyof typeof CATALOG, options.levels ?? {});
    byQuestion.delete(id);
    return answer;
  });
  return [...builtIn, ...byQuestion.values()];
}
