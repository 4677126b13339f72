/**
 * What the exact engine found out about each rule, as formulas for the second engine to check.
 *
 * A fact that holds comes with the choice that shows it, and the formula has to hold there. All
 * facts that do not hold become one formula, which must not be satisfiable.
 *
 * @module
 */

import type { Member, MemberRule } from "../space/member.ts";
import type { SideTerms } from "./side_encoder.ts";
import { and, FALSE, not, or, type Term } from "./term.ts";

/** What can be true of a rule, or of an endpoint without rules. */
export const FACT_NAMES = ["matches", "opens", "decides", "isNeeded"] as const;

export type FactName = typeof FACT_NAMES[number];

/** One fact about a rule or an endpoint. */
export interface Fact {
  readonly subject: MemberRule | Member;
  readonly name: FactName;
  /** Where it holds, `null` where it never does. */
  readonly shownBy: { readonly cell: number; readonly method: number } | null;
}

/** Returns the formula that can be satisfied exactly when the fact holds. */
export function termOf({ subject, name }: Pick<Fact, "subject" | "name">, terms: SideTerms): Term {
  if (!("member" in subject)) return ofEndpoint(subject, name, terms);
  const speaks = terms.speaks(subject);
  if (subject.isDeny) {
    const elsewhere = terms.speaksElsewhere(subject);
    if (name === "matches") return or(speaks, elsewhere);
    if (name !== "decides") return FALSE;
    return or(and(speaks, terms.granted), and(elsewhere, or(terms.granted, terms.isLenient)));
  }
  if (name === "matches") return speaks;
  const opens = and(speaks, not(terms.isDenied));
  if (name === "opens") return opens;
  const others = terms.companions(subject.member).flatMap(({ rules }) => rules)
    .filter(({ isDeny, id }) =>
      !isDeny && (name === "decides" ? id < subject.id : id !== subject.id)
    );
  return and(opens, not(terms.isUnruled), not(or(...others.map(terms.speaks))));
}

function ofEndpoint(member: Member, name: FactName, terms: SideTerms): Term {
  const reached = and(terms.isOpaque, terms.admits(member));
  if (name === "matches" || name === "opens") return reached;
  const others = terms.neighbours(member).filter(({ id }) => name !== "decides" || id < member.id);
  return and(reached, not(or(...others.map(terms.admits))));
}
