/**
 * Sets of host names as patterns: which of them overlap, and which hold one another.
 *
 * A pattern is a list of labels. `*` is any run of characters inside a label; a label `**` is one
 * label or more. Endpoints have it first only, middleware selectors anywhere. Exact hosts and IP
 * literals are patterns without `*`.
 *
 * Pure: no I/O, no module state. Time grows with the product of the two lengths.
 *
 * @module
 */

/** Tells whether some host matches both patterns. */
export function hostPatternsIntersect(a: string, b: string): boolean {
  if (!a.includes("*") && !b.includes("*")) return a === b;
  if (!literalEndsMeet(a, b)) return false;
  return align(elementsOf(a), elementsOf(b), LABELS_MEET);
}

/** Returns the steps that a comparison takes, alignments of single characters included. */
export function hostComparisonSteps(a: string, b: string): number {
  const isQuick = (!a.includes("*") && !b.includes("*")) || !literalEndsMeet(a, b);
  return isQuick ? 0 : a.length * b.length;
}

/** What stands before the first and behind the last `*` of both has to go together. */
function literalEndsMeet(a: string, b: string): boolean {
  const [aStart, bStart] = [a.split("*", 1)[0]!, b.split("*", 1)[0]!];
  if (!aStart.startsWith(bStart) && !bStart.startsWith(aStart)) return false;
  const aEnd = a.slice(a.lastIndexOf("*") + 1);
  const bEnd = b.slice(b.lastIndexOf("*") + 1);
  return aEnd.endsWith(bEnd) || bEnd.endsWith(aEnd);
}

/** Tells whether every host of the inner pattern matches the outer one. May miss rare cases. */
export function hostPatternCovers(outer: string, inner: string): boolean {
  if (!outer.includes("*")) return outer === inner;
  return align(elementsOf(outer), elementsOf(inner), LABELS_COVER);
}

/** Stands for any number of labels, none included. */
const LABELS = "**";

/** How two sequences are laid beside each other. */
interface Alignment {
  /** Elements that stand for any number of elements. */
  readonly loop: string;
  /** Elements of `b` may be such loops too; otherwise only a loop of `a` takes them. */
  readonly bothWays: boolean;
  /** Tells whether two single elements go together. */
  readonly meets: (a: string, b: string) => boolean;
}

const CHARACTERS_MEET: Alignment = { loop: "*", bothWays: true, meets: (a, b) => a === b };
const CHARACTERS_COVER: Alignment = { loop: "*", bothWays: false, meets: (a, b) => a === b };

const LABELS_MEET: Alignment = {
  loop: LABELS,
  bothWays: true,
  meets: (a, b) => labelsMeet(a, b, CHARACTERS_MEET),
};

const LABELS_COVER: Alignment = {
  loop: LABELS,
  bothWays: false,
  meets: (a, b) => labelsMeet(a, b, CHARACTERS_COVER),
};

/** Writes "one label or more" as one label and any number of labels. */
function elementsOf(pattern: string): string[] {
  return pattern.split(".").flatMap((label) => label === LABELS ? ["*", LABELS] : [label]);
}

function labelsMeet(a: string, b: string, alignment: Alignment): boolean {
  if (a === "*" || a === b) return true;
  if (!a.includes("*") && !b.includes("*")) return false;
  return align([...a], [...b], alignment);
}

/** `row[j]` tells whether the rest of `a` and the rest of `b` from `j` on go together. */
function align(a: readonly string[], b: readonly string[], alignment: Alignment): boolean {
  const { loop, bothWays, meets } = alignment;
  let below = new Array<boolean>(b.length + 1).fill(false);
  for (let i = a.length; i >= 0; i--) {
    const row = new Array<boolean>(b.length + 1).fill(false);
    for (let j = b.length; j >= 0; j--) {
      if (i === a.length && j === b.length) {
        row[j] = true;
      } else if (i < a.length && a[i] === loop) {
        row[j] = below[j]! || (j < b.length && row[j + 1]!);
      } else if (bothWays && j < b.length && b[j] === loop) {
        row[j] = row[j + 1]! || (i < a.length && below[j]!);
      } else if (i < a.length && j < b.length && b[j] !== loop) {
        row[j] = below[j + 1]! && meets(a[i]!, b[j]!);
      }
    }
    below = row;
  }
  return below[0]!;
}
