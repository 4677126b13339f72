/**
 * Keeps what this process has open from the programs that it starts.
 *
 * Deno opens nearly everything so; the socket file that `node:net` listens on is an exception. A
 * program that outlives this one would hold it: who connects to it would wait for an answer for ever.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";

const SYMBOLS = {
  closeRange: { name: "syscall", parameters: ["i64", "u32", "u32", "u32"], result: "i64" },
} as const;

/** On every architecture, and older than Landlock, which no sandbox starts without. */
const CLOSE_RANGE = 436n;
const CLOSE_RANGE_CLOEXEC = 4;

/** Something would be given to another program that is not for it. */
export class CloseOnExecError extends CodedError {
  override readonly name = "CloseOnExecError";
  override readonly code = "failed_precondition";

  constructor() {
    super("Cannot keep open files from other programs: the kernel refuses it", {
      hint: "Use Linux 5.13 or newer, and lift an outer container's ban on the close_range call",
    });
  }
}

/**
 * To be called before a program is started, which then gets its input and outputs alone.
 *
 * @throws {CloseOnExecError}
 */
export function closeOnExec(): void {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  try {
    const { closeRange } = libc.symbols;
    if (closeRange(CLOSE_RANGE, 3, 0xffffffff, CLOSE_RANGE_CLOEXEC) === 0n) return;
    throw new CloseOnExecError();
  } finally {
    libc.close();
  }
}
