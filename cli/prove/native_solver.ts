/**
 * A z3 that is installed on the machine, as a second engine. Used only where a person asks for it.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import type { SolverPort } from "../../prover/solver/port.ts";

/** No z3 on the machine answers. */
export class NativeSolverError extends CodedError {
  override readonly name = "NativeSolverError";
  override readonly code = "unavailable";

  constructor(reason: string, options?: ErrorOptions) {
    super(`Cannot ask "z3": ${reason}`, {
      ...options,
      hint:
        "Install z3 so that it is on the PATH, or leave out --solver native for the built-in one",
    });
  }
}

/** Text that z3 may answer with, in characters: a word, or the first of its errors. */
const ANSWER_UNITS_MAX = 200;

/**
 * Starts nothing yet but looks whether z3 is there.
 *
 * @throws {NativeSolverError}
 */
export async function openNativeSolver(program = "z3"): Promise<SolverPort> {
  const version = (await run(program, ["-version"], null)).trim();
  return {
    name: `native ${version.toLowerCase()}`,
    check: async (script, timeoutMs) => {
      const limit = Math.max(1, Math.floor(timeoutMs));
      const text = `${script}(check-sat)\n`;
      const answer = (await run(program, ["-smt2", "-in", `-t:${limit}`], text, limit)).trim();
      if (answer === "sat" || answer === "unsat" || answer === "unknown") return answer;
      // Its time was over before it could say so.
      if (answer === "" || answer === "timeout") return "unknown";
      throw new NativeSolverError(`it answers "${answer.slice(0, ANSWER_UNITS_MAX)}"`);
    },
  };
}

/** Time that z3 has beyond its own limit before it is ended, in milliseconds. */
const GRACE_MS = 1_000;

async function run(
  program: string,
  args: readonly string[],
  input: string | null,
  limitMs = 10_000,
): Promise<string> {
  const timer = AbortSignal.timeout(limitMs + GRACE_MS);
  try {
    const child = new Deno.Command(program, {
      args: [...args],
      stdin: input === null ? "null" : "piped",
      stdout: "piped",
      stderr: "null",
      signal: timer,
    }).spawn();
    const written = input === null ? null : write(child.stdin, input);
    const { stdout } = await child.output();
    await written;
    return new TextDecoder().decode(stdout);
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    throw new NativeSolverError(isMissing ? "it is not installed" : "it does not run", { cause });
  }
}

async function write(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch (error) {
    // z3 may end before it has read all: what it answers tells.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
