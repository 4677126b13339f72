/**
 * From a cell and a set of methods to one request that a person can read, and what to expect of it.
 *
 * @module
 */

import type { Foretold, Role, Witness } from "../report.ts";
import type { Member } from "../space/member.ts";
import type { MethodAtoms, MethodMask } from "../space/method_atoms.ts";
import type { Cell } from "../space/space.ts";
import type { Applied, Verdict } from "./verdict.ts";

/** Returns the request of a cell with the first of these methods. */
export function witnessOf(
  cell: Cell,
  mask: MethodMask,
  { methods, verdict, target }: {
    readonly methods: MethodAtoms;
    readonly verdict: Verdict;
    /** One of the place's targets, the first where it does not matter. */
    readonly target?: Witness["target"];
  },
): Witness {
  const { connection, path, content } = cell;
  return {
    caller: connection.caller,
    target: target ?? connection.place.targets[0]!,
    method: methods.first(mask),
    path: path.text,
    query: content.query,
    graphql: content.graphql,
    rpc: content.rpc,
    isOpaque: verdict.isOpaque,
  };
}

/** The smaller, the better to read. */
export function witnessCost({ caller, path, query, graphql, rpc, target }: Witness): number {
  const parts = caller.ancestors.length + query.length + (graphql === null ? 0 : 1) +
    (rpc === null ? 0 : 1);
  return parts * 16 + path.length + caller.binary.length / 64 + target.host.length / 64;
}

/** Endpoint and rule that decide about one method of a cell. */
export interface Decider {
  readonly member: Member | null;
  /** The allow or deny rule, `null` where none matched. */
  readonly applied: Applied | null;
}

/** Returns who decides, as the policy's order of "first" has it. */
export function deciderOf(cell: Cell, verdict: Verdict, side: number, bit: MethodMask): Decider {
  // Another reading decides only about what passes as it is written.
  const isLiteral = (verdict.literal & bit) === 0;
  const denier = verdict.denies.find(({ mask, reading }) =>
    (mask & bit) !== 0 && (reading === 0) === isLiteral
  );
  if (denier !== undefined) return { member: denier.rule.member, applied: denier };
  if ((verdict.allowed & bit) === 0) return { member: verdict.driver, applied: null };
  if (verdict.isOpaque) {
    const first = cell.connection.admitted.find((member) => member.side === side) ?? null;
    return { member: first, applied: null };
  }
  const allower = verdict.allows.find(({ mask }) => (mask & bit) !== 0) ?? null;
  return { member: allower?.rule.member ?? verdict.driver, applied: allower };
}

/** Returns what the evaluator should decide about one method of a cell. */
export function foretell(
  cell: Cell,
  verdict: Verdict,
  { role, side, bit }: { readonly role: Role; readonly side: number; readonly bit: MethodMask },
): Foretold {
  const audited = (verdict.audited & bit) !== 0;
  const isAllowed = audited || (verdict.allowed & bit) !== 0;
  // What is allowed without a rule is allowed by whichever endpoint comes first.
  const isNamed = isAllowed && (verdict.unruled & bit) === 0;
  const member = isNamed ? deciderOf(cell, verdict, side, bit).member : null;
  return {
    role,
    verdict: isAllowed ? "allow" : "deny",
    audited,
    rule: member?.rule.key ?? null,
    endpoint: member?.index ?? null,
  };
}

/** The lowest bit of a set. */
export function firstBit(mask: MethodMask): MethodMask {
  return mask & -mask;
}
