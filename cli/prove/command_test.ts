/**
 * Tests that the help tells what there is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CATALOG } from "../../prover/questions/catalog.ts";
import { QUESTIONS } from "./command.ts";

Deno.test("QUESTIONS are those of the catalogue, by their level", () => {
  const wanted: Record<string, string[]> = { error: [], warning: [], note: [] };
  for (const [name, { level }] of Object.entries(CATALOG)) wanted[level]!.push(name);
  assert.deepEqual(QUESTIONS, wanted);
});
