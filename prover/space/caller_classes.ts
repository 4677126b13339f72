/**
 * Callers as classes: two callers are alike when the same rules admit them.
 *
 * A caller is its own executable and any set of ancestors, which matter where a binary says
 * `descendants`.
 *
 * @module
 */

import type { Binary } from "../../policy-wasm/policy.ts";
import type { Caller } from "../../policy-wasm/request.ts";
import type { Budget } from "../atoms/limits.ts";
import { type Atom, splitIntoAtoms } from "../atoms/minterms.ts";
import { closeUnderUnion } from "../atoms/unions.ts";
import type { Matcher } from "./matcher.ts";

/** Callers that the same lists of binaries admit, with one of them. */
export interface CallerClass {
  readonly caller: Caller;
  /** Indexes of the lists that admit it, ascending. */
  readonly admitted: readonly number[];
  /** Indexes of the patterns of {@link CallerQuestion.named} that its own executable matches. */
  readonly named: readonly number[];
}

/** What callers are told apart by. */
export interface CallerQuestion {
  /** Binaries of each rule. */
  readonly lists: readonly (readonly Binary[])[];
  /** Further patterns for the caller's own executable. */
  readonly named: readonly string[];
}

/** Executables that people know, where one of them is as good as any. */
const PREFERRED: readonly string[] = ["/usr/bin/curl", "/usr/bin/git", "/usr/bin/app", "/opt/app"];

/**
 * Returns the classes, those without ancestors first.
 *
 * @throws {BudgetSpent}
 */
export function callerClasses(
  { lists, named }: CallerQuestion,
  matcher: Matcher,
  budget: Budget,
): readonly CallerClass[] {
  const paths = [...new Set([...lists.flat().map(({ path }) => path), ...named])];
  const numbers = new Map(paths.map((path, number) => [path, number]));
  const globs = paths.map((path) => matcher.binary(path));
  const language = matcher.language("executable");
  const atoms = splitIntoAtoms(globs, language, { budget, preferred: PREFERRED });
  const admits = (atom: Atom, binaries: readonly Binary[], ancestor: boolean) =>
    binaries.some(({ path, descendants }) =>
      (!ancestor || descendants) && atom.patterns.includes(numbers.get(path)!)
    );
  const indexesOf = (atom: Atom, ancestor: boolean) =>
    lists.flatMap((binaries, index) => admits(atom, binaries, ancestor) ? [index] : []);
  const parents = atoms.map((atom) => ({
    every: [],
    some: indexesOf(atom, true),
    members: [atom.witness],
  })).filter(({ some }) => some.length > 0);
  const families = [
    { some: [], members: [] as string[] },
    ...closeUnderUnion(parents, budget),
  ];
  const found = new Map<string, CallerClass>();
  for (const { some, members } of families) {
    budget.step(atoms.length);
    for (const atom of atoms) {
      const own = indexesOf(atom, false);
      const admitted = some.length === 0
        ? own
        : [...new Set([...own, ...some])].sort((a, b) => a - b);
      const matched = named.flatMap((path, index) =>
        atom.patterns.includes(numbers.get(path)!) ? [index] : []
      );
      const key = `${admitted.join()};${matched.join()}`;
      if (found.has(key)) continue;
      const caller = { binary: atom.witness, ancestors: members };
      found.set(key, { caller, admitted, named: matched });
    }
  }
  return [...found.values()];
}
