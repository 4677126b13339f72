/**
 * What travels between a process of the sandbox and the person at the other end.
 *
 * @module
 */

/** Signals that a person may send to a process group. */
export const SIGNALS = ["HUP", "INT", "KILL", "QUIT", "TERM"] as const;

export type SignalName = typeof SIGNALS[number];

export type ProcessInput =
  | { readonly kind: "stdin"; readonly bytes: Uint8Array }
  | { readonly kind: "end_input" }
  | { readonly kind: "resize"; readonly size: TerminalSize }
  | { readonly kind: "signal"; readonly name: SignalName };

export type ProcessOutput =
  | { readonly kind: "stdout" | "stderr"; readonly bytes: Uint8Array }
  /** For the person; not output of the program. */
  | { readonly kind: "notice"; readonly text: string }
  /** The last one. */
  | { readonly kind: "exit"; readonly code: number };

/** Columns and rows, from 1. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** One end of a relay. `inputs` ends when the person has gone. */
export interface ProcessChannel {
  readonly inputs: AsyncIterable<ProcessInput>;
  /** Resolves when the relay took it. Returns false once the person has gone. */
  send(output: ProcessOutput): Promise<boolean>;
}
