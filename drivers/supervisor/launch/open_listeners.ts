/**
 * Makes the listening sockets of a sandbox inside its network namespace.
 *
 * A socket stays in the namespace that it was made in: whoever accepts on the descriptor, also
 * another thread, talks to the sandbox, and dials out from where that thread is.
 *
 * @module
 */

import { JAIL_LISTENERS_MAX } from "../../../proto/limits.ts";
import { IsolationError } from "./isolation_error.ts";
import type { Libc } from "./libc_ffi.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SIOCSIFFLAGS = 0x8914n;
const IFF_UP_AND_RUNNING = 0x41;
const BACKLOG = 128;

/** Brings loopback up and returns the descriptors, in the order of `ports`. */
export function openListeners(libc: Libc, ports: readonly number[]): readonly number[] {
  if (ports.length > JAIL_LISTENERS_MAX) {
    throw new IsolationError("network", `more than ${JAIL_LISTENERS_MAX} ports`);
  }
  raiseLoopback(libc);
  const opened: number[] = [];
  try {
    for (const port of ports) opened.push(listenOn(libc, port));
    return opened;
  } catch (error) {
    for (const descriptor of opened) libc.close(descriptor);
    throw error;
  }
}

function raiseLoopback(libc: Libc): void {
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

function listenOn(libc: Libc, port: number): number {
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new IsolationError("network", `port ${port} is not between 1 and 65535`);
  }
  const address = new Uint8Array(16);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  address.set([127, 0, 0, 1], 4);
  const descriptor = libc.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  try {
    libc.bind(descriptor, address, `127.0.0.1:${port}`);
    libc.listen(descriptor, BACKLOG);
    return descriptor;
  } catch (error) {
    libc.close(descriptor);
    throw error;
  }
}
