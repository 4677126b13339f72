/**
 * Terms are as small as what they say.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { among, and, FALSE, holds, not, or, TRUE } from "./term.ts";

Deno.test.each([
  { name: "nothing", got: or(), want: FALSE },
  { name: "everything", got: and(), want: TRUE },
  { name: "one term", got: and(among("spot", [1]), TRUE), want: among("spot", [1]) },
  { name: "what decides alone", got: and(among("spot", [1]), FALSE), want: FALSE },
  { name: "what decides alone, of or", got: or(among("spot", [1]), TRUE), want: TRUE },
  { name: "twice not", got: not(not(among("spot", [1]))), want: among("spot", [1]) },
  { name: "no choice", got: among("spot", []), want: FALSE },
])("terms simplify $name", ({ got, want }) => assert.deepEqual(got, want));

const AT = { spot: 3, content: 0, method: 1 };

Deno.test.each([
  { name: "a choice that is made", term: among("spot", [9, 3, 1]), want: true },
  { name: "a choice that is not", term: among("spot", [2, 4]), want: false },
  { name: "not", term: not(among("content", [0])), want: false },
  { name: "and", term: and(among("spot", [3]), among("method", [0])), want: false },
  { name: "or", term: or(among("spot", [0]), among("method", [1])), want: true },
  { name: "a constant", term: TRUE, want: true },
])("holds() of $name is $want", ({ term, want }) => assert.equal(holds(term, AT), want));
