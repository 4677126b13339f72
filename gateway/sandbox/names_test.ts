import assert from "node:assert/strict";
import { findNameFault, twoWordName } from "./names.ts";

Deno.test("twoWordName() makes names that can be used, for every pair of words", () => {
  const names = new Set<string>();
  for (let first = 0; first < 1; first += 1 / 128) {
    for (let second = 0; second < 1; second += 1 / 128) {
      const values = [first, second];
      names.add(twoWordName(() => values.shift() ?? 0));
    }
  }
  assert.ok(names.size > 4_000);
  for (const name of names) assert.equal(findNameFault(name), null, name);
});
