/**
 * Joins a person's terminal, or a script's pipes, to a program in a sandbox.
 *
 * INVARIANT: However a session ends, the terminal is as it was before.
 *
 * @module
 */

import type { Duplex, ProcessInput, ProcessOutput } from "../../gateway/client/types.ts";
import { CodedError } from "../../proto/errors.ts";
import type { Context } from "../context.ts";
import { printableText } from "../printable.ts";
import { DetachKeys } from "./detach_keys.ts";
import { InputQueue } from "./input_queue.ts";
import { ENDING_SIGNALS, type EndingSignal, SIGNAL_CODES } from "./with_interrupt.ts";

/** Interrupts in a row after which a session ends, whatever the program makes of them. */
const INTERRUPTS_MAX = 3;

/** The connection ended before the program did. */
export class SessionLostError extends CodedError {
  override readonly name = "SessionLostError";
  override readonly code = "unavailable";

  constructor(options?: ErrorOptions) {
    super("Cannot follow the program any more: the connection to it has ended", {
      ...options,
      hint: 'Run "openshell sandbox list" to see what has become of the sandbox',
    });
  }
}

export interface SessionOptions {
  /** Starts the program, or attaches to it. */
  readonly open: (duplex: Duplex<ProcessInput>) => AsyncIterable<ProcessOutput>;
  /** True where the program has a terminal: then every key is its own. */
  readonly hasTerminal: boolean;
  /** True where Ctrl-P Ctrl-Q leaves. Only with a terminal. */
  readonly canDetach: boolean;
  /** True where the program can be sent signals: otherwise they end the session. */
  readonly forwardsSignals: boolean;
}

/** How a session has ended. */
export type SessionEnd =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "detached" }
  | { readonly kind: "signal"; readonly code: number };

/**
 * Runs a session to its end.
 *
 * @throws {CodedError} when it cannot be opened or is lost
 */
export async function runSession(context: Context, options: SessionOptions): Promise<SessionEnd> {
  return await new Session(context, options).run();
}

class Session {
  readonly #context: Context;
  readonly #options: SessionOptions;
  readonly #queue = new InputQueue();
  readonly #abort = new AbortController();
  readonly #isRaw: boolean;
  #end: SessionEnd | null = null;
  #interrupts = 0;

  constructor(context: Context, options: SessionOptions) {
    this.#context = context;
    this.#options = options;
    this.#isRaw = options.hasTerminal && context.stdin.isTerminal;
  }

  async run(): Promise<SessionEnd> {
    const { machine, stdin } = this.#context;
    const restore = ENDING_SIGNALS.map((name) =>
      machine.onSignal(name, () => this.#onSignal(name))
    );
    if (this.#options.hasTerminal) {
      restore.push(machine.onSignal("SIGWINCH", () => this.#resize()));
    }
    try {
      if (this.#isRaw) stdin.setRaw(true);
      void this.#pump();
      return await this.#follow();
    } finally {
      if (this.#isRaw) stdin.setRaw(false);
      for (const undo of restore) undo();
      this.#queue.end();
      this.#abort.abort();
    }
  }

  async #follow(): Promise<SessionEnd> {
    const duplex = { inputs: this.#queue, signal: this.#abort.signal };
    try {
      for await (const output of this.#options.open(duplex)) {
        if (this.#end !== null) return this.#end;
        if (output.kind === "exit") return output;
        this.#print(output);
      }
    } catch (error) {
      // The call ends with an error when we have ended it ourselves.
      if (this.#end !== null) return this.#end;
      throw error;
    }
    if (this.#end !== null) return this.#end;
    throw new SessionLostError();
  }

  #print(output: Exclude<ProcessOutput, { kind: "exit" }>): void {
    const { stdout, stderr } = this.#context;
    if (output.kind === "stdout") stdout.write(output.bytes);
    else if (output.kind === "stderr") stderr.write(output.bytes);
    else stderr.write(`${this.#isRaw ? "\r" : ""}! ${printableText(output.text)}${this.#newline}`);
  }

  /** A raw terminal does not go back to the first column by itself. */
  get #newline(): string {
    return this.#isRaw ? "\r\n" : "\n";
  }

  async #pump(): Promise<void> {
    const keys = this.#options.canDetach && this.#isRaw ? new DetachKeys() : null;
    try {
      for await (const chunk of this.#context.stdin.chunks()) {
        this.#interrupts = 0;
        const { bytes, isDetached } = keys?.filter(chunk) ?? { bytes: chunk, isDetached: false };
        if (bytes.length > 0) await this.#queue.push({ kind: "stdin", bytes });
        if (isDetached) return this.#finish({ kind: "detached" });
        if (this.#abort.signal.aborted) return;
      }
    } catch {
      // Input that cannot be read has ended, as when the terminal was closed.
    }
    await this.#queue.push({ kind: "end" });
  }

  #onSignal(name: EndingSignal): void {
    this.#interrupts += 1;
    const forwards = this.#options.forwardsSignals && !this.#isRaw;
    if (forwards && this.#interrupts < INTERRUPTS_MAX) {
      void this.#queue.push({ kind: "signal", signal: name.slice("SIG".length) });
    } else {
      this.#finish({ kind: "signal", code: SIGNAL_CODES[name] });
    }
  }

  #resize(): void {
    const size = this.#context.machine.windowSize();
    if (size !== null) void this.#queue.push({ kind: "resize", size });
  }

  #finish(end: SessionEnd): void {
    this.#end ??= end;
    this.#abort.abort();
  }
}
