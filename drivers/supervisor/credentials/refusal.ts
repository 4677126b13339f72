/**
 * Why a request may not go on with the credentials that it asks for.
 *
 * @module
 */

import type { CredentialProblem } from "./credential_set.ts";

export type InjectionProblem =
  | CredentialProblem
  | "foreign_credential"
  | "credential_misplaced"
  | "request_too_large";

export interface Refused {
  readonly kind: "refused";
  readonly problem: InjectionProblem;
  /** One sentence for a person, without what the sandbox sent. */
  readonly detail: string;
  readonly key: string | null;
}

const DETAILS: Readonly<Record<InjectionProblem, string>> = {
  credential_unknown:
    "The request holds a placeholder of a credential that is not there, or no more",
  credential_expired: "The credential has expired",
  credential_invalid: "The credential has a value that cannot be sent",
  credential_endpoint_mismatch: "The credential does not belong to this host, port and path",
  credential_misplaced: "The request holds a placeholder where none is replaced",
  foreign_credential: "The request brings a credential of its own to a place that has one of ours",
  request_too_large: "The request would be too large with the values of its placeholders",
};

/** Ends the work on a request: it is refused. Never leaves this folder. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(readonly problem: InjectionProblem, readonly key: string | null) {
    super(DETAILS[problem]);
  }
}

/** Returns a refusal as data. */
export function refused(
  problem: InjectionProblem,
  { key = null, detail = DETAILS[problem] }: {
    readonly key?: string | null;
    readonly detail?: string;
  } = {},
): Refused {
  return { kind: "refused", problem, detail, key };
}

/** Runs work that a {@link Refusal} may end. */
export function orRefused<Result>(work: () => Result): Result | Refused {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return refused(error.problem, { key: error.key });
    throw error;
  }
}
