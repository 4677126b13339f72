/**
 * Proves a policy before it is taken, and judges the answers.
 *
 * What the operator asks for decides: claims of level error, the ceiling and the floor. One that is
 * refuted, or that comes to no answer, refuses the policy. Built-in questions of level error are
 * kept as warnings: reaching a service of the machine itself may be what a policy is for.
 *
 * Where the operator asks for nothing, nothing is proved and a change takes no longer.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { CodedError } from "../../proto/errors.ts";
import { PROOF_GATE_MS_MAX } from "../../proto/proof_limits.ts";
import { curlLine } from "../../prover/curl_line.ts";
import type { ProofJob } from "../../prover/proof_message.ts";
import type { Answer, ProofReport, Witness } from "../../prover/report.ts";
import { canonicalJson } from "./policy_document.ts";
import type { ProofDocuments } from "./proof_documents.ts";

/** What is kept of a proof with its revision. */
export interface StoredProof {
  /** `not_asked`: there was nothing to prove it against. */
  readonly verdict: "proved" | "refuted" | "unknown" | "not_asked";
  /** `null` where none was asked or none answered. */
  readonly engine: "exact" | "both" | null;
  readonly solver: string | null;
  /** `sha256:` and 64 hex digits of what it was proved against, `null` where that was nothing. */
  readonly documents: string | null;
  /** Built-in questions of level error that are not proved. */
  readonly warnings: readonly string[];
  /** It was taken although it is not proved. */
  readonly isForced: boolean;
}

/** A proof, and why it refuses the policy; `null` where it does not. */
export interface ProofOutcome extends Omit<StoredProof, "isForced"> {
  readonly refusal: string | null;
}

/** Proves the text of a policy that was checked. What fails is an outcome as well. */
export type ProvePolicy = (policy: string) => Promise<ProofOutcome>;

/** The policy is not proved to be what the operator asks for. */
export class ProofRefusedError extends CodedError {
  override readonly name = "ProofRefusedError";
  override readonly code = "failed_precondition";

  constructor(refusal: string, hint: string) {
    super(`Cannot take the policy: ${refusal}`, { hint });
  }
}

export interface PolicyProofPorts {
  readonly documents: () => Promise<ProofDocuments>;
  readonly prove: (job: ProofJob) => Promise<ProofReport>;
}

/** Nothing was asked. */
export const NOT_ASKED: ProofOutcome = {
  verdict: "not_asked",
  engine: null,
  solver: null,
  documents: null,
  warnings: [],
  refusal: null,
};

/** Whether a policy is refused where nobody forces it: what is not known to hold does not. */
export function refuses({ verdict }: Pick<ProofOutcome, "verdict">): boolean {
  return verdict !== "proved" && verdict !== "not_asked";
}

/** Returns what is kept of a proof. @throws {ProofRefusedError} */
export function takeOutcome(
  { refusal, ...proof }: ProofOutcome,
  { isForced, hint }: { readonly isForced: boolean; readonly hint: string },
): StoredProof {
  const isRefused = refuses(proof);
  if (isRefused && !isForced) throw new ProofRefusedError(refusal ?? "it is not proved", hint);
  return { ...proof, isForced: isRefused };
}

/** Returns the document with the proof of what would be loaded, where force has overruled that. */
export function withOverruled<T extends { readonly proof: StoredProof | null }>(
  proven: T,
  overruled: ProofOutcome | null,
): T {
  if (overruled === null) return proven;
  return { ...proven, proof: takeOutcome(overruled, { isForced: true, hint: "" }) };
}

/** Returns what proves policies against the documents of the operator. */
export function policyProofs({ documents: read, prove }: PolicyProofPorts): ProvePolicy {
  return async (policy) => {
    let hash: string | null = null;
    try {
      const documents = await read();
      if (Object.keys(documents).length === 0) return NOT_ASKED;
      hash = `sha256:${createHash("sha256").update(canonicalJson(documents)).digest("hex")}`;
      const report = await prove({ policy, documents, timeoutMs: PROOF_GATE_MS_MAX });
      return { ...judgeReport(report), documents: hash };
    } catch (error) {
      // Whatever it is, the policy is not proved.
      const detail = error instanceof CodedError ? error.message : "The prover failed";
      return { ...NOT_ASKED, verdict: "unknown", documents: hash, refusal: detail };
    }
  };
}

/** Judges all answers of a proof. */
export function judgeReport({ engine, solver, answers }: ProofReport): ProofOutcome {
  const isOpen = ({ level, status }: Answer) =>
    level === "error" && (status === "refuted" || status === "unknown");
  const open = answers.filter(isOpen);
  const deciding = open.filter(({ question }) => isOperators(question));
  const refuted = deciding.find(({ status }) => status === "refuted");
  const first = refuted ?? deciding[0];
  return {
    verdict: first === undefined ? "proved" : refuted === undefined ? "unknown" : "refuted",
    engine,
    solver,
    documents: null,
    warnings: open.map(({ question }) => question).filter((question) => !isOperators(question)),
    refusal: first === undefined ? null : describe(first),
  };
}

/** Tells the questions that an operator has asked from those that are built in. */
function isOperators(question: string): boolean {
  return question.startsWith("claim:") || question === "within_ceiling" ||
    question === "above_floor";
}

function describe({ question, status, reason, findings: [finding] }: Answer): string {
  if (status === "unknown") return `${question} came to no answer: ${reason ?? "nobody knows why"}`;
  const parts = [`${question} is refuted: ${finding?.message ?? "there is no example"}`];
  if (finding?.witness != null) {
    const witness = withoutValues(finding.witness);
    const curl = curlLine(witness);
    parts.push(`request: ${requestLine(witness)}`);
    if (curl !== null) parts.push(`try: ${curl}`);
  }
  return parts.join("; ");
}

/** Values of a query may be secrets of whoever wrote the policy, and errors end up in logs. */
function withoutValues(witness: Witness): Witness {
  return { ...witness, query: witness.query.map(([key]) => [key, "***"]) };
}

function requestLine({ caller, target, method, path, query }: Witness): string {
  const search = query.length === 0 ? "" : `?${query.map(([key]) => `${key}=***`).join("&")}`;
  return `${method} ${target.host}:${target.port}${path}${search} by ${caller.binary}`;
}
