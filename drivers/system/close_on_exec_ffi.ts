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
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
} as const;

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Standard input, output and error are given on as whoever starts the program says. */
const STANDARD_MAX = 2;

/** Something would be given to another program that is not for it. */
export class CloseOnExecError extends CodedError {
  override readonly name = "CloseOnExecError";
  override readonly code = "internal";

  constructor(detail: string, options?: ErrorOptions) {
    super(`Cannot keep open files from other programs: ${detail}`, options);
  }
}

/** To be called before a program is started. @throws {CloseOnExecError} */
export function closeOnExec(): void {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  try {
    for (const descriptor of openDescriptors()) {
      if (libc.symbols.fcntl(descriptor, F_SETFD, FD_CLOEXEC) === 0) continue;
      // The folder that was just read was among them, and is closed again.
      if (isOpen(descriptor)) throw new CloseOnExecError(`number ${descriptor} is refused`);
    }
  } finally {
    libc.close();
  }
}

function openDescriptors(): readonly number[] {
  try {
    return [...Deno.readDirSync("/proc/self/fd")]
      .map(({ name }) => Number(name))
      .filter((descriptor) => descriptor > STANDARD_MAX);
  } catch (cause) {
    throw new CloseOnExecError("they cannot be listed", { cause });
  }
}

function isOpen(descriptor: number): boolean {
  try {
    Deno.lstatSync(`/proc/self/fd/${descriptor}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
