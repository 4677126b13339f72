/**
 * What came of a policy's proof, as a gateway tells it.
 *
 * @module
 */

import { PROOF_ANNOTATION } from "../proto/annotations.ts";
import { printableLine } from "./printable.ts";

/** As in the annotation, and in JSON as it is. */
export interface PolicyProof {
  readonly verdict: string;
  readonly engine: string | null;
  readonly solver: string | null;
  readonly documents: string | null;
  readonly warnings: readonly string[];
  readonly forced: boolean;
}

/** Returns the proof of a revision, `null` where there is none or it cannot be read. */
export function readProof(
  annotations: Readonly<Record<string, string>> | undefined,
): PolicyProof | null {
  const text = annotations?.[PROOF_ANNOTATION];
  if (text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isProof(value) ? value : null;
  } catch {
    return null;
  }
}

/** One line about it. */
export function proofText({ verdict, engine, documents, warnings, forced }: PolicyProof): string {
  if (verdict === "not_asked") return "not asked";
  return [
    `${verdict}${forced ? ", taken by force" : ""}`,
    ...engine === null ? [] : [`${engine} engine`],
    ...documents === null ? [] : [documents],
    ...warnings.length === 0 ? [] : [`not proved: ${warnings.join(", ")}`],
  ].join("; ");
}

/** What a person who has set the policy is told. */
export function proofLines(proof: PolicyProof | null): string {
  if (proof === null || proof.verdict === "not_asked") return "";
  const { forced, verdict, warnings } = proof;
  const first = forced ? `! Taken by force: ${printableLine(verdict)}\n` : "✓ Proved\n";
  return first +
    warnings.map((question) => `! Not proved: ${printableLine(question)}\n`).join("");
}

function isProof(value: unknown): value is PolicyProof {
  if (typeof value !== "object" || value === null) return false;
  const proof = value as Partial<Record<keyof PolicyProof, unknown>>;
  const isText = (text: unknown) => text === null || typeof text === "string";
  return typeof proof.verdict === "string" && isText(proof.engine) && isText(proof.solver) &&
    isText(proof.documents) && typeof proof.forced === "boolean" &&
    Array.isArray(proof.warnings) && proof.warnings.every((each) => typeof each === "string");
}
