/**
 * Containment of one pattern in another, against all short texts as the reference matches them.
 *
 * Prover and evaluator share the automata of patterns; the reference matches by backtracking over
 * the pattern's own text, so a mistake of the automata shows here.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import fc from "fast-check";
import { canonicalPath } from "../../../policy-wasm/canonical/path.ts";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import { parseGlob } from "../../../policy-wasm/glob/glob.ts";
import type { Policy } from "../../../policy-wasm/policy.ts";
import { matchesGlob, matchesHost } from "../../../policy-wasm/reference_glob.ts";
import { unwritten } from "../../../prover/fixtures.ts";
import { prove } from "../../../prover/prove.ts";
import type { Witness } from "../../../prover/report.ts";
import { TEST_SEED } from "../../test_seed.ts";

const PAIRS = Number(Deno.env.get("OPENSHELL_BRUTE_FORCE") ?? 250);

const TOKENS = [
  ..."a b / / * ** ? [ab] [!a] [^b] {a,b} {a/b,b} {ab,a*} \\* [a-c] . **/ /**".split(" "),
];

const path = fc.array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 5 })
  .map((tokens) => `/${tokens.join("")}`)
  .filter((pattern) => parseGlob(pattern, "path").ok && matchesSomething(pattern));

const LABELS = ["a", "b", "*", "a*", "*b", "**"];

const host = fc.tuple(
  fc.constantFrom(...LABELS),
  fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 2 }),
).map(([first, more]) => [first, ...more, "x", "com"].join("."));

/** All texts of up to five characters that are canonical paths. */
const PATHS = textsOf("ab/.c*", 4).map((rest) => `/${rest}`).filter((text) => {
  const form = canonicalPath(text, { allowEncodedSlash: false });
  return form.ok && form.path === text;
});

const EXECUTABLES = PATHS.filter((text) => !/\/$|\/\/|\/\.\.?(?:\/|$)/.test(text));

const HOSTS = ["x.com", ...labelsOf(3).map((labels) => `${labels}.x.com`)];

function textsOf(alphabet: string, length: number): readonly string[] {
  if (length === 0) return [""];
  const shorter = textsOf(alphabet, length - 1);
  const longest = shorter.filter((text) => text.length === length - 1);
  return [...shorter, ...longest.flatMap((text) => [...alphabet].map((last) => text + last))];
}

function labelsOf(count: number): readonly string[] {
  const labels = ["a", "b", "ab", "c"];
  if (count === 1) return labels;
  const fewer = labelsOf(count - 1);
  return [...fewer, ...fewer.flatMap((rest) => labels.map((label) => `${label}.${rest}`))];
}

function matchesSomething(pattern: string): boolean {
  return PATHS.some((text) => matchesGlob(pattern, text, "path"));
}

interface Kind {
  readonly name: string;
  readonly pattern: fc.Arbitrary<string>;
  readonly texts: readonly string[];
  readonly matches: (pattern: string, text: string) => boolean;
  readonly policyOf: (pattern: string) => Policy;
  readonly textOf: (witness: Witness) => string;
}

function matchesPath(pattern: string, text: string): boolean {
  return matchesGlob(pattern, text, "path");
}

const KINDS: readonly Kind[] = [
  {
    name: "rule path",
    pattern: path,
    texts: PATHS,
    matches: matchesPath,
    policyOf: (pattern) =>
      policyOf(ruleOf({ endpoints: [endpointOf({ allow: [httpRuleOf({ path: pattern })] })] })),
    textOf: (witness) => witness.path,
  },
  {
    name: "path scope",
    pattern: path,
    texts: PATHS,
    matches: matchesPath,
    policyOf: (pattern) => policyOf(ruleOf({ endpoints: [endpointOf({ path: pattern })] })),
    textOf: (witness) => witness.path,
  },
  {
    name: "binary",
    pattern: path.filter((pattern) => pattern.includes("*")),
    texts: EXECUTABLES,
    matches: matchesPath,
    policyOf: (pattern) => policyOf(ruleOf({ binaries: [{ path: pattern, descendants: false }] })),
    textOf: (witness) => witness.caller.binary,
  },
  {
    name: "host",
    pattern: host,
    texts: HOSTS,
    matches: matchesHost,
    policyOf: (pattern) => policyOf(ruleOf({ endpoints: [endpointOf({ host: pattern })] })),
    textOf: (witness) => witness.target.host,
  },
];

for (const kind of KINDS) {
  Deno.test(`containment of one ${kind.name} in another is that of the texts they match`, async () => {
    const counts = { proved: 0, refuted: 0 };
    await fc.assert(
      fc.asyncProperty(kind.pattern, kind.pattern, async (inner, outer) => {
        const report = await prove({
          policy: unwritten(kind.policyOf(inner)),
          ceiling: unwritten(kind.policyOf(outer)),
        });
        const answer = report.answers.find(({ question }) => question === "within_ceiling")!;
        const isBeyond = (text: string) => kind.matches(inner, text) && !kind.matches(outer, text);
        const found = kind.texts.find(isBeyond);
        if (answer.status === "proved") {
          assert.equal(found, undefined);
          counts.proved++;
          return;
        }
        assert.equal(answer.status, "refuted", answer.reason ?? "");
        counts.refuted++;
        assert.ok(isBeyond(kind.textOf(answer.findings[0]!.witness!)), "the witness is no proof");
      }),
      { seed: TEST_SEED | 0, numRuns: PAIRS },
    );
    console.log(`seed ${TEST_SEED}, ${kind.name}:`, counts);
    assert.ok(counts.proved > 0 && counts.refuted > 0, JSON.stringify(counts));
  });
}
