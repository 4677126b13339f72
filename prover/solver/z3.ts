/**
 * The solver z3 in WebAssembly, as a port. It has a thread of its own, so that it starts while the
 * exact engine works, and can be ended when an answer takes too long.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import type { SolverPort } from "./port.ts";
import type { Z3Question, Z3Reply } from "./z3_message.ts";

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

/** A solver that has to be closed. */
export interface OpenSolver extends SolverPort {
  /** Ends its thread. Open questions are answered `unknown`. */
  close(): void;
}

/**
 * Starts z3.
 *
 * @throws {SolverError}
 */
export async function startZ3(): Promise<OpenSolver> {
  const thread = new Z3Thread();
  try {
    const version = await thread.started;
    return {
      name: version.toLowerCase(),
      check: (script, timeoutMs) => thread.check(script, timeoutMs),
      close: () => thread.end(),
    };
  } catch (cause) {
    thread.end();
    throw cause;
  }
}

type Verdict = "sat" | "unsat" | "unknown";

class Z3Thread {
  readonly started: Promise<string>;
  readonly #worker: Worker;
  readonly #waiting: PromiseWithResolvers<Verdict>[] = [];
  #isEnded = false;

  constructor() {
    this.#worker = new Worker(new URL("./z3_worker.ts", import.meta.url), { type: "module" });
    const started = Promise.withResolvers<string>();
    this.started = started.promise;
    this.#worker.onmessage = ({ data }: MessageEvent<Z3Reply>) => {
      if (data.kind === "ready") started.resolve(data.version);
      else if (data.kind === "answer") this.#waiting.shift()?.resolve(data.answer);
      else this.#fail(data.detail, started);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message, started);
    };
  }

  /** An answer that takes too long ends the thread, since z3 cannot be told to stop. */
  async check(script: string, timeoutMs: number): Promise<Verdict> {
    if (this.#isEnded) return "unknown";
    const waiting = Promise.withResolvers<Verdict>();
    this.#waiting.push(waiting);
    const timer = setTimeout(() => this.end(), Math.max(1, timeoutMs));
    try {
      this.#worker.postMessage({ script } satisfies Z3Question);
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  end(): void {
    this.#isEnded = true;
    this.#worker.terminate();
    for (const { resolve } of this.#waiting.splice(0)) resolve("unknown");
  }

  #fail(detail: string, started: PromiseWithResolvers<string>): void {
    this.#isEnded = true;
    this.#worker.terminate();
    started.reject(new SolverError("start", { cause: detail }));
    const open = this.#waiting.splice(0);
    for (const { reject } of open) reject(new SolverError("ask", { cause: detail }));
  }
}
