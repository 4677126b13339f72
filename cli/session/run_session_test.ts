import assert from "node:assert/strict";
import type { Duplex, ProcessInput, ProcessOutput } from "../../gateway/client/types.ts";
import { type FakeContext, fakeContext, type FakeOptions } from "../fake_context.ts";
import { runSession, SessionLostError, type SessionOptions } from "./run_session.ts";

const TERMINAL: Omit<SessionOptions, "open"> = {
  hasTerminal: true,
  canDetach: true,
  forwardsSignals: true,
};

const PIPES = { ...TERMINAL, hasTerminal: false };

const BYTES = (text: string) => new TextEncoder().encode(text);

/** Keys that a person presses, and then thinks. */
async function* typed(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (const chunk of chunks) yield BYTES(chunk);
  await new Promise<never>(() => {});
}

/** A program that runs until its call is aborted; `until` may end it after an input. */
function program(
  seen: ProcessInput[],
  until: (input: ProcessInput) => readonly ProcessOutput[] = () => [],
): SessionOptions["open"] {
  return async function* ({ inputs, signal }: Duplex<ProcessInput>) {
    const aborted = new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(new Error("aborted")))
    );
    aborted.catch(() => {});
    const iterator = inputs[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done === true) return;
      seen.push(next.value);
      yield* until(next.value);
    }
  };
}

function contextWith(options: FakeOptions): FakeContext {
  return fakeContext({ isTerminal: true, windowSize: { cols: 100, rows: 30 }, ...options });
}

/** Lets everything that is ready go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

Deno.test("runSession() passes bytes both ways and returns the exit code", async () => {
  const context = fakeContext({ stdin: "in" });
  const seen: ProcessInput[] = [];
  const open = program(seen, (input) =>
    input.kind === "end"
      ? [
        { kind: "stdout", bytes: BYTES("out") },
        { kind: "stderr", bytes: BYTES("err") },
        { kind: "notice", text: "read only\x1b[2J" },
        { kind: "exit", code: 3 },
      ]
      : []);
  assert.deepEqual(await runSession(context, { ...PIPES, open }), { kind: "exit", code: 3 });
  assert.deepEqual(seen, [{ kind: "stdin", bytes: BYTES("in") }, { kind: "end" }]);
  assert.deepEqual([context.out(), context.err()], ["out", "err! read only\\x1b[2J\n"]);
  assert.deepEqual(context.rawModes, []);
});

Deno.test("runSession() leaves by Ctrl-P Ctrl-Q, with the terminal put back", async () => {
  const context = contextWith({ chunks: () => typed("ab\x10", "\x11c") });
  const seen: ProcessInput[] = [];
  const end = await runSession(context, { ...TERMINAL, open: program(seen) });
  assert.deepEqual(end, { kind: "detached" });
  assert.deepEqual(seen, [{ kind: "stdin", bytes: BYTES("ab") }]);
  assert.deepEqual(context.rawModes, [true, false]);
});

Deno.test("runSession() passes Ctrl-P Ctrl-Q on where nobody can leave", async () => {
  const context = contextWith({ chunks: () => typed("\x10\x11") });
  const open = program([], () => [{ kind: "exit", code: 0 }]);
  const end = await runSession(context, { ...TERMINAL, canDetach: false, open });
  assert.equal(end.kind, "exit");
});

Deno.test("runSession() tells the program the size of the window", async () => {
  const context = contextWith({ chunks: () => typed() });
  const seen: ProcessInput[] = [];
  const open = program(seen, () => [{ kind: "exit", code: 0 }]);
  const running = runSession(context, { ...TERMINAL, open });
  await settle();
  assert.equal(context.signal("SIGWINCH"), 1);
  await running;
  assert.deepEqual(seen, [{ kind: "resize", size: { cols: 100, rows: 30 } }]);
  assert.equal(context.signal("SIGWINCH"), 0);
});

Deno.test.each([
  { signal: "SIGINT" as const, want: "INT" },
  { signal: "SIGTERM" as const, want: "TERM" },
  { signal: "SIGHUP" as const, want: "HUP" },
])("runSession() passes $signal on to a program with pipes", async ({ signal, want }) => {
  const context = fakeContext({ chunks: () => typed() });
  const seen: ProcessInput[] = [];
  const open = program(seen, () => [{ kind: "exit", code: 130 }]);
  const running = runSession(context, { ...PIPES, open });
  await settle();
  context.signal(signal);
  assert.deepEqual(await running, { kind: "exit", code: 130 });
  assert.deepEqual(seen, [{ kind: "signal", signal: want }]);
  assert.equal(context.signal(signal), 0);
});

Deno.test("runSession() ends at the third interrupt of a program that does not", async () => {
  const context = fakeContext({ chunks: () => typed() });
  const running = runSession(context, { ...PIPES, open: program([]) });
  await settle();
  for (let count = 0; count < 3; count += 1) context.signal("SIGINT");
  assert.deepEqual(await running, { kind: "signal", code: 130 });
});

Deno.test.each([
  { name: "a program that cannot be sent one", options: { ...PIPES, forwardsSignals: false } },
  { name: "a terminal", options: TERMINAL },
])("runSession() ends by a signal for $name", async ({ options }) => {
  const context = contextWith({ chunks: () => typed() });
  const running = runSession(context, { ...options, open: program([]) });
  await settle();
  context.signal("SIGTERM");
  assert.deepEqual(await running, { kind: "signal", code: 143 });
  assert.equal(context.rawModes.at(-1) ?? false, false);
});

Deno.test("runSession() puts the terminal back when the program cannot be followed", async () => {
  const context = contextWith({ chunks: () => typed() });
  const open = () => {
    throw new TypeError("broken");
  };
  await assert.rejects(runSession(context, { ...TERMINAL, open }), TypeError);
  assert.deepEqual(context.rawModes, [true, false]);
  const lost = async function* (): AsyncGenerator<ProcessOutput> {};
  await assert.rejects(runSession(context, { ...TERMINAL, open: lost }), SessionLostError);
  assert.deepEqual(context.rawModes, [true, false, true, false]);
});

Deno.test("runSession() puts the terminal back when nobody reads the output", async () => {
  const context = contextWith({ chunks: () => typed("x") });
  const stdout = {
    isTerminal: true,
    write() {
      throw new Deno.errors.BrokenPipe("gone");
    },
  };
  const open = program([], () => [{ kind: "stdout", bytes: BYTES("out") }]);
  const running = runSession({ ...context, stdout }, { ...TERMINAL, open });
  await assert.rejects(running, Deno.errors.BrokenPipe);
  assert.deepEqual(context.rawModes, [true, false]);
});

Deno.test("runSession() takes input that cannot be read for its end", async () => {
  const context = fakeContext({
    async *chunks() {
      yield BYTES("x");
      throw new Deno.errors.Interrupted("gone");
    },
  });
  const seen: ProcessInput[] = [];
  const open = program(seen, ({ kind }) => kind === "end" ? [{ kind: "exit", code: 0 }] : []);
  await runSession(context, { ...PIPES, open });
  assert.deepEqual(seen.map(({ kind }) => kind), ["stdin", "end"]);
});
