/**
 * From what was found to what is reported: texts, levels and places in the documents.
 *
 * @module
 */

import { endpointPath } from "../policy-wasm/check_policy.ts";
import type { ProofInput } from "./input.ts";
import { CATALOG, type QuestionId } from "./questions/catalog.ts";
import type { RawFinding } from "./questions/visitor.ts";
import type { Answer, Finding, Level } from "./report.ts";

/** Returns the answer to a question with its texts. */
export function answerOf(
  question: string,
  input: ProofInput,
  outcome: Pick<Answer, "status" | "reason" | "findings" | "findingsHidden" | "isConfirmed"> & {
    readonly levels: Readonly<Record<string, Level>>;
  },
): Answer {
  const { levels, ...rest } = outcome;
  const texts = textsOf(question, input);
  return { question, ...texts, level: levels[question] ?? texts.level, ...rest };
}

/** Returns the answer to a question whose input was not given. */
export function notAsked(
  question: QuestionId,
  levels: Readonly<Record<string, Level>>,
): Answer {
  const texts = CATALOG[question];
  return {
    question,
    ...texts,
    level: levels[question] ?? texts.level,
    status: "not_asked",
    reason: NEEDS[question] ?? "It was not asked",
    findings: [],
    findingsHidden: 0,
    isConfirmed: false,
  };
}

const NEEDS: Readonly<Partial<Record<QuestionId, string>>> = {
  within_ceiling: "No ceiling was given",
  above_floor: "No floor was given",
  same_as_baseline: "No baseline was given",
  uninspected_credentials: "No providers were given",
  exfiltration: "No providers and no trusted hosts were given",
  read_carries_data: "No providers and no trusted hosts were given",
  l7_bypass_credentialed: "No providers were given",
  credential_reach_expansion: "No providers were given",
  capability_expansion: "No providers were given",
};

function textsOf(question: string, { claims = [] }: ProofInput) {
  if (Object.hasOwn(CATALOG, question)) return CATALOG[question as QuestionId];
  const claim = claims.find(({ key }) => `claim:${key}` === question);
  const what = claim?.kind === "always"
    ? "What should always pass passes"
    : "What should never pass does not";
  return {
    level: claim?.level ?? "error" as const,
    title: `${what}: ${question.slice("claim:".length)}`,
    meaning: claim?.reason ?? "The claim does not hold for some request",
    remediation: "Change the rule that is named, or the claim",
  };
}

/** Looks up where a finding is written: the request rule, else its endpoint, else its rule. */
export function locateFinding(finding: RawFinding, input: ProofInput): Finding {
  const { message, role, rule, endpoint, requestRule, witness, foretold } = finding;
  const base = { message, role, rule, endpoint, requestRule, witness, foretold };
  const subject = input[role];
  if (rule === null || subject === undefined) return { ...base, path: null, range: null };
  const paths: string[] = [];
  if (endpoint !== null) {
    const place = endpointPath(rule, endpoint);
    if (requestRule !== null) {
      paths.push(`${place}.${requestRule.isDeny ? "deny_rules" : "rules"}[${requestRule.index}]`);
    }
    paths.push(place);
  }
  paths.push(endpointPath(rule, 0).replace(/\.endpoints\[0\]$/, ""));
  for (const path of paths) {
    const range = subject.locate(path);
    if (range !== null) return { ...base, path, range };
  }
  return { ...base, path: paths.at(-1)!, range: null };
}
