/**
 * What stops a proof: input without a meaning, and engines that contradict one another.
 *
 * A refuted question is data, never one of these.
 *
 * @module
 */

import { CodedError } from "../proto/errors.ts";

/** A policy that did not validate cannot be asked about. */
export class UnprovablePolicyError extends CodedError {
  override readonly name = "UnprovablePolicyError";
  override readonly code = "invalid_argument";

  constructor(readonly role: string, options?: ErrorOptions) {
    super(`Cannot prove "${role}": the document has errors, should be a valid policy`, {
      ...options,
      hint: "Run `openshell policy check` on it and mend what it reports",
    });
  }
}

/** The evaluator decides a counterexample otherwise than the exact engine foretold. */
export class ReplayMismatchError extends CodedError {
  override readonly name = "ReplayMismatchError";
  override readonly code = "internal";

  constructor(
    readonly question: string,
    readonly foretold: string,
    readonly decided: string,
    options?: ErrorOptions,
  ) {
    super(`Cannot trust question "${question}": foretold ${foretold}, evaluator says ${decided}`, {
      ...options,
      hint: "This is a defect of the prover; please report it with the policy",
    });
  }
}

/** The two engines answer one question differently. */
export class EngineDisagreementError extends CodedError {
  override readonly name = "EngineDisagreementError";
  override readonly code = "internal";

  constructor(
    readonly question: string,
    readonly exact: string,
    readonly solver: string,
    options?: ErrorOptions,
  ) {
    super(`Cannot trust question "${question}": the exact engine says ${exact}, z3 ${solver}`, {
      ...options,
      hint: "This is a defect of the prover; please report it with the policy",
    });
  }
}

/** A claim names a credential that no provider has. */
export class UnknownCredentialError extends CodedError {
  override readonly name = "UnknownCredentialError";
  override readonly code = "invalid_argument";

  constructor(readonly claim: string, readonly credential: string, options?: ErrorOptions) {
    super(`Cannot judge claim "${claim}": credential "${credential}" is not among the providers`, {
      ...options,
      hint: "Give the providers, or mend the name",
    });
  }
}
