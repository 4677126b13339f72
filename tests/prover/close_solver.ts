/**
 * Lets go of a solver where it holds something.
 *
 * @module
 */

import type { SolverPort } from "../../prover/solver/port.ts";

/** Ends its thread, where it has one. */
export function closeSolver(solver: SolverPort & { readonly close?: () => void }): void {
  solver.close?.();
}
