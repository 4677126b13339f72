import assert from "node:assert/strict";
import { readCorpus } from "./corpus.ts";
import { execute, runTarget } from "./run_target.ts";
import { latin1Text } from "./target.ts";
import { TARGETS } from "./targets/all.ts";

/** The same inputs on each run: what is new is for `deno task fuzz` to find. */
const SEED = 20_261_124;

/** A busy machine does fewer iterations instead of holding up all tests. */
const MS_MAX = 1500;

for (const target of TARGETS) {
  Deno.test(`${target.name}: ${target.holds}`, async () => {
    const end = performance.now() + MS_MAX;
    const { executions, failure } = await runTarget(target, {
      seed: SEED,
      goesOn: (count) => count < target.iterations && performance.now() < end,
    });
    assert.ok(executions > 0);
    if (failure === null) return;
    const { input, error } = failure;
    assert.fail(
      `${error instanceof Error ? error.stack : error}\n${JSON.stringify(latin1Text(input))}\n` +
        `deno task fuzz ${target.name} --input ${input.toBase64()}`,
    );
  });

  for (const { name, input } of readCorpus(target.name)) {
    Deno.test(`${target.name}: ${name} holds`, async () => {
      const error = await execute(target, input);
      if (error !== null) throw error.cause;
    });
  }
}

Deno.test("every folder of the corpus belongs to a target", () => {
  const names = new Set(TARGETS.map(({ name }) => name));
  const folders = [...Deno.readDirSync(new URL("corpus/", import.meta.url))]
    .filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  assert.deepEqual(folders.filter((name) => !names.has(name)), []);
});
