/**
 * Tests of a z3 of the machine's own, with programs that stand in for it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { NativeSolverError, openNativeSolver } from "./native_solver.ts";

const SCRIPT = "(declare-const a Bool)(assert a)\n";

async function withProgram(body: string, run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/z3`;
    const version = 'if [ "$1" = -version ]; then echo "Z3 version 4.8.12"; exit; fi';
    await Deno.writeTextFile(path, `#!/bin/sh\n${version}\n${body}\n`, { mode: 0o755 });
    await run(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test.each(["sat", "unsat", "unknown"])("openNativeSolver() takes %s", async (answer) => {
  await withProgram(`grep -q check-sat && echo ${answer}`, async (path) => {
    const solver = await openNativeSolver(path);
    assert.equal(solver.name, "native z3 version 4.8.12");
    assert.equal(await solver.check(SCRIPT, 5_000), answer);
  });
});

Deno.test("openNativeSolver() takes a timeout as no answer", async () => {
  await withProgram("cat >/dev/null; echo timeout", async (path) => {
    assert.equal(await (await openNativeSolver(path)).check(SCRIPT, 5_000), "unknown");
  });
});

Deno.test("openNativeSolver() refuses any other answer", async () => {
  await withProgram('cat >/dev/null; echo "(error)"', async (path) => {
    await assert.rejects((await openNativeSolver(path)).check(SCRIPT, 5_000), NativeSolverError);
  });
});

Deno.test("openNativeSolver() says what to do where no z3 is", async () => {
  await assert.rejects(openNativeSolver("/nonexistent/z3"), (error) => {
    assert.ok(error instanceof NativeSolverError);
    assert.match(error.message, /it is not installed/);
    assert.match(error.hint ?? "", /leave out --solver native/);
    return true;
  });
});
