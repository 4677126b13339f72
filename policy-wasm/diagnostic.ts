/**
 * What is wrong with a policy, where, and what to write instead.
 *
 * @module
 */

export type Severity = "error" | "warning";

/** One finding about a policy document. Lines and columns count from 1, columns in characters. */
export interface Diagnostic {
  readonly severity: Severity;
  /** Stable code in snake case; `architecture/diagnostics.md` lists all. */
  readonly code: string;
  /** One sentence without a full stop: what is there, what should be. */
  readonly message: string;
  /** Place in the document, as in `network_policies.github.endpoints[0].host`; "" for the whole. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  /** What to write instead, or `null` where no single answer exists. */
  readonly fix: string | null;
}

/** A place in the source text, as {@link Diagnostic} counts. */
export interface Range {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}
