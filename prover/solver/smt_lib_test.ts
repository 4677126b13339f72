/**
 * Formulas as text: what z3 reads, for a person to review.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Budget, DEFAULT_CAPS } from "../atoms/limits.ts";
import { plainRule, restRule, subjectOf } from "../fixtures.ts";
import { Space } from "../space/space.ts";
import { Encoding } from "./encoding.ts";
import { beyond, writeBypass } from "./formulas.ts";
import { printScript } from "./smt_lib.ts";
import { among, and, FALSE, not, or, TRUE } from "./term.ts";

Deno.test.each([
  { name: "nothing", got: or(), want: FALSE },
  { name: "everything", got: and(), want: TRUE },
  { name: "one term", got: and(among("spot", [1]), TRUE), want: among("spot", [1]) },
  { name: "what decides alone", got: and(among("spot", [1]), FALSE), want: FALSE },
  { name: "what decides alone, of or", got: or(among("spot", [1]), TRUE), want: TRUE },
  { name: "twice not", got: not(not(among("spot", [1]))), want: among("spot", [1]) },
  { name: "no choice", got: among("spot", []), want: FALSE },
])("terms simplify $name", ({ got, want }) => assert.deepEqual(got, want));

function encodingOf(...policies: string[]): Encoding {
  const budget = new Budget(DEFAULT_CAPS, 10_000, () => 0);
  const space = new Space(policies.map((text) => subjectOf(text).policy!), [], { budget });
  return new Encoding(space, [...space.cells()]);
}

Deno.test("printScript() of containment", async (t) => {
  const deny = "{ method: POST, path: /a/b }";
  const encoding = encodingOf(
    restRule("wide", { allow: '{ method: "*", path: /a/** }' }),
    restRule("narrow", {
      allow: "{ method: GET, path: /a/** } | { method: POST, path: /a/* }",
      deny,
    }),
  );
  await t.assertSnapshot(printScript(beyond(0, 1)(encoding), encoding));
});

Deno.test("printScript() of a write past inspection", async (t) => {
  const encoding = encodingOf(
    [restRule("api", {}), plainRule("raw", "api.example.com", { port: 22 })].join("\n"),
  );
  await t.assertSnapshot(printScript(writeBypass(encoding), encoding));
});
