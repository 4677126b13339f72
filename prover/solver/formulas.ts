/**
 * What the second engine is asked, in its own words: each formula can be satisfied exactly when
 * some request refutes the question.
 *
 * @module
 */

import type { Claim } from "../claims/claim.ts";
import { and, not, or, type Term } from "./term.ts";
import type { Encoding } from "./encoding.ts";

/** Returns the formula of a question over an encoded space. */
export type Formula = (encoding: Encoding) => Term;

/** What passes one side and not the other, or not at every address. */
export function beyond(passes: number, stops: number): Formula {
  return (encoding) => {
    const wide = encoding.side(passes);
    const narrow = encoding.side(stops);
    return or(
      and(wide.passes, not(narrow.passes)),
      and(wide.isOpaque, not(narrow.isOpaque)),
      and(wide.passes, encoding.isDialledBeyond({ passes, stops })),
    );
  };
}

/** What passes exactly one of the two. */
export function changed(encoding: Encoding): Term {
  return or(beyond(0, 1)(encoding), beyond(1, 0)(encoding));
}

export function writeBypass(encoding: Encoding): Term {
  const { isOpaque, isAudited } = encoding.side(0);
  return and(encoding.writes, or(and(isOpaque, encoding.isInspectedHost), isAudited));
}

export function uninspectedCredentials(credentials: ReadonlySet<number>): Formula {
  return (encoding) => and(encoding.side(0).isOpaque, encoding.inSome(credentials));
}

export function exfiltration(trusted: ReadonlySet<number>): Formula {
  return (encoding) => {
    const { isOpaque, passes } = encoding.side(0);
    return and(passes, or(isOpaque, encoding.writes), not(encoding.placeInSome(trusted)));
  };
}

export function readCarriesData(trusted: ReadonlySet<number>): Formula {
  return (encoding) => {
    const { isOpaque, passes } = encoding.side(0);
    return and(passes, not(isOpaque), not(encoding.writes), not(encoding.placeInSome(trusted)));
  };
}

/** What breaks a claim. */
export function claim(
  { kind, region }: Claim,
  { own, credential }: { readonly own: number; readonly credential: ReadonlySet<number> | null },
): Formula {
  return (encoding) => {
    const { passes } = encoding.side(0);
    return and(
      encoding.inSome(new Set([own])),
      ...(credential === null ? [] : [encoding.inSome(credential)]),
      ...(region.methods === null ? [] : [encoding.methodIn(region.methods)]),
      ...(kind === "never" ? [passes] : [not(passes), encoding.isPlain]),
    );
  };
}
