/**
 * Mutation check of the evaluator: negates and removes each branch of the AssemblyScript, one at a
 * time, and sees whether the comparison with the reference or the bounds check finds it.
 *
 * `deno task mutate [FILE]` prints a line for each branch and exits with 1 when one survives that
 * is not listed as a guard.
 *
 * @module
 */

import { compileEvaluator } from "../../policy-wasm/build.ts";
import { comparePairs } from "../differential/compare.ts";
import { findBrokenBound } from "./bounds.ts";

const FILES = [
  "automaton.ts",
  "caller.ts",
  "conditions.ts",
  "connect.ts",
  "memory.ts",
  "request.ts",
];

/** Pairs that a mutant may survive. */
const PAIRS = 60_000;
const SEED = 20_261_124;

/**
 * Branches that may be taken away without another answer, with the reason. None of them may be
 * negated.
 */
const GUARDS: readonly (readonly [place: string, reason: string])[] = [
  ["caller.ts if (next + 4 > end)", "the host side never fills the input"],
  ["caller.ts if (includes(id, count))", "an id twice changes no answer, only the work"],
  ["caller.ts if (load<u32>(word(PATTERN_IDS_AT, i)) == id)", "as above"],
  ["caller.ts if (count == PATTERN_IDS_MAX)", "held by evaluator_test.ts"],
  ["conditions.ts if (query == 0)", "address 0 reads as no pairs"],
  ["conditions.ts if (operation == 0)", "address 0 reads as an operation of no type"],
  ["conditions.ts if (!isToolCall(rpc) || !hasTool(rpc))", "validation ties tools to tools/call"],
  ["conditions.ts if (command == 0)", "address 0 reads as no command"],
  ["connect.ts if (header(HEADER_SUFFIXES) == 0)", "leaves out work that finds nothing"],
  ["connect.ts if (load<u8>(INPUT_AT + i - 1) != DOT)", "no suffix starts inside a label"],
  ["connect.ts if (saw & OVERFLOW)", "held by evaluator_test.ts"],
  ["connect.ts if (includes(cell, count))", "a cell twice changes no answer, only the work"],
  ["connect.ts if (load<u32>(word(CELLS_AT, i)) == cell)", "as above"],
  ["connect.ts if (count == CELLS_MAX)", "as above"],
  ["memory.ts if (table == 0)", "the header at offset 0 has no key that is asked for"],
  ["memory.ts if (stored == 0)", "an empty slot equals no key; the probe bound ends the walk"],
];

interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly kind: "negated" | "never";
  /** The branch as written. */
  readonly branch: string;
  readonly text: string;
}

/** Returns the source twice for each `if`: with its condition negated, and never met. */
export function mutate(file: string, source: string): Mutant[] {
  const mutants: Mutant[] = [];
  for (const match of source.matchAll(/\bif \(/g)) {
    const open = match.index + 3;
    const close = closingParenthesis(source, open);
    const condition = source.slice(open + 1, close);
    const line = source.slice(0, match.index).split("\n").length;
    const end = source.indexOf("\n", close);
    const branch = source.slice(match.index, end).replaceAll(/\s+/g, " ").replace(/;? ?\{?$/, "");
    for (const kind of ["negated", "never"] as const) {
      const replaced = kind === "negated" ? `!(${condition})` : `false && (${condition})`;
      const text = `${source.slice(0, open)}(${replaced})${source.slice(close + 1)}`;
      mutants.push({ file, line, kind, branch, text });
    }
  }
  return mutants;
}

function closingParenthesis(source: string, open: number): number {
  let depth = 0;
  for (let i = open; i < source.length; i++) {
    if (source[i] === "(") depth++;
    if (source[i] === ")" && --depth === 0) return i;
  }
  return source.length;
}

/** Returns what found the mutant, `null` when nothing did. */
async function findKiller({ file, text }: Mutant): Promise<string | null> {
  const wasm = await compileEvaluator("debug", (name, original) => name === file ? text : original);
  const { disagreement, pairs } = comparePairs(SEED, PAIRS, wasm);
  if (disagreement !== null) return `differential after ${pairs} pairs`;
  return findBrokenBound(wasm);
}

async function main(): Promise<number> {
  const [only] = Deno.args;
  let survivors = 0;
  for (const file of FILES.filter((name) => only === undefined || name === only)) {
    const url = new URL(`../../policy-wasm/assembly/${file}`, import.meta.url);
    for (const mutant of mutate(file, await Deno.readTextFile(url))) {
      const killer = await findKiller(mutant);
      const place = `${mutant.file} ${mutant.branch}`;
      const guard = mutant.kind === "never" && GUARDS.find(([start]) => place.startsWith(start));
      const outcome = killer ?? (guard ? `guard: ${guard[1]}` : "SURVIVED");
      if (outcome === "SURVIVED") survivors++;
      console.log(`${mutant.file}:${mutant.line} ${mutant.kind} ${mutant.branch}: ${outcome}`);
    }
  }
  console.log(`${survivors} survivors`);
  return survivors === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
