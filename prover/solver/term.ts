/**
 * Formulas as data: printed as SMT-LIB for a solver, and evaluated here to check a model.
 *
 * @module
 */

/** What is chosen: a connection with a path, the content of a request on it, and its method. */
export type ChoiceName = "spot" | "content" | "method";

/** A Boolean formula over the three choices. */
export type Term =
  | { readonly kind: "constant"; readonly value: boolean }
  /** The choice is one of these, ascending. */
  | { readonly kind: "choice"; readonly of: ChoiceName; readonly values: readonly number[] }
  | { readonly kind: "not"; readonly term: Term }
  | { readonly kind: "and" | "or"; readonly terms: readonly Term[] };

export const TRUE: Term = { kind: "constant", value: true };
export const FALSE: Term = { kind: "constant", value: false };

/** The choice is one of the values. */
export function among(of: ChoiceName, values: Iterable<number>): Term {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  return sorted.length === 0 ? FALSE : { kind: "choice", of, values: sorted };
}

export function not(term: Term): Term {
  if (term.kind === "constant") return term.value ? FALSE : TRUE;
  return term.kind === "not" ? term.term : { kind: "not", term };
}

export function and(...terms: readonly Term[]): Term {
  return join("and", terms, FALSE);
}

export function or(...terms: readonly Term[]): Term {
  return join("or", terms, TRUE);
}

/** `absorbing` decides alone; its opposite does not matter. */
function join(kind: "and" | "or", terms: readonly Term[], absorbing: Term): Term {
  const kept = terms.filter((term) => term.kind !== "constant");
  if (terms.some((term) => term === absorbing)) return absorbing;
  if (kept.length === 0) return absorbing === TRUE ? FALSE : TRUE;
  return kept.length === 1 ? kept[0]! : { kind, terms: kept };
}

/** Tells whether a term holds for one choice. */
export function holds(
  term: Term,
  choice: Readonly<Record<ChoiceName, number>>,
): boolean {
  switch (term.kind) {
    case "constant":
      return term.value;
    case "choice":
      return includes(term.values, choice[term.of]);
    case "not":
      return !holds(term.term, choice);
    case "and":
      return term.terms.every((inner) => holds(inner, choice));
    case "or":
      return term.terms.some((inner) => holds(inner, choice));
  }
}

/** Looks a number up in an ascending list. */
function includes(values: readonly number[], wanted: number): boolean {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return values[low] === wanted;
}
