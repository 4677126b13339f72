import { strict as assert } from "node:assert";
import { otherReadings } from "../../policy-wasm/path_readings.ts";
import { Matcher } from "../space/matcher.ts";
import { tagOf } from "./language.ts";
import { Budget, BudgetSpent, DEFAULT_CAPS } from "./limits.ts";
import { splitIntoAtoms } from "./minterms.ts";
import { splitByReadings } from "./readings.ts";

const PATTERNS = ["/a/**", "/*", "/a/b", "/a%2Fb", "**"];
const DENIED = ["/a/**", "/a/b", "/b/*/a"];

function split(caps = DEFAULT_CAPS) {
  const matcher = new Matcher();
  const budget = new Budget(caps, 60_000, () => 0);
  const language = matcher.language("slashPath");
  const globs = PATTERNS.map((pattern) => matcher.glob(pattern, "path"));
  const readGlobs = DENIED.map((pattern) => matcher.glob(pattern, "path"));
  const atoms = splitIntoAtoms(globs, language, {
    budget: new Budget(DEFAULT_CAPS, 60_000, () => 0),
    preferred: ["/"],
  });
  const tools = { budget, readGlobs, canDeny: (found: readonly number[]) => found.length > 0 };
  return { matcher, language, atoms, refined: splitByReadings(atoms, { globs, language }, tools) };
}

/** What a path is to the patterns, by the readings that a sandbox judges. */
function keyOf(path: string, matcher: Matcher, tag: number): string {
  const indexes = (list: readonly string[], text: string) =>
    list.flatMap((pattern, at) => matcher.matches(pattern, "path", text) ? [at] : []).join();
  const own = indexes(DENIED, path);
  const request = { method: "GET", path, encodedSlash: path.includes("%2F") };
  const readings = otherReadings(request)
    .map((reading) => ({ list: indexes(DENIED, reading.path), slash: reading.encodedSlash }))
    .filter(({ list }) => list !== "" && list !== own)
    .map(({ list, slash }) => `${slash}:${list}`);
  return `${tag} ${indexes(PATTERNS, path)} ${[...new Set(readings)].join(" ")}`;
}

Deno.test("splitByReadings() has an atom for every path, read as a sandbox reads it", () => {
  const { matcher, language, atoms, refined } = split();
  assert.deepEqual(
    refined.slice(0, atoms.length).map(({ witness }) => witness),
    atoms.map(({ witness }) => witness),
  );
  const known = new Set(
    refined.map(({ patterns, tag, readings }) =>
      `${tag} ${patterns.join()} ${
        readings.map((one) => `${one.hasEncodedSlash}:${one.patterns.join()}`).join(" ")
      }`
    ),
  );
  for (const { witness, tag } of refined) {
    assert.ok(known.has(keyOf(witness, matcher, tag)), `the witness ${witness} is not in its atom`);
  }
  let checked = 0;
  const symbols = ["/", "a", "b", "%2F", "%5C"];
  let paths = ["/"];
  for (let length = 0; length < 5; length++) {
    paths = paths.flatMap((path) => symbols.map((symbol) => path + symbol));
    for (const path of paths) {
      const tag = tagOf(language, path);
      if (tag === 0) continue;
      assert.ok(known.has(keyOf(path, matcher, tag)), path);
      checked++;
    }
  }
  assert.ok(checked > 500, String(checked));
});

Deno.test("splitByReadings() stops at its bounds", () => {
  for (const caps of [{ steps: 10 }, { atoms: 2 }]) {
    assert.throws(() => split({ ...DEFAULT_CAPS, ...caps }), (error) => {
      return error instanceof BudgetSpent;
    });
  }
});
