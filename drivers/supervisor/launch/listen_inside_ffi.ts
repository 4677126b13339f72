/**
 * Makes sockets of the main thread inside a sandbox's network namespace.
 *
 * A socket stays in the namespace that it was made in. So the main thread enters that of the
 * sandbox, makes one, and returns, all in one go: what it accepts is the sandbox's, and what it
 * dials later leaves from the host.
 *
 * INVARIANT: nothing is awaited between entering and returning, or other tasks of this thread would
 * run inside. A thread that cannot return ends OpenShell: it would dial from the wrong side.
 *
 * @module
 */

import { JailCallError } from "./isolation_error.ts";

const SYMBOLS = {
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  setns: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

const AT_FDCWD = -100;
const O_CLOEXEC = 0x80000;
const CLONE_NEWNET = 0x40000000;

/**
 * Listens on 127.0.0.1 in the network of that thread of this process.
 *
 * @throws {JailCallError} where the network cannot be entered.
 */
export function listenInside(threadId: number, port: number): Deno.TcpListener {
  return inside(threadId, () => Deno.listen({ hostname: "127.0.0.1", port }));
}

/**
 * Connects to a port of loopback in the network of that thread: IPv4 first, then IPv6.
 *
 * @throws {JailCallError} where nothing listens, or the connection is not inside.
 */
export async function dialInside(threadId: number, port: number): Promise<Deno.TcpConn> {
  try {
    return await dial(threadId, "127.0.0.1", port);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
  }
  try {
    return await dial(threadId, "::1", port);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof JailCallError) throw error;
    throw new JailCallError("dial", `nothing listens on port ${port}`, { cause: error });
  }
}

async function dial(threadId: number, hostname: string, port: number): Promise<Deno.TcpConn> {
  // The call makes its socket before it returns its promise.
  const connection = await inside(threadId, () => Deno.connect({ hostname, port }));
  if (isInside(threadId, connection.localAddr, port)) return connection;
  connection.close();
  throw new JailCallError("dial", "the connection is not the sandbox's");
}

/**
 * Whether the sandbox's own list of sockets has the connection. That the socket is made in time is
 * how Deno happens to do it, so it is not taken for granted.
 */
function isInside(threadId: number, { port: local }: Deno.NetAddr, remote: number): boolean {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");
  const line = new RegExp(`^\\s*\\d+: [0-9A-F]+:${hex(local)} [0-9A-F]+:${hex(remote)} `, "m");
  return ["tcp", "tcp6"].some((name) =>
    line.test(Deno.readTextFileSync(`/proc/self/task/${threadId}/net/${name}`))
  );
}

function inside<T>(threadId: number, work: () => T): T {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  const open = (path: string) =>
    libc.openat(AT_FDCWD, new TextEncoder().encode(`${path}\0`), O_CLOEXEC, 0);
  const own = open("/proc/thread-self/ns/net");
  const sandbox = open(`/proc/self/task/${threadId}/ns/net`);
  try {
    if (own < 0 || sandbox < 0) throw new JailCallError("enter", "its network cannot be opened");
    // The number could be another thread's by now, if that of the jail has failed.
    const names = [own, sandbox].map((descriptor) =>
      Deno.readLinkSync(`/proc/self/fd/${descriptor}`)
    );
    if (names[0] === names[1]) throw new JailCallError("enter", "its network is the host's");
    if (libc.setns(sandbox, CLONE_NEWNET) !== 0) {
      throw new JailCallError("enter", "the kernel refuses its network");
    }
    try {
      return work();
    } finally {
      // At once: whatever else ran would run with the sandbox's network.
      if (libc.setns(own, CLONE_NEWNET) !== 0) Deno.kill(Deno.pid, "SIGKILL");
    }
  } finally {
    for (const descriptor of [own, sandbox]) if (descriptor >= 0) libc.close(descriptor);
  }
}
