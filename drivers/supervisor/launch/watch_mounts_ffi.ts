/**
 * Tells when a mount namespace changes: a mount of it came, went or has other options.
 *
 * The kernel says so of `/proc/PID/mountinfo` by `poll` (proc_pid_mountinfo(5), `EPOLLPRI`), which Deno
 * does not offer. Watching the folders of the mount points instead would open what an agent puts
 * there, and opening a pipe waits for its other end.
 *
 * @module
 */

import { JailCallError } from "./isolation_error.ts";

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
  close: { parameters: ["i32"], result: "i32" },
} as const;

const O_CLOEXEC = 0x80000;
const POLLIN = 0x1;
const POLLPRI = 0x2;
const NO_TIMEOUT = -1;
/** Bytes of a `struct pollfd`: the descriptor, what is waited for, what came. */
const POLLFD_BYTES = 8;

/**
 * Calls back after each change, until it is called off by what it returns.
 *
 * @param file `mountinfo` of a process or thread in the namespace. What is open keeps that alive.
 * @throws {JailCallError} when the file cannot be watched.
 */
export function watchMounts(file: string, onChange: () => void): () => void {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  const { open, eventfd, write, close } = libc.symbols;
  const mounts = open(new TextEncoder().encode(`${file}\0`), O_CLOEXEC);
  const end = eventfd(0, O_CLOEXEC);
  const release = () => {
    for (const descriptor of [mounts, end]) if (descriptor >= 0) close(descriptor);
    libc.close();
  };
  if (mounts < 0 || end < 0) {
    release();
    throw new JailCallError("watch the mounts", `"${file}" cannot be opened`);
  }
  let isOver = false;
  const wait = async () => {
    const waited = waitFor(mounts, end);
    // A signal may interrupt it: then nothing has come, and it waits again.
    while (!isOver) {
      await libc.symbols.poll(waited, BigInt(waited.length / POLLFD_BYTES), NO_TIMEOUT);
      if (!isOver && hasCome(waited)) onChange();
    }
    release();
  };
  void wait();
  return () => {
    if (isOver) return;
    isOver = true;
    write(end, new Uint8Array(new BigUint64Array([1n]).buffer), 8n);
  };
}

/** Returns the array of `struct pollfd` for both, with nothing come yet. */
function waitFor(mounts: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 * POLLFD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, mounts, true);
  view.setInt16(4, POLLPRI, true);
  view.setInt32(POLLFD_BYTES, end, true);
  view.setInt16(POLLFD_BYTES + 4, POLLIN, true);
  return bytes;
}

function hasCome(waited: Uint8Array<ArrayBuffer>): boolean {
  return (new DataView(waited.buffer).getInt16(6, true) & POLLPRI) !== 0;
}
