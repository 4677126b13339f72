/**
 * Keeps a listening socket of this machine from the programs that this process starts.
 *
 * In Deno 2.9, `node:net` leaves such a socket open for them. A supervisor lives longer than its
 * gateway: clients would reach a socket there that nobody accepts from.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";

/** A socket cannot be kept from others. */
export class SharedSocketError extends CodedError {
  override readonly name = "SharedSocketError";
  override readonly code = "internal";

  constructor(path: string) {
    super(`Cannot keep the socket "${path}" from the programs that are started`);
  }
}

const SYMBOLS = {
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
} as const;

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const O_CLOEXEC = 0o2000000;

/**
 * Closes the socket that listens at `path` in what is executed from now on.
 *
 * @throws {SharedSocketError} when it is not found, or is not as wanted when read back.
 */
export function closeOnExec(path: string): void {
  const links = linksOf(path);
  const found = [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) =>
    links.has(linkOf(name))
  );
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  try {
    for (const { name } of found) libc.symbols.fcntl(Number(name), F_SETFD, FD_CLOEXEC);
  } finally {
    libc.close();
  }
  if (found.length === 0 || !found.every(({ name }) => isClosedOnExec(name))) {
    throw new SharedSocketError(path);
  }
}

/**
 * Returns what descriptors of sockets at a path are called. One that was replaced may still be open
 * elsewhere.
 */
function linksOf(path: string): ReadonlySet<string> {
  const links = new Set<string>();
  for (const line of Deno.readTextFileSync("/proc/net/unix").split("\n")) {
    // Six fields, the inode, and the path to the end: `unix_seq_show` of the kernel.
    const [, inode, at] = /^(?:\S+ +){6}(\d+) (.*)$/.exec(line) ?? [];
    if (at === path) links.add(`socket:[${inode}]`);
  }
  return links;
}

function isClosedOnExec(descriptor: string): boolean {
  const text = Deno.readTextFileSync(`/proc/self/fdinfo/${descriptor}`);
  const flags = /^flags:\s*([0-7]+)$/m.exec(text)?.[1] ?? "0";
  return (parseInt(flags, 8) & O_CLOEXEC) !== 0;
}

/** Descriptors come and go while they are listed. */
function linkOf(descriptor: string): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
