/**
 * Finds the word that a person probably meant.
 *
 * @module
 */

/**
 * Returns the candidate that a slip or two away makes the word, or `null` when none is near.
 *
 * The shorter a word, the more words are near to it by chance, so the less may be wrong with it.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > WORD_LENGTH_MAX) return null;
  const plain = simplify(word);
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const distance = slips(plain, simplify(candidate));
    if (distance < bestDistance && isSlip(plain, simplify(candidate), distance)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Returns the word of a policy that was probably meant, or `null`.
 *
 * Whoever takes a suggestion trusts it. So none is towards a word that takes checks away, and
 * words that other systems use are answered from a table or not at all.
 */
export function suggest(word: string, candidates: Iterable<string>): string | null {
  const harmless = [...candidates].filter((candidate) => !PERMISSIVE.has(candidate));
  const known = KNOWN.get(word.toLowerCase());
  if (known === undefined) return nearest(word, harmless);
  return known !== null && harmless.includes(known) ? known : null;
}

/** Words that allow more, or inspect less, than any other in their place. */
const PERMISSIVE: ReadonlySet<string> = new Set(["tcp", "*", "full", "skip", "audit"]);

/** What words of other systems are called here; `null` where only the author can know. */
const KNOWN: ReadonlyMap<string, string | null> = new Map([
  ["http", "rest"],
  ["https", "rest"],
  ["operation", "operation_type"],
  ["all", null],
  ["any", null],
]);

const WORD_LENGTH_MAX = 64;

/** Spellings of one word in different conventions are alike. */
function simplify(word: string): string {
  return word.replace(/[a-z](?=[A-Z])/g, "$&_").toLowerCase().replaceAll(/[-\s]/g, "_");
}

/** Tells whether so many slips are what a person makes in such a word. */
function isSlip(word: string, candidate: string, distance: number): boolean {
  const length = Math.min(word.length, candidate.length);
  const sameStart = word[0] === candidate[0];
  if (length <= 4) return distance <= 1 && (sameStart || !isReplacement(word, candidate));
  if (length <= 7) return distance <= 1 || (distance === 2 && sameStart);
  return distance <= 2;
}

/** Tells whether one letter that is another one is all that differs. */
function isReplacement(a: string, b: string): boolean {
  return a.length === b.length && [...a].filter((letter, i) => letter !== b[i]).length === 1;
}

/** Counts insertions, deletions, replacements and swaps of neighbours (Damerau-Levenshtein). */
function slips(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, replaced);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
