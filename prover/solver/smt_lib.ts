/**
 * Formulas as SMT-LIB text: one bit vector for each choice.
 *
 * @module
 */

import type { ChoiceName, Term } from "./term.ts";

/** How much there is to choose from, and what goes together. */
export interface Choices {
  readonly counts: Readonly<Record<ChoiceName, number>>;
  /** Holds for the choices that belong together: a content is on some paths only. */
  readonly isChoice: Term;
}

/** Returns a script that can be satisfied exactly when the term can. It has no `check-sat`. */
export function printScript(term: Term, { counts, isChoice }: Choices): string {
  const names = ["spot", "content", "method"] as const;
  const printer = new Printer({
    spot: widthOf(counts.spot),
    content: widthOf(counts.content),
    method: widthOf(counts.method),
  });
  const together = printer.print(isChoice);
  const text = printer.print(term);
  return [
    "(set-logic QF_BV)",
    ...names.map((name) => `(declare-const ${name} (_ BitVec ${widthOf(counts[name])}))`),
    ...names.map((name) =>
      `(assert (bvult ${name} ${number(counts[name], widthOf(counts[name]))}))`
    ),
    ...printer.definitions,
    `(assert ${together})`,
    `(assert ${text})`,
    "",
  ].join("\n");
}

/** Prints terms; what occurs twice is defined once. */
class Printer {
  readonly definitions: string[] = [];
  readonly #widths: Readonly<Record<ChoiceName, number>>;
  readonly #names = new Map<Term | string, string>();

  constructor(widths: Readonly<Record<ChoiceName, number>>) {
    this.#widths = widths;
  }

  print(term: Term): string {
    switch (term.kind) {
      case "constant":
        return String(term.value);
      case "not":
        return `(not ${this.print(term.term)})`;
      case "choice":
        return this.#choice(term.of, term.values);
      default: {
        const known = this.#names.get(term);
        if (known !== undefined) return known;
        const text = `(${term.kind} ${term.terms.map((inner) => this.print(inner)).join(" ")})`;
        return this.#define(term, text);
      }
    }
  }

  #choice(of: ChoiceName, values: readonly number[]): string {
    const key = `${of} ${values.join()}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const parts = runsOf(values).map(([low, high]) => this.#range(of, low, high));
    return this.#define(key, parts.length === 1 ? parts[0]! : `(or ${parts.join(" ")})`);
  }

  #range(of: ChoiceName, low: number, high: number): string {
    const width = this.#widths[of];
    if (low === high) return `(= ${of} ${number(low, width)})`;
    return `(and (bvuge ${of} ${number(low, width)}) (bvule ${of} ${number(high, width)}))`;
  }

  #define(key: Term | string, text: string): string {
    const name = `p${this.#names.size}`;
    this.#names.set(key, name);
    this.definitions.push(`(define-fun ${name} () Bool ${text})`);
    return name;
  }
}

/** Returns ascending numbers as runs without gaps, first and last. */
function runsOf(values: readonly number[]): readonly (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === value - 1) last[1] = value;
    else runs.push([value, value]);
  }
  return runs;
}

/** Bits for numbers up to and including the count, at least one. */
function widthOf(count: number): number {
  return count.toString(2).length;
}

function number(value: number, width: number): string {
  return `#b${value.toString(2).padStart(width, "0")}`;
}
