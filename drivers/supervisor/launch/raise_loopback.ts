/**
 * Brings up the one interface of a sandbox's network namespace.
 *
 * @module
 */

import type { Libc } from "./libc_ffi.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCSIFFLAGS = 0x8914n;
const IFF_UP_AND_RUNNING = 0x41;

/** Brings loopback up in the namespace of this thread. */
export function raiseLoopback(libc: Libc): void {
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode("lo"));
  new DataView(request.buffer).setInt16(16, IFF_UP_AND_RUNNING, true);
  const socket = libc.socket(AF_INET, SOCK_DGRAM, 0);
  try {
    libc.ioctl(socket, SIOCSIFFLAGS, request);
  } finally {
    libc.close(socket);
  }
}
