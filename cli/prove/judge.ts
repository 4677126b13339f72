/**
 * What a report comes to: levels, accepted risks, and the exit code.
 *
 * Pure. All renderers read what this returns, so that no two of them can disagree.
 *
 * @module
 */

import { curlLine } from "../../prover/curl_line.ts";
import type { Answer, Finding, Level, ProofReport, Role, Status } from "../../prover/report.ts";
import { EXIT_FAILED, EXIT_OK, EXIT_UNKNOWN } from "../exit.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Risk, RiskMatch } from "./parse_risks.ts";

/** A finding, and whether somebody has accepted it. */
export interface JudgedFinding extends Finding {
  /** Name of the document that the place is in. */
  readonly file: string;
  readonly curl: string | null;
  /** The same for the same finding when lines move. */
  readonly fingerprint: string;
  readonly accepted: Pick<Risk, "reason" | "expires"> | null;
}

/** `accepted` is refuted by nothing but accepted findings. */
export type JudgedStatus = Status | "accepted";

/** An answer as a person is told it. */
export interface JudgedAnswer extends Omit<Answer, "findings" | "status"> {
  readonly status: JudgedStatus;
  readonly findings: readonly JudgedFinding[];
  /** Whether the exit code depends on it. */
  readonly decides: boolean;
}

/** What is wrong with a risk: it hides nothing. */
export interface RiskNotice {
  readonly kind: "expired" | "unused";
  readonly risk: Risk;
  readonly message: string;
}

/** All of it. */
export interface Judgement {
  /** The policy's name. */
  readonly file: string;
  readonly report: ProofReport;
  readonly answers: readonly JudgedAnswer[];
  readonly risksFile: string | null;
  readonly notices: readonly RiskNotice[];
  readonly isStrict: boolean;
  readonly verdict: "proved" | "refuted" | "unknown";
  readonly exitCode: number;
}

/** Level of a question; what is `off` is not shown and decides nothing. */
export type CommandLevel = Level | "off";

export interface JudgeOptions {
  /** Names of the documents by role. */
  readonly files: Readonly<Partial<Record<Role, string>>> & { readonly policy: string };
  readonly levels: Readonly<Record<string, CommandLevel>>;
  readonly risks: readonly Risk[];
  readonly risksFile: string | null;
  /** Warnings decide the exit code as well. */
  readonly isStrict: boolean;
}

/** Judges a report. */
export function judge(report: ProofReport, options: JudgeOptions): Judgement {
  const used = new Set<Risk>();
  const answers = report.answers
    .filter(({ question }) => options.levels[question] !== "off")
    .map((answer) => judgeAnswer(answer, options, used));
  const deciding = answers.filter(({ decides }) => decides);
  const verdict = deciding.some(({ status }) => status === "refuted")
    ? "refuted"
    : deciding.some(({ status }) => status === "unknown")
    ? "unknown"
    : "proved";
  return {
    file: options.files.policy,
    report,
    answers,
    risksFile: options.risksFile,
    notices: options.risks.flatMap((risk) => noticeOf(risk, used)),
    isStrict: options.isStrict,
    verdict,
    exitCode: EXIT_CODES[verdict],
  };
}

const EXIT_CODES = { proved: EXIT_OK, refuted: EXIT_FAILED, unknown: EXIT_UNKNOWN } as const;

/** Says which engines have answered; every form of output holds it. */
export function describeEngines({ engine, solver, answers }: ProofReport): string {
  if (engine === "exact") {
    return "Answered by the exact engine alone (--fast): no second engine has confirmed it";
  }
  const asked = answers.filter(({ status }) => status !== "not_asked");
  const confirmed = asked.filter(({ isConfirmed }) => isConfirmed).length;
  return `Answered by the exact engine; ${solver ?? "the second engine"} has confirmed ` +
    `${confirmed} of ${asked.length} answers, all that it can express`;
}

function judgeAnswer(
  { findings: found, ...answer }: Answer,
  { files, levels, risks, isStrict }: JudgeOptions,
  used: Set<Risk>,
): JudgedAnswer {
  const level = levels[answer.question];
  const shown = level === undefined || level === "off" ? answer.level : level;
  const findings = found.map((finding): JudgedFinding => {
    const matching = risks.filter((one) => accepts(one, answer.question, finding));
    for (const one of matching) used.add(one);
    const risk = matching.find(({ isExpired }) => !isExpired);
    return {
      ...finding,
      file: files[finding.role] ?? finding.role,
      curl: finding.witness === null ? null : curlLine(finding.witness),
      fingerprint: fingerprintOf(answer.question, finding),
      accepted: risk === undefined ? null : { reason: risk.reason, expires: risk.expires },
    };
  });
  // Findings beyond the cap are not known, so nobody can have accepted them.
  const isAccepted = answer.status === "refuted" && answer.findingsHidden === 0 &&
    findings.length > 0 && findings.every(({ accepted }) => accepted !== null);
  return {
    ...answer,
    level: shown,
    status: isAccepted ? "accepted" : answer.status,
    findings,
    decides: shown === "error" || (isStrict && shown === "warning"),
  };
}

function accepts({ question, match }: Risk, asked: string, finding: Finding): boolean {
  if (question !== asked) return false;
  const { witness } = finding;
  const actual: RiskMatch = {
    rule: finding.rule,
    endpoint: finding.endpoint,
    host: witness?.target.host ?? null,
    port: witness?.target.port ?? null,
    binary: witness?.caller.binary ?? null,
    method: witness?.method ?? null,
    path: witness?.path ?? null,
  };
  return Object.entries(match).every(([key, value]) =>
    value === null || value === actual[key as keyof RiskMatch]
  );
}

function noticeOf(risk: Risk, used: ReadonlySet<Risk>): readonly RiskNotice[] {
  if (!used.has(risk)) {
    const message = `The accepted risk about ${risk.question} matches no finding: remove it`;
    return [{ kind: "unused", risk, message }];
  }
  if (!risk.isExpired) return [];
  const message = `The accepted risk about ${risk.question} ended with ${risk.expires}: ` +
    "what it matches counts again";
  return [{ kind: "expired", risk, message }];
}
