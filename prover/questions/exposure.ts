/**
 * What leaves where nobody judges it: writes past inspection, credentials in unread traffic, data
 * to hosts that are not trusted.
 *
 * @module
 */

import { wildPublicSuffix } from "../../policy-wasm/public_suffix.ts";
import { deciderOf, firstBit } from "../exact/witness.ts";
import { passing, type Verdict } from "../exact/verdict.ts";
import type { MethodMask } from "../space/method_atoms.ts";
import type { Cell } from "../space/space.ts";
import type { QuestionId } from "./catalog.ts";
import {
  BestFindings,
  type RawFinding,
  requestRuleOf,
  show,
  type VisitContext,
  type Visitor,
} from "./visitor.ts";

/** What is bad about a cell, and how to say it. */
export interface Exposure {
  readonly question: QuestionId;
  /** Methods of the cell that refute the question. */
  readonly bad: (cell: Cell, verdict: Verdict, context: VisitContext) => MethodMask;
  readonly say: (
    facts: { readonly method: string; readonly place: string; readonly isOpaque: boolean },
  ) => string;
}

/** Finds what one policy should not let pass, one finding for each rule that does. */
export class ExposureVisitor implements Visitor {
  readonly question: QuestionId;
  readonly #exposure: Exposure;
  readonly #context: VisitContext;
  readonly #found = new BestFindings();

  constructor(exposure: Exposure, context: VisitContext) {
    this.question = exposure.question;
    this.#exposure = exposure;
    this.#context = context;
  }

  visit(cell: Cell, verdicts: readonly Verdict[]): void {
    const verdict = verdicts[0]!;
    const mask = this.#exposure.bad(cell, verdict, this.#context) & passing(verdict);
    if (mask === 0) return;
    const { member, applied } = deciderOf(cell, verdict, 0, firstBit(mask));
    const { witness, foretold } = show(cell, mask, { verdicts, context: this.#context });
    const place = `${witness.target.host}:${witness.target.port}`;
    const { isOpaque } = verdict;
    this.#found.add(`${member?.id} ${applied?.rule.id}`, {
      message: this.#exposure.say({ method: witness.method, place, isOpaque }),
      role: "policy",
      rule: member?.rule.key ?? null,
      endpoint: member?.index ?? null,
      requestRule: requestRuleOf(applied?.rule ?? null),
      witness,
      foretold,
    });
  }

  finish(): readonly RawFinding[] {
    return this.#found.list();
  }
}

/** A write that goes to an inspected host unread, or only because audit mode lets it. */
export const WRITE_BYPASS: Exposure = {
  question: "write_bypass",
  bad: ({ connection }, { isOpaque, audited }, { methods }) => {
    if (isOpaque) return connection.place.isInspectedHost ? methods.writes : 0;
    return audited & methods.writes;
  },
  say: ({ method, place, isOpaque }) =>
    isOpaque
      ? `${method} to ${place} passes unread, although other endpoints inspect the host`
      : `${method} to ${place} passes as a violation in audit mode`,
};

/** An endpoint whose wildcard lets in hosts that anybody can register. */
export const PUBLIC_SUFFIX: Exposure = {
  question: "public_suffix_wildcard",
  bad: ({ connection }, verdict, { methods }) => {
    const first = connection.admitted.find(({ side }) => side === 0);
    if (first === undefined || !first.endpoint.host.includes("*")) return 0;
    if (verdict.driver !== null && verdict.driver !== first) return 0;
    return wildPublicSuffix(first.endpoint.host) === null ? 0 : methods.all;
  },
  say: ({ place }) => `${place} is one of the hosts that anybody can register`,
};

/** Returns the exposure of credentials in unread traffic; `credentials` are their regions. */
export function uninspectedCredentials(credentials: ReadonlySet<number>): Exposure {
  return {
    question: "uninspected_credentials",
    bad: ({ regions }, { isOpaque }, { methods }) =>
      isOpaque && regions.some((index) => credentials.has(index)) ? methods.all : 0,
    say: ({ place }) => `${place} takes unread traffic, and a credential is for this host`,
  };
}

/** Returns the exposure of data written to hosts outside the regions of trust. */
export function exfiltration(trusted: ReadonlySet<number>): Exposure {
  return {
    question: "exfiltration",
    bad: ({ connection }, { isOpaque }, { methods }) =>
      connection.place.regions.some((index) => trusted.has(index))
        ? 0
        : isOpaque
        ? methods.all
        : methods.writes,
    say: ({ method, place, isOpaque }) =>
      isOpaque
        ? `Any bytes can be sent to ${place}, which is not a trusted host`
        : `${method} can carry data to ${place}, which is not a trusted host`,
  };
}

/** Returns the exposure of reading requests to hosts outside the regions of trust. */
export function readCarriesData(trusted: ReadonlySet<number>): Exposure {
  return {
    question: "read_carries_data",
    bad: ({ connection }, { isOpaque }, { methods }) =>
      isOpaque || connection.place.regions.some((index) => trusted.has(index))
        ? 0
        : methods.all & ~methods.writes,
    say: ({ method, place }) => `${method} to ${place} can carry data in its path and query`,
  };
}
