/**
 * How a question looks at the cells of a space, and collects what refutes it.
 *
 * @module
 */

import { firstBit, foretell, witnessCost, witnessOf } from "../exact/witness.ts";
import type { Verdict } from "../exact/verdict.ts";
import type { Foretold, Role, Witness } from "../report.ts";
import type { MemberRule } from "../space/member.ts";
import type { MethodAtoms, MethodMask } from "../space/method_atoms.ts";
import type { Cell } from "../space/space.ts";

/** A reason why a question is refuted, before its place is looked up. */
export interface RawFinding {
  readonly message: string;
  readonly role: Role;
  readonly rule: string | null;
  readonly endpoint: number | null;
  readonly requestRule: { readonly isDeny: boolean; readonly index: number } | null;
  readonly witness: Witness | null;
  readonly foretold: readonly Foretold[];
}

/** Looks at each cell once. `verdicts` has one entry for each policy of the space. */
export interface Visitor {
  readonly question: string;
  visit(cell: Cell, verdicts: readonly Verdict[]): void;
  /** `isWhole` tells whether all cells were seen; without them only what was found counts. */
  finish(isWhole: boolean): readonly RawFinding[];
}

/** What visitors of one space share. */
export interface VisitContext {
  readonly methods: MethodAtoms;
  /** By side of the space. */
  readonly roles: readonly Role[];
}

/** Where a finding belongs. */
export interface Blame {
  readonly role: Role;
  readonly rule: string | null;
  readonly endpoint: number | null;
  readonly requestRule: RawFinding["requestRule"];
}

/** Returns the witness of a cell for the first of some methods, and what is foretold about it. */
export function show(
  cell: Cell,
  mask: MethodMask,
  { verdicts, context, target, side = 0 }: {
    readonly verdicts: readonly Verdict[];
    readonly context: VisitContext;
    readonly target?: Witness["target"];
    /** Whose verdict tells whether the connection is read. */
    readonly side?: number;
  },
): { readonly witness: Witness; readonly foretold: readonly Foretold[] } {
  const bit = firstBit(mask);
  const { methods, roles } = context;
  const options = { methods, verdict: verdicts[side]!, ...(target !== undefined && { target }) };
  return {
    witness: witnessOf(cell, mask, options),
    foretold: verdicts.map((verdict, at) =>
      foretell(cell, verdict, { role: roles[at]!, side: at, bit })
    ),
  };
}

/** Returns the place of a rule in a finding. */
export function requestRuleOf(rule: MemberRule | null): RawFinding["requestRule"] {
  return rule === null ? null : { isDeny: rule.isDeny, index: rule.index };
}

/** Keeps the finding with the best witness for each key. */
export class BestFindings {
  readonly #found = new Map<string, { cost: number; finding: RawFinding }>();

  /** Tells whether a witness of this cost would be kept, so that no other is made. */
  wants(key: string, cost: number): boolean {
    const known = this.#found.get(key);
    return known === undefined || cost < known.cost;
  }

  add(key: string, finding: RawFinding): void {
    const cost = finding.witness === null ? 0 : witnessCost(finding.witness);
    if (this.wants(key, cost)) this.#found.set(key, { cost, finding });
  }

  list(): readonly RawFinding[] {
    return [...this.#found.values()].map(({ finding }) => finding);
  }
}
