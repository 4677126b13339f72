/**
 * Sockets inside a sandbox's network namespace, for the main thread to use.
 *
 * A socket stays in the namespace that it was made in, whoever uses it. So the jail thread, which is
 * inside for good, makes them and hands over their numbers: descriptors belong to the process. What
 * the main thread dials by itself leaves from the host.
 *
 * @module
 */

import { DIAL_INSIDE_MS_MAX } from "../../../proto/limits.ts";
import { JailCallError, SyscallError } from "./isolation_error.ts";
import type { Libc } from "./libc_ffi.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_STREAM = 1;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const NETLINK_SOCK_DIAG = 4;

const EISCONN = 106;
const ECONNREFUSED = 111;
const EALREADY = 114;
const EINPROGRESS = 115;

/** Connections that wait to be accepted; the kernel lowers it to its own bound. */
const BACKLOG = 1024;

/** Between two looks at a connection that is not there yet, in milliseconds. */
const LOOK_MS = 5;

/** Returns a socket that asks for the connections of this namespace. */
export function openSocketTable(libc: Libc): number {
  return libc.socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
}

/** Returns a socket that listens on 127.0.0.1 and never waits. */
export function listenInside(libc: Libc, port: number): number {
  const socket = libc.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  try {
    libc.listen(socket, loopback(AF_INET, port), BACKLOG);
    return socket;
  } catch (error) {
    libc.close(socket);
    throw error;
  }
}

/**
 * Returns a socket that is connected to a port of loopback: IPv4 first, then IPv6.
 *
 * @throws {JailCallError} where nothing listens, or nobody accepts in time.
 */
export async function dialInside(libc: Libc, port: number): Promise<number> {
  for (const family of [AF_INET, AF_INET6]) {
    const socket = libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    try {
      if (await connect(libc, socket, loopback(family, port))) return socket;
    } catch (error) {
      libc.close(socket);
      throw error;
    }
    libc.close(socket);
  }
  throw new JailCallError("dial", `nothing listens on port ${port}`);
}

/** Never waits in the kernel: an agent that accepts nothing would hold up the thread. */
async function connect(
  libc: Libc,
  socket: number,
  address: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  for (let waited = 0; waited <= DIAL_INSIDE_MS_MAX; waited += LOOK_MS) {
    try {
      libc.connect(socket, address);
      return true;
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (error.errno === EISCONN) return true;
      if (error.errno === ECONNREFUSED) return false;
      if (error.errno !== EINPROGRESS && error.errno !== EALREADY) throw error;
    }
    // Most are there at once: loopback does not take its time.
    if (waited > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new JailCallError("dial", "nobody accepts the connection");
}

/** `sockaddr_in` or `sockaddr_in6`, see ip(7) and ipv6(7). */
function loopback(family: number, port: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(family === AF_INET ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  if (family === AF_INET) bytes.set([127, 0, 0, 1], 4);
  else bytes[23] = 1;
  return bytes;
}
