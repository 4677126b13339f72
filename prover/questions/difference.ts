/**
 * Containment and change: what passes one policy and not another.
 *
 * @module
 */

import { deciderOf, firstBit } from "../exact/witness.ts";
import { passing, type Verdict } from "../exact/verdict.ts";
import type { ChangeRow } from "../report.ts";
import type { MethodMask } from "../space/method_atoms.ts";
import type { Cell } from "../space/space.ts";
import { addressBeyond } from "./addresses.ts";
import {
  BestFindings,
  type RawFinding,
  requestRuleOf,
  show,
  type VisitContext,
  type Visitor,
} from "./visitor.ts";

/** The side that lets more pass, and the one that should too. */
interface Sides {
  readonly passes: number;
  readonly stops: number;
}

/** Finds what passes the wide side and not the narrow one. Blames the side `blamed`. */
export class DifferenceVisitor implements Visitor {
  readonly #found = new BestFindings();

  constructor(
    readonly question: string,
    readonly sides: Sides,
    readonly context: VisitContext,
  ) {}

  visit(cell: Cell, verdicts: readonly Verdict[]): void {
    const { passes, stops } = this.sides;
    const mask = beyond(cell, verdicts, this.sides);
    if (mask === 0) return;
    const bit = firstBit(mask);
    const { member, applied } = deciderOf(cell, verdicts[passes]!, passes, bit);
    const key = `${member?.id} ${applied?.rule.id}`;
    const { roles, methods } = this.context;
    // Where the requests differ there is no need to speak of addresses.
    const address = requestsBeyond(verdicts, this.sides) !== 0
      ? null
      : addressBeyond(cell.connection, this.sides);
    const { witness, foretold } = show(cell, mask, {
      verdicts,
      context: this.context,
      side: passes,
      ...(address !== null && { target: address.target }),
    });
    const { host, port } = witness.target;
    const place = `${host}:${port}${address === null ? "" : ` at ${address.address}`}`;
    this.#found.add(key, {
      message: `${methods.first(mask)} to ${place} passes the ${roles[passes]} and not the ` +
        `${roles[stops]}`,
      role: roles[passes]!,
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

/** Methods that pass one side and not the other, or not at every address. */
export function beyond(
  { connection }: Cell,
  verdicts: readonly Verdict[],
  sides: Sides,
): MethodMask {
  const mask = requestsBeyond(verdicts, sides);
  if (mask !== 0) return mask;
  const both = passing(verdicts[sides.passes]!);
  return both !== 0 && addressBeyond(connection, sides) !== null ? both : 0;
}

/** Methods that pass one side and not the other; everything, where nothing is read any more. */
function requestsBeyond(verdicts: readonly Verdict[], { passes, stops }: Sides): MethodMask {
  const wide = verdicts[passes]!;
  const narrow = verdicts[stops]!;
  // Bytes that are no request pass an uninspected connection only.
  if (wide.isOpaque && !narrow.isOpaque) return wide.allowed;
  return passing(wide) & ~passing(narrow);
}

/** Makes the table of changes against a baseline, which is side 1. */
export class ChangeVisitor implements Visitor {
  readonly question = "same_as_baseline";
  readonly #visitors: Readonly<Record<ChangeRow["kind"], DifferenceVisitor>>;
  readonly #rows = new Map<string, { row: ChangeRow; mask: MethodMask }>();

  constructor(readonly context: VisitContext) {
    this.#visitors = {
      opened: new DifferenceVisitor(this.question, { passes: 0, stops: 1 }, context),
      closed: new DifferenceVisitor(this.question, { passes: 1, stops: 0 }, context),
    };
  }

  visit(cell: Cell, verdicts: readonly Verdict[]): void {
    for (const kind of ["opened", "closed"] as const) {
      const visitor = this.#visitors[kind];
      const mask = beyond(cell, verdicts, visitor.sides);
      if (mask === 0) continue;
      visitor.visit(cell, verdicts);
      this.#addRow(kind, cell, { mask, verdicts, side: visitor.sides.passes });
    }
  }

  #addRow(
    kind: ChangeRow["kind"],
    cell: Cell,
    { mask, verdicts, side }: {
      readonly mask: MethodMask;
      readonly verdicts: readonly Verdict[];
      readonly side: number;
    },
  ): void {
    const { methods } = this.context;
    const { member } = deciderOf(cell, verdicts[side]!, side, firstBit(mask));
    const { host, port } = cell.connection.place.targets[0]!;
    const rule = member?.rule.key ?? null;
    const { binary } = cell.connection.caller;
    const key = `${kind} ${host}:${port} ${rule} ${member?.index} ${binary}`;
    const known = this.#rows.get(key);
    if (known !== undefined) {
      known.mask |= mask;
      return;
    }
    const { witness } = show(cell, mask, { verdicts, context: this.context, side });
    const row = { kind, host, port, binary, methods: [], path: witness.path, rule, witness };
    this.#rows.set(key, { row, mask: mask & methods.all });
  }

  finish(): readonly RawFinding[] {
    return [...this.#visitors.opened.finish(), ...this.#visitors.closed.finish()];
  }

  /** Rows in the order of the places. */
  rows(): readonly ChangeRow[] {
    return [...this.#rows.values()].map(({ row, mask }) => ({
      ...row,
      methods: this.context.methods.namesOf(mask),
    }));
  }
}
