/**
 * What goes to the thread of a proof and comes back.
 *
 * @module
 */

import type { ProofReport } from "./report.ts";

/** Documents beside the policy. */
export const PROOF_DOCUMENTS = ["claims", "ceiling", "floor", "providers"] as const;

export type ProofDocument = typeof PROOF_DOCUMENTS[number];

/** One proof, by the exact engine. All documents are texts, YAML or JSON. */
export interface ProofJob {
  readonly policy: string;
  readonly documents: Readonly<Partial<Record<ProofDocument, string>>>;
  /** Beyond it what is not answered is `unknown`, in milliseconds. */
  readonly timeoutMs: number;
}

/** `invalid`: a document has errors, so that there is no question. */
export type ProofReply =
  | { readonly kind: "report"; readonly report: ProofReport }
  | { readonly kind: "invalid"; readonly document: string; readonly detail: string }
  | { readonly kind: "failed"; readonly detail: string };
