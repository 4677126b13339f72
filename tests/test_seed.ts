/**
 * The seed of generated tests: `OPENSHELL_TEST_SEED` repeats a run, without it each has its own.
 *
 * @module
 */

export const TEST_SEED = Number(
  Deno.env.get("OPENSHELL_TEST_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0],
);
