/**
 * Answers the jobs that a thread is sent.
 *
 * @module
 */

import { checkPolicy } from "../policy-wasm/check_policy.ts";
import type { Diagnostic } from "../policy-wasm/diagnostic.ts";
import { CodedError } from "../proto/errors.ts";
import { parseClaims } from "./claims/parse_claims.ts";
import type { ProofInput, Subject } from "./input.ts";
import type { ProofDocument, ProofJob, ProofReply } from "./proof_message.ts";
import { prove } from "./prove.ts";
import { parseProviders } from "./registry/parse_providers.ts";

/** What of a worker's global scope is used; the library of types has only the window's. */
export interface ProofScope {
  onmessage: ((event: { readonly data: ProofJob }) => void) | null;
  postMessage(reply: ProofReply): void;
}

/** Findings of one question that are sent back: a person reads the first. */
const FINDINGS_MAX = 3;

/** Answers every job. Nothing is thrown: what fails is an answer as well. */
export function serveProofs(scope: ProofScope): void {
  scope.onmessage = ({ data }) => {
    void replyTo(data).then((reply) => scope.postMessage(reply));
  };
}

/** Returns the answer to one job. */
export async function replyTo({ policy, documents, timeoutMs }: ProofJob): Promise<ProofReply> {
  try {
    const input = readInput(policy, documents);
    const report = await prove(input, {
      engine: "exact",
      timeoutMs,
      caps: { findings: FINDINGS_MAX },
    });
    return { kind: "report", report };
  } catch (error) {
    if (error instanceof InvalidProofDocumentError) {
      return { kind: "invalid", document: error.document, detail: error.detail };
    }
    // Claims that name a credential which no provider has are bad input; all else is a defect.
    if (error instanceof CodedError && error.code === "invalid_argument") {
      return { kind: "invalid", document: "claims", detail: error.message };
    }
    return { kind: "failed", detail: error instanceof Error ? error.message : String(error) };
  }
}

/** A document has errors. */
class InvalidProofDocumentError extends CodedError {
  override readonly name = "InvalidProofDocumentError";
  override readonly code = "invalid_argument";

  constructor(readonly document: string, readonly detail: string) {
    super(`Cannot prove with "${document}": ${detail}`);
  }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function readInput(policy: string, documents: ProofJob["documents"]): ProofInput {
  const input: Mutable<ProofInput> = { policy: readSubject("policy", policy) };
  const { claims, ceiling, floor, providers } = documents;
  if (ceiling !== undefined) input.ceiling = readSubject("ceiling", ceiling);
  if (floor !== undefined) input.floor = readSubject("floor", floor);
  if (claims !== undefined) {
    const parsed = parseClaims(claims);
    input.claims = parsed.claims ?? refuse("claims", parsed.diagnostics);
  }
  if (providers !== undefined) {
    const parsed = parseProviders(providers);
    input.providers = parsed.providers ?? refuse("providers", parsed.diagnostics);
  }
  return input;
}

function readSubject(document: "policy" | ProofDocument, text: string): Subject {
  // A gateway has refused already what people may not write, and asks about what it has added.
  const withLayers = document === "policy";
  const checked = checkPolicy(new TextEncoder().encode(text), { withLayers });
  if (checked.policy === null || checked.image === null) refuse(document, checked.diagnostics);
  return checked;
}

/** Says the first error and where it is. */
function refuse(document: string, diagnostics: readonly Diagnostic[]): never {
  const error = diagnostics.find(({ severity }) => severity === "error");
  const detail = error === undefined ? "it has errors" : `line ${error.line}: ${error.message}`;
  throw new InvalidProofDocumentError(document, detail);
}
