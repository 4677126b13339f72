/**
 * Looks for a request that breaks a claim.
 *
 * @module
 */

import { deciderOf, firstBit } from "../exact/witness.ts";
import { passing, type Verdict } from "../exact/verdict.ts";
import { BestFindings, type RawFinding, requestRuleOf, show } from "../questions/visitor.ts";
import type { VisitContext, Visitor } from "../questions/visitor.ts";
import type { MethodMask } from "../space/method_atoms.ts";
import type { Cell } from "../space/space.ts";
import type { Claim } from "./claim.ts";

/** Which regions of the space a claim is about. */
export interface ClaimRegions {
  /** Index of the claim's own region. */
  readonly own: number;
  /** Indexes of the regions of its credential; `null` where it names none. */
  readonly credential: ReadonlySet<number> | null;
}

/** Finds what passes and never should, or what should always and does not. */
export class ClaimVisitor implements Visitor {
  readonly question: string;
  readonly #claim: Claim;
  readonly #regions: ClaimRegions;
  readonly #context: VisitContext;
  readonly #found = new BestFindings();

  constructor(claim: Claim, regions: ClaimRegions, context: VisitContext) {
    this.question = `claim:${claim.key}`;
    this.#claim = claim;
    this.#regions = regions;
    this.#context = context;
  }

  visit(cell: Cell, verdicts: readonly Verdict[]): void {
    const verdict = verdicts[0]!;
    const mask = this.bad(cell, verdict);
    if (mask === 0) return;
    const bit = firstBit(mask);
    const { member, applied } = deciderOf(cell, verdict, 0, bit);
    const { witness, foretold } = show(cell, mask, { verdicts, context: this.#context });
    const { host, port } = witness.target;
    const { key, kind } = this.#claim;
    const what = kind === "never" ? "passes, and never should" : "does not pass, and always should";
    this.#found.add(`${member?.id} ${applied?.rule.id}`, {
      message: `${witness.method} to ${host}:${port} ${what} (claim ${key})`,
      role: "policy",
      rule: member?.rule.key ?? null,
      endpoint: member?.index ?? null,
      requestRule: requestRuleOf(applied?.rule ?? null),
      witness,
      foretold,
    });
  }

  /** Methods of a cell that break the claim. */
  bad({ regions, content, path }: Cell, verdict: Verdict): MethodMask {
    const { own, credential } = this.#regions;
    if (!regions.includes(own)) return 0;
    if (credential !== null && !regions.some((index) => credential.has(index))) return 0;
    const mask = this.#context.methods.ofRegion(this.#claim.region);
    if (this.#claim.kind === "never") return mask & passing(verdict);
    const isPlain = content.query.length === 0 && content.graphql === null && content.rpc === null;
    if (!isPlain || path.hasEncodedSlash) return 0;
    return mask & ~passing(verdict);
  }

  finish(): readonly RawFinding[] {
    return this.#found.list();
  }
}
