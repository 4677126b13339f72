/**
 * The solver z3 in WebAssembly, as a port. Loaded only when it is asked for: it is large and slow to start.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import type { SolverPort } from "./port.ts";

/** z3 could not be started, or broke down. */
export class SolverError extends CodedError {
  override readonly name = "SolverError";
  override readonly code = "unavailable";

  constructor(readonly step: string, options?: ErrorOptions) {
    super(`Cannot ${step} "z3": the second engine is not usable`, {
      ...options,
      hint: "Use the exact engine alone (--fast)",
    });
  }
}

/**
 * Starts z3.
 *
 * @throws {SolverError}
 */
export async function startZ3(): Promise<SolverPort> {
  try {
    const { init } = await import("z3-solver");
    const { Z3, em } = await init();
    const version = Z3.get_full_version();
    let last: Promise<unknown> = Promise.resolve();
    return {
      name: version.toLowerCase(),
      check: (script, timeoutMs) => {
        const answer = last.then(() => ask(Z3, em, { script, timeoutMs }));
        last = answer.catch(() => {});
        return answer;
      },
    };
  } catch (cause) {
    throw new SolverError("start", { cause });
  }
}

/** What is used of the interface. */
interface LowLevel<Config, Context> {
  mk_config(): Config;
  mk_context(config: Config): Context;
  del_config(config: Config): void;
  del_context(context: Context): void;
  get_full_version(): string;
}

/** What is used of the module below it. */
interface Module {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
  async_call(call: unknown, ...parameters: unknown[]): Promise<unknown>;
  readonly _async_Z3_eval_smtlib2_string: unknown;
}

/**
 * The interface's own way to pass text leaves it on the stack of the caller, who has returned when
 * z3's thread reads it. So the text gets memory of its own here.
 */
async function ask<Config, Context>(
  z3: LowLevel<Config, Context>,
  module: Module,
  { script, timeoutMs }: { readonly script: string; readonly timeoutMs: number },
): Promise<"sat" | "unsat" | "unknown"> {
  const config = z3.mk_config();
  const context = z3.mk_context(config);
  z3.del_config(config);
  const limit = `(set-option :timeout ${Math.max(1, Math.floor(timeoutMs))})\n`;
  const bytes = new TextEncoder().encode(`${limit}${script}(check-sat)\n\0`);
  const address = module._malloc(bytes.length);
  try {
    // Reading a text renews the view, which does not follow when another thread grows the memory.
    z3.get_full_version();
    module.HEAPU8.set(bytes, address);
    const call = module._async_Z3_eval_smtlib2_string;
    const text = String(await module.async_call(call, context, address)).trim();
    if (text === "sat" || text === "unsat" || text === "unknown") return text;
    throw new SolverError("ask", { cause: text });
  } finally {
    module._free(address);
    z3.del_context(context);
  }
}
