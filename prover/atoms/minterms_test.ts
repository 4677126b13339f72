/**
 * Atoms: complete, disjoint, each with a witness that really belongs to it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type GlobUse, parseGlob } from "../../policy-wasm/glob/glob.ts";
import { matchesGlob } from "../../policy-wasm/reference_glob.ts";
import { executablePaths, type Language, requestPaths, tagOf, texts } from "./language.ts";
import { Budget, BudgetSpent, DEFAULT_CAPS } from "./limits.ts";
import { splitIntoAtoms } from "./minterms.ts";
import { closeUnderUnion } from "./unions.ts";

function globsOf(patterns: readonly string[], use: GlobUse) {
  return patterns.map((pattern) => {
    const parsed = parseGlob(pattern, use);
    assert.ok(parsed.ok);
    return parsed.glob;
  });
}

function budget(change: Partial<typeof DEFAULT_CAPS> = {}): Budget {
  return new Budget({ ...DEFAULT_CAPS, ...change }, 10_000, () => 0);
}

function split(patterns: readonly string[], use: GlobUse, language: Language) {
  return splitIntoAtoms(globsOf(patterns, use), language, { budget: budget() });
}

Deno.test.each<{ patterns: string[]; language: Language; want: Record<string, string> }>([
  { patterns: [], language: requestPaths(false), want: { "": "/" } },
  { patterns: ["**"], language: requestPaths(false), want: { "0": "/" } },
  {
    patterns: ["/a/**", "/a/b"],
    language: requestPaths(false),
    want: { "": "/", "0": "/a/", "0 1": "/a/b" },
  },
  // No canonical path has an empty segment, so the first pattern has no atom.
  { patterns: ["/a//b", "/**"], language: requestPaths(false), want: { "1": "/" } },
  { patterns: ["/[!a-z]"], language: requestPaths(false), want: { "": "/", "0": "/0" } },
  { patterns: ["/a%2Fb"], language: requestPaths(false), want: { "": "/" } },
  {
    patterns: ["/usr/bin/*"],
    language: executablePaths(),
    want: { "": "/a", "0": "/usr/bin/a" },
  },
])("splitIntoAtoms() of $patterns", ({ patterns, language, want }) => {
  const atoms = split(patterns, "path", language);
  const got = Object.fromEntries(atoms.map((atom) => [atom.patterns.join(" "), atom.witness]));
  assert.deepEqual(got, want);
});

Deno.test("splitIntoAtoms() of text finds values beyond ASCII where nothing else is left", () => {
  const atoms = split(["[! -~]"], "text", texts());
  assert.ok(atoms.every(({ witness }) => witness === witness.toWellFormed()));
  assert.equal(atoms.length, 2);
});

Deno.test("splitIntoAtoms() has an atom for every value, and the witness is in it", () => {
  const patterns = ["/a/**", "/*/b", "/a/*/c", "/{x,a}/?", "/**/d"];
  const language = requestPaths(false);
  const atoms = split(patterns, "path", language);
  const patternsOf = (value: string) =>
    patterns.flatMap((pattern, index) => matchesGlob(pattern, value, "path") ? [index] : []).join();
  const known = new Set(atoms.map((atom) => atom.patterns.join()));
  for (const atom of atoms) assert.equal(patternsOf(atom.witness), atom.patterns.join());
  const segments = ["a", "b", "c", "d", "x", "yy"];
  let values = ["/"];
  for (let depth = 0; depth < 3; depth++) {
    for (const value of values) {
      assert.ok(known.has(patternsOf(value)), value);
      assert.ok(tagOf(language, value) !== 0);
    }
    values = values.flatMap((value) =>
      segments.map((s) => value === "/" ? `/${s}` : `${value}/${s}`)
    );
  }
});

Deno.test.each([
  { name: "steps", caps: { steps: 10 } },
  { name: "atoms", caps: { atoms: 1 } },
])("splitIntoAtoms() stops at the bound of $name", ({ caps }) => {
  const globs = globsOf(["/a", "/b", "/c"], "path");
  assert.throws(
    () => splitIntoAtoms(globs, requestPaths(false), { budget: budget(caps) }),
    (thrown) => thrown instanceof BudgetSpent && thrown.reason.startsWith("More than"),
  );
});

Deno.test("splitIntoAtoms() stops when the time is over", () => {
  let now = 0;
  const late = new Budget(DEFAULT_CAPS, 10, () => now++ * 6);
  assert.throws(
    () => splitIntoAtoms(globsOf(["/a"], "path"), requestPaths(false), { budget: late }),
    (thrown) => thrown instanceof BudgetSpent && thrown.reason === "More than 10 ms",
  );
});

Deno.test("closeUnderUnion() finds the pair that no single member gives", () => {
  const singles = [
    { every: [0, 2], some: [], members: ["a"] },
    { every: [1, 2], some: [], members: ["b"] },
  ];
  const got = closeUnderUnion(singles, budget()).map(({ every, members }) => ({ every, members }));
  assert.deepEqual(got.at(-1), { every: [2], members: ["a", "b"] });
  assert.equal(got.length, 3);
});

Deno.test("closeUnderUnion() stops at the bound", () => {
  const singles = Array.from({ length: 8 }, (_, at) => ({ every: [], some: [at], members: [at] }));
  assert.throws(
    () => closeUnderUnion(singles, budget({ atoms: 20 })),
    (t) => t instanceof BudgetSpent,
  );
});
