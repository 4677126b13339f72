import assert from "node:assert/strict";
import { CodedError } from "../proto/errors.ts";
import type { Command, Run } from "./command.ts";
import { PROGRAM } from "./commands.ts";
import { type FakeContext, fakeContext } from "./fake_context.ts";
import { runProgram } from "./run_program.ts";
import { VERSION } from "./program_version.ts";

class BusyError extends CodedError {
  override readonly name = "BusyError";
  override readonly code = "unavailable";
}

function programThat(run: Run): Command {
  const load = () => Promise.resolve(run);
  return { name: "sample", summary: "Fail", commands: [{ name: "go", summary: "Go", load }] };
}

function throwing(error: unknown): Command {
  return programThat(() => {
    throw error;
  });
}

Deno.test("runProgram() prints the version to standard output", async () => {
  for (const args of [["--version"], ["-V"], ["policy", "check", "-V"]]) {
    const context = fakeContext();
    assert.equal(await runProgram(PROGRAM, args, context), 0);
    assert.deepEqual([context.out(), context.err()], [`openshell ${VERSION}\n`, ""]);
  }
});

Deno.test("runProgram() prints help to standard output, coloured on a terminal", async () => {
  for (const args of [[], ["policy"], ["policy", "check", "--help"]]) {
    const context = fakeContext();
    assert.equal(await runProgram(PROGRAM, args, context), 0);
    assert.match(context.out(), /^[A-Z].*\n\n(.|\n)*Usage: openshell/);
    assert.equal(context.err(), "");
  }
  const terminal = fakeContext({ isTerminal: true });
  await runProgram(PROGRAM, [], terminal);
  assert.ok(terminal.out().includes("\x1b[1mUsage:"));
});

Deno.test("runProgram() prints `version` in each format", async () => {
  const context = fakeContext();
  assert.equal(await runProgram(PROGRAM, ["version", "-o", "json"], context), 0);
  assert.equal(JSON.parse(context.out()).version, VERSION);
});

Deno.test("runProgram() returns the exit code of the verb", async () => {
  assert.equal(await runProgram(programThat(() => 124), ["go"], fakeContext()), 124);
});

Deno.test("runProgram() ends quietly when nobody reads the output", async () => {
  const context = fakeContext();
  const code = await runProgram(throwing(new Deno.errors.BrokenPipe("x")), ["go"], context);
  assert.deepEqual([code, context.out(), context.err()], [141, "", ""]);
});

Deno.test("runProgram() ends quietly when nobody reads the errors either", async () => {
  const context = fakeContext();
  const stderr = {
    isTerminal: false,
    write() {
      throw new Deno.errors.BrokenPipe("x");
    },
  };
  assert.equal(await runProgram(PROGRAM, ["nope"], { ...context, stderr }), 2);
});

Deno.test("runProgram() reports errors on standard error", async (t) => {
  const cause = new Error("connection refused\x1b[2J", { cause: "text" });
  const busy = new BusyError('Cannot reach "local": it is busy\x1b[2J', { cause, hint: "Wait" });
  const report = async (program: Command, args: string[], options = {}): Promise<FakeContext> => {
    const context = fakeContext(options);
    const code = await runProgram(program, args, context);
    await t.assertSnapshot(`exit ${code}\n${context.err()}`);
    assert.equal(context.out(), "");
    return context;
  };
  await report(PROGRAM, ["polcy"]);
  await report(PROGRAM, ["policy", "explain", "x.yaml"]);
  await report(throwing(busy), ["go"]);
  await report(throwing(busy), ["go", "-v"]);
  await report(throwing(busy), ["go"], { isTerminal: true });
  await report(throwing(new TypeError("secret detail")), ["go"]);
  await report(throwing("not an error"), ["-v", "go"]);
});

Deno.test("runProgram() shows the stack of an internal error with -v", async () => {
  const context = fakeContext();
  assert.equal(await runProgram(throwing(new TypeError("detail")), ["go", "-v"], context), 1);
  assert.match(context.err(), /TypeError: detail\n +at /);
});

Deno.test("runProgram() survives an error that causes itself", async () => {
  const loop = new BusyError("Cannot end");
  loop.cause = loop;
  assert.equal(await runProgram(throwing(loop), ["go", "-v"], fakeContext()), 1);
});
