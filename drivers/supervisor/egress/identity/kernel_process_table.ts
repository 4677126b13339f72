/**
 * The processes of one sandbox, as the `/proc` inside it shows them.
 *
 * That `/proc` lists the sandbox's processes and no others, however many the machine has. It was
 * mounted by the jail, and nothing in a sandbox can mount.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  BINARY_CHUNK_BYTES,
  CALLER_DESCRIPTORS_MAX,
  HOST_PIDS_MAX,
} from "../../../../proto/egress_limits.ts";
import { parseStat } from "./parse_stat.ts";
import { ProcFolder, ProcReadError } from "./proc_folder_ffi.ts";
import type { FileIdentity, Lineage, Owner, ProcessLook, ProcessTable } from "./process_table.ts";

/** How the kernel marks the path of a file that has no name any more. */
const DELETED = " (deleted)";

const FORBIDDEN: readonly number[] = [1, 13];

export class KernelProcessTable implements ProcessTable, Disposable {
  readonly #root: string;
  readonly #inside: ProcFolder;
  readonly #host: ProcFolder;
  readonly #namespace: string;
  readonly #hostPids = new Map<string, number>();

  /**
   * @param initPid Process id of the sandbox's init, as the host sees it.
   * @throws {ProcReadError}
   */
  constructor(initPid: number) {
    this.#root = `/proc/${initPid}/root`;
    this.#inside = new ProcFolder(`${this.#root}/proc`);
    try {
      this.#host = new ProcFolder("/proc");
      const namespace = this.#host.readLink(`${initPid}/ns/pid`);
      if (typeof namespace !== "string") throw new ProcReadError(`/proc/${initPid}/ns/pid`, 2);
      this.#namespace = namespace;
    } catch (error) {
      this.#inside[Symbol.dispose]();
      throw error;
    }
  }

  ownersOf(inode: number): readonly Owner[] | null {
    const link = socketLink(inode);
    const owners: Owner[] = [];
    let looked = 0;
    for (const pid of this.#inside.numbers()) {
      const left = CALLER_DESCRIPTORS_MAX - looked;
      const descriptors = this.#inside.findDescriptor(pid, link, left);
      looked += descriptors.looked;
      if (looked >= CALLER_DESCRIPTORS_MAX) return null;
      if (descriptors.found !== null) owners.push({ pid, descriptor: descriptors.found });
    }
    return owners.sort((a, b) => a.pid - b.pid);
  }

  holds({ pid, descriptor }: Owner, inode: number): boolean {
    return this.#inside.readLink(`${pid}/fd/${descriptor}`) === socketLink(inode);
  }

  lineage(pid: number): Lineage | null {
    const stat = parseStat(this.#inside.read(`${pid}/stat`) ?? "");
    return stat === null || stat.isZombie ? null : stat;
  }

  look(pid: number): ProcessLook | null {
    const lineage = this.lineage(pid);
    if (lineage === null) return null;
    const { parent, startTime } = lineage;
    const identity = this.#inside.identify(`${pid}/exe`);
    const text = this.#inside.readLink(`${pid}/exe`);
    if (identity === null || text === null) return null;
    return { pid, parent, startTime, path: this.#pathOf(text, identity), identity };
  }

  async hash(pid: number, { version }: FileIdentity): Promise<string | null> {
    return await this.#inside.withFile(`${pid}/exe`, async (path, identify) => {
      if (identify()?.version !== version) return null;
      const hash = await hashFile(path);
      // Of a file that changes while it is read, no content is known.
      return identify()?.version === version ? hash : null;
    });
  }

  hostPid(pid: number, startTime: string): number | null {
    return this.#hostPids.get(keyOf(pid, startTime)) ?? this.#findHostPid(pid, startTime);
  }

  [Symbol.dispose](): void {
    this.#inside[Symbol.dispose]();
    this.#host[Symbol.dispose]();
  }

  /** A file whose name really ends like that is told from one that was deleted by looking. */
  #pathOf(text: string | undefined, identity: FileIdentity): ProcessLook["path"] {
    if (text === undefined || !text.startsWith("/")) return { problem: "unreadable" };
    if (!text.endsWith(DELETED)) return text;
    const named = this.#inside.identifyPath(this.#root + text);
    return named?.file === identity.file ? text : { problem: "deleted" };
  }

  /** What the kernel hides from OpenShell is not the sandbox's: that it can see. */
  #namespaceOf(hostPid: number): string | null | undefined {
    try {
      return this.#host.readLink(`${hostPid}/ns/pid`);
    } catch (error) {
      if (error instanceof ProcReadError && FORBIDDEN.includes(error.errno)) return null;
      throw error;
    }
  }

  /** Goes through the processes of the machine, the newest first: it is one of them mostly. */
  #findHostPid(pid: number, startTime: string): number | null {
    if (this.#hostPids.size >= HOST_PIDS_MAX) this.#hostPids.clear();
    const wanted = keyOf(pid, startTime);
    for (const hostPid of this.#host.numbers().reverse()) {
      if (this.#namespaceOf(hostPid) !== this.#namespace) continue;
      const status = this.#host.read(`${hostPid}/status`) ?? "";
      const inside = /^NSpid:(?:\s+[0-9]+)*\s+([0-9]+)$/m.exec(status)?.[1];
      const stat = parseStat(this.#host.read(`${hostPid}/stat`) ?? "");
      if (inside === undefined || stat === null) continue;
      const key = keyOf(Number(inside), stat.startTime);
      this.#hostPids.set(key, hostPid);
      if (key === wanted) return hostPid;
    }
    return null;
  }
}

function keyOf(pid: number, startTime: string): string {
  return `${pid}:${startTime}`;
}

function socketLink(inode: number): string {
  return `socket:[${inode}]`;
}

/** Reads a file in pieces, so that other connections go on meanwhile. */
async function hashFile(path: string): Promise<string> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  const piece = new Uint8Array(BINARY_CHUNK_BYTES);
  for (;;) {
    const length = await file.read(piece);
    if (length === null) return hash.digest("hex");
    hash.update(piece.subarray(0, length));
  }
}
