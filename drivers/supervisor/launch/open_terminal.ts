/**
 * Opens a terminal of the sandbox: its master is for OpenShell, its slave for one program.
 *
 * It is opened by the jail thread, so it is one of the sandbox's own `/dev/pts`, and belongs to the
 * sandbox's identity.
 *
 * @module
 */

import { JailCallError } from "./isolation_error.ts";
import type { TerminalSize } from "./jail_spec.ts";
import type { Libc } from "./libc_ffi.ts";

/** The same on both processors. */
const TIOCSPTLCK = 0x40045431n;
const TIOCGPTN = 0x80045430n;
export const TIOCSWINSZ = 0x5414n;

const SIDE_MAX = 0xffff;

export interface OpenedTerminal {
  /** Descriptor, non-blocking. */
  readonly master: number;
  /** Path inside the sandbox. */
  readonly slave: string;
}

/** Opens a terminal of that size. */
export function openTerminal(libc: Libc, size: TerminalSize): OpenedTerminal {
  const window = encodeWindowSize(size);
  const master = libc.openTerminalMaster("/dev/pts/ptmx");
  try {
    libc.ioctl(master, TIOCSPTLCK, new Uint8Array(4));
    const number = new Uint8Array(4);
    libc.ioctl(master, TIOCGPTN, number);
    libc.ioctl(master, TIOCSWINSZ, window);
    return { master, slave: `/dev/pts/${new DataView(number.buffer).getUint32(0, true)}` };
  } catch (error) {
    libc.close(master);
    throw error;
  }
}

/**
 * Returns `struct winsize`.
 *
 * @throws {JailCallError} for a side that is not between 1 and 65535.
 */
export function encodeWindowSize({ cols, rows }: TerminalSize): Uint8Array<ArrayBuffer> {
  for (const side of [cols, rows]) {
    if (Number.isInteger(side) && side >= 1 && side <= SIDE_MAX) continue;
    throw new JailCallError("size the terminal", `${cols} by ${rows} is no size`);
  }
  return new Uint8Array(new Uint16Array([rows, cols, 0, 0]).buffer);
}
