/**
 * What the second engine has to offer.
 *
 * @module
 */

/** Answers whether a script of the SMT-LIB language, without its `check-sat`, can be satisfied. */
export interface SolverPort {
  /** Name and version, for the report. */
  readonly name: string;
  /** `unknown` when the solver gave up within the time. */
  check(script: string, timeoutMs: number): Promise<"sat" | "unsat" | "unknown">;
  /** Lets go of what it holds. */
  close?(): void;
}
