/**
 * Makes a `Deno.TcpListener` of a listening socket that another thread has made.
 *
 * Deno offers no way to listen on a descriptor with the speed of its own connections. So a listener
 * of its own is made, on the host's loopback, and before anything can have come to it the other
 * socket takes its place: `dup3` puts it under the same number, and the event loop is told of it in
 * the words that it had used itself.
 *
 * INVARIANT: nothing is awaited in between, and what came of it is read back. Should a later Deno do
 * this in another way, it is an error, and no sandbox starts.
 *
 * @module
 */

import { JailCallError } from "./isolation_error.ts";

const SYMBOLS = {
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const O_CLOEXEC = 0x80000;
const EPOLL_CTL_ADD = 1;
const AF_INET = 2;

/** One socket as an event loop knows it: `struct epoll_event`, which is packed on x86-64 alone. */
interface Registration {
  readonly loop: number;
  readonly events: number;
  readonly data: bigint;
}

/**
 * Takes over a socket that listens and does not wait. The number that was given is closed.
 *
 * The listener's address reads as the one that it had on the host.
 *
 * @throws {JailCallError}
 */
export function adoptListener(socket: number): Deno.TcpListener {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  const { dup3, epoll_ctl, close } = libc.symbols;
  try {
    const wanted = linkOf(socket);
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      const own = findSocket(listener.addr.port, socket, libc.symbols);
      const registration = findRegistration(own);
      if (dup3(socket, own, O_CLOEXEC) < 0) throw failure("it cannot be replaced");
      if (epoll_ctl(registration.loop, EPOLL_CTL_ADD, own, encode(registration)) < 0) {
        throw failure("the event loop does not take it");
      }
      if (linkOf(own) !== wanted || findRegistration(own).data !== registration.data) {
        throw failure("another socket is in its place");
      }
      return listener;
    } catch (error) {
      listener.close();
      throw error;
    }
  } finally {
    close(socket);
    libc.close();
  }
}

/** What the event loop of this thread has said of a descriptor. */
function findRegistration(descriptor: number): Registration {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    if (linkOf(Number(name)) !== "anon_inode:[eventpoll]") continue;
    for (const line of Deno.readTextFileSync(`/proc/self/fdinfo/${name}`).split("\n")) {
      const fields = /^tfd:\s*(\d+) events:\s*([0-9a-f]+) data:\s*([0-9a-f]+)/.exec(line);
      if (fields === null || Number(fields[1]) !== descriptor) continue;
      const [, , events, data] = fields;
      return { loop: Number(name), events: parseInt(events!, 16), data: BigInt(`0x${data}`) };
    }
  }
  throw failure("no event loop has it");
}

function encode({ events, data }: Registration): Uint8Array<ArrayBuffer> {
  const packed = Deno.build.arch === "x86_64";
  const bytes = new Uint8Array(packed ? 12 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, events, true);
  view.setBigUint64(packed ? 4 : 8, data, true);
  return bytes;
}

/** The port is its own: nobody else of the host's network can have it. */
function findSocket(port: number, other: number, { getsockname }: Libc): number {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const descriptor = Number(name);
    const address = new Uint8Array(28);
    const length = new Uint8Array(new Uint32Array([address.length]).buffer);
    if (descriptor === other || !linkOf(descriptor).startsWith("socket:")) continue;
    if (getsockname(descriptor, address, length) !== 0) continue;
    const view = new DataView(address.buffer);
    if (view.getUint16(0, true) === AF_INET && view.getUint16(2) === port) return descriptor;
  }
  throw failure("its own socket is not found");
}

/** Names what is open under a number; descriptors come and go while they are listed. */
function linkOf(descriptor: number): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function failure(detail: string): JailCallError {
  return new JailCallError("listen", detail);
}
