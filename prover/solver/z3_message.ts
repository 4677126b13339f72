/**
 * What goes to z3's thread and comes back.
 *
 * @module
 */

/** One script to be asked about, without its `check-sat`. Scripts are answered in order. */
export interface Z3Question {
  readonly script: string;
}

/** The version when z3 has started, then one answer for each question. */
export type Z3Reply =
  | { readonly kind: "ready"; readonly version: string }
  | { readonly kind: "answer"; readonly answer: "sat" | "unsat" | "unknown" }
  | { readonly kind: "failed"; readonly detail: string };
