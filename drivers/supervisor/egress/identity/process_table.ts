/**
 * What identifying a caller asks of the kernel, as ports: connections and processes.
 *
 * Process ids are those that a sandbox's own processes see, unless said otherwise.
 *
 * @module
 */

/** A file, whatever its name. */
export interface FileIdentity {
  /** Device and inode. */
  readonly file: string;
  /** Device, inode, size, and when content (mtime) and anything else (ctime) changed last. */
  readonly version: string;
  readonly bytes: number;
}

/** Where a process stands among the others, at one moment. */
export interface Lineage {
  /** 0 where the parent is outside the sandbox. */
  readonly parent: number;
  /** When it started, in the kernel's ticks: with the pid, no two processes have the same. */
  readonly startTime: string;
}

/** One process, at one moment. */
export interface ProcessLook extends Lineage {
  readonly pid: number;
  /**
   * Path of the executable as the sandbox sees it. Where there is none: `deleted` when no file has
   * the path any more, `unreadable` when it is no text.
   */
  readonly path: string | { readonly problem: "deleted" | "unreadable" };
  readonly identity: FileIdentity;
}

/** A process, and by which of its descriptors it holds a socket. */
export interface Owner {
  readonly pid: number;
  readonly descriptor: number;
}

/** The connections of a sandbox. */
export interface SocketTable {
  /**
   * Returns the inode of the established connection from that port of 127.0.0.1 to the proxy;
   * `null` where there is none.
   */
  inodeOf(clientPort: number): number | null;
}

/** The processes of a sandbox. What is gone by now is `null`; other failures throw. */
export interface ProcessTable {
  /**
   * Returns every process that holds the socket, ascending; `null` where more descriptors are open
   * than are looked at.
   */
  ownersOf(inode: number): readonly Owner[] | null;
  /** Returns whether a process still holds the socket as it did. */
  holds(owner: Owner, inode: number): boolean;
  lineage(pid: number): Lineage | null;
  look(pid: number): ProcessLook | null;
  /** Returns the SHA-256 of the executable in hex, `null` where it is not that file any more. */
  hash(pid: number, identity: FileIdentity): Promise<string | null>;
  /** Returns the process id as the host sees it. */
  hostPid(pid: number, startTime: string): number | null;
}
