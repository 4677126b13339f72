/**
 * Finds out which program in a sandbox is at the other end of a connection.
 *
 * The kernel is asked, never the program: connection, socket, the processes that hold it, their
 * executables, and the executables of their parents up to the sandbox's init. Arguments and names of
 * processes are never looked at, because a program chooses them itself.
 *
 * What is cheap is asked anew for each connection, since a process can become another program at
 * any time. Only the content of executables is remembered, as in `binary_trust.ts`.
 *
 * Fails closed: whatever is missing, gone, changed or ambiguous is an unknown caller. A program that
 * may be started with libraries or input of another's choice still acts for that other one; telling
 * programs apart is no border between them.
 *
 * @module
 */

import { CodedError } from "../../../../proto/errors.ts";
import { ANCESTORS_MAX } from "../../../../proto/limits.ts";
import { BINARY_BYTES_MAX, CALLER_ATTEMPTS_MAX } from "../../../../proto/egress_limits.ts";
import type { Caller } from "../../../../policy-wasm/request.ts";
import type { Actor } from "../../events/audit_event.ts";
import { BinaryTrust } from "./binary_trust.ts";
import { KernelProcessTable } from "./kernel_process_table.ts";
import type { Owner, ProcessLook, ProcessTable, SocketTable } from "./process_table.ts";
import { KernelSocketTable } from "./socket_table_ffi.ts";

/** Why a caller is unknown. */
export type UnknownCaller =
  | "foreign_address"
  | "connection_not_found"
  | "owner_not_found"
  | "too_many_descriptors"
  | "caller_is_init"
  | "caller_changing"
  | "binary_deleted"
  | "binary_unreadable"
  | "binary_too_large"
  | "binary_changed"
  | "too_many_binaries"
  | "identity_failed"
  | "caller_ambiguous";

export type CallerIdentity =
  | { readonly kind: "known"; readonly actor: Actor; readonly caller: Caller }
  | {
    readonly kind: "unknown";
    readonly code: UnknownCaller;
    /** One sentence for a person, without anything that the sandbox chose. */
    readonly detail: string;
  };

/** The program's end of a connection; `Deno.NetAddr` is one. */
export interface ClientAddress {
  readonly hostname: string;
  readonly port: number;
}

export interface CallerIdentifierOptions {
  readonly jail: {
    /** Process id of the sandbox's init, as the host sees it. */
    readonly initPid: number;
    /** Descriptor that asks for the connections inside. */
    readonly socketTable: number;
  };
  /** Where the proxy listens inside the sandbox. */
  readonly proxyPort: number;
  /** For tests: stand in for the kernel. */
  readonly sockets?: SocketTable;
  readonly processes?: ProcessTable;
  readonly trust?: BinaryTrust;
}

const DETAILS: Readonly<Record<UnknownCaller, string>> = {
  foreign_address: "The connection comes from another address than 127.0.0.1",
  connection_not_found: "The connection has no socket in the sandbox any more",
  owner_not_found: "No process in the sandbox holds the connection any more",
  too_many_descriptors: "The sandbox has more files open than are searched for the connection",
  caller_is_init: "The connection belongs to OpenShell's own process",
  caller_changing: "The program changed while it was identified",
  binary_deleted: "The executable of the program, or of a parent, was deleted or replaced",
  binary_unreadable: "The path of the executable of the program, or of a parent, is no text",
  binary_too_large: "The executable of the program, or of a parent, is too large to be read",
  binary_changed: "The executable of the program, or of a parent, changed after its first use",
  too_many_binaries: "The sandbox has used more executables than are remembered",
  identity_failed: "The kernel could not be asked who holds the connection",
  caller_ambiguous: "Several different programs hold the connection",
};

/** The owner first, then its parents, nearest first. */
type Chain = readonly ProcessLook[];

type Attempt = CallerIdentity | "again";

const INIT = 1;

export class CallerIdentifier implements Disposable {
  readonly #sockets: SocketTable;
  readonly #processes: ProcessTable;
  readonly #trust: BinaryTrust;
  readonly #owned: Disposable[] = [];

  /**
   * @throws {ProcReadError} where the sandbox's processes cannot be seen.
   */
  constructor({ jail, proxyPort, sockets, processes, trust }: CallerIdentifierOptions) {
    const { initPid, socketTable: socket } = jail;
    this.#trust = trust ?? new BinaryTrust();
    this.#processes = processes ?? this.#own(new KernelProcessTable(initPid));
    this.#sockets = sockets ?? this.#own(new KernelSocketTable({ socket, proxyPort }));
  }

  /** Identifies who connected from there, as the proxy's side has it. Never rejects. */
  async identify({ hostname, port }: ClientAddress): Promise<CallerIdentity> {
    // INVARIANT: the port alone would be that of another program's connection, which has the same
    // one at another address of loopback.
    if (hostname !== "127.0.0.1") return unknown("foreign_address");
    try {
      for (let attempt = 1; attempt <= CALLER_ATTEMPTS_MAX; attempt += 1) {
        const found = await this.#attempt(port);
        if (found !== "again") return found;
      }
      return unknown("caller_changing");
    } catch (error) {
      // A failure of a system call is no reason to let anything through, nor to stop the proxy.
      if (error instanceof CodedError || isSystemError(error)) return unknown("identity_failed");
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const part of this.#owned) part[Symbol.dispose]();
  }

  #own<T extends Disposable>(part: T): T {
    this.#owned.push(part);
    return part;
  }

  async #attempt(clientPort: number): Promise<Attempt> {
    const inode = this.#sockets.inodeOf(clientPort);
    if (inode === null) return unknown("connection_not_found");
    const owners = this.#processes.ownersOf(inode);
    if (owners === null) return unknown("too_many_descriptors");
    if (owners.length === 0) return unknown("owner_not_found");
    if (owners.some(({ pid }) => pid === INIT)) return unknown("caller_is_init");
    const chains = this.#readChains(owners, inode);
    if (chains === null) return "again";
    const checked = await this.#check(chains);
    if (checked !== null) return checked;
    const [chain] = chains;
    if (chain === undefined || new Set(chains.map(keyOf)).size > 1) {
      return unknown("caller_ambiguous");
    }
    return this.#describe(chain);
  }

  /** Returns `null` where a process ended or changed meanwhile. */
  #readChains(owners: readonly Owner[], inode: number): readonly Chain[] | null {
    const chains: Chain[] = [];
    for (const owner of owners) {
      const chain = this.#readChain(owner.pid);
      // INVARIANT: asked between two looks at the process, which find the same one.
      if (chain === null || !this.#processes.holds(owner, inode)) return null;
      if (!chain.every((look) => this.#isSame(look))) return null;
      chains.push(chain);
    }
    return chains;
  }

  #readChain(owner: number): Chain | null {
    const chain: ProcessLook[] = [];
    for (let pid = owner; pid > INIT && chain.length <= ANCESTORS_MAX;) {
      const look = this.#processes.look(pid);
      if (look === null) return null;
      chain.push(look);
      pid = look.parent;
    }
    return chain;
  }

  /**
   * INVARIANT: each was the other's parent at one moment. A parent that ends gives its children
   * away before its number can be another's, so a child that still has it had it all along.
   */
  #isSame({ pid, parent, startTime }: ProcessLook): boolean {
    const now = this.#processes.lineage(pid);
    return now !== null && now.parent === parent && now.startTime === startTime;
  }

  /** Returns why a chain is not to be trusted, `null` where all are. */
  async #check(chains: readonly Chain[]): Promise<Attempt | null> {
    let hasWaited = false;
    for (const look of chains.flat()) {
      const { path, identity, pid } = look;
      if (typeof path !== "string") return unknown(`binary_${path.problem}`);
      let verdict = this.#trust.recall(path, identity);
      if (verdict === null) {
        if (identity.bytes > BINARY_BYTES_MAX) return unknown("binary_too_large");
        hasWaited = true;
        const hash = () => this.#processes.hash(pid, identity);
        verdict = await this.#trust.check(path, identity, hash);
      }
      if (verdict === "gone") return "again";
      if (verdict === "changed") return unknown("binary_changed");
      if (verdict === "full") return unknown("too_many_binaries");
    }
    // Whoever held the connection before the wait need not be who holds it now.
    return hasWaited ? "again" : null;
  }

  #describe([owner, ...parents]: Chain): Attempt {
    if (owner === undefined) return unknown("owner_not_found");
    const pid = this.#processes.hostPid(owner.pid, owner.startTime);
    if (pid === null) return "again";
    const binary = String(owner.path);
    const ancestors = parents.map(({ path }) => String(path));
    return {
      kind: "known",
      actor: { binary, pid, ancestors },
      caller: { binary, ancestors },
    };
  }
}

/**
 * Returns what a policy can tell callers apart by: the executable, and the set of all in its chain.
 * A process and its fork are the same to every policy, though the fork has a parent more.
 */
function keyOf(chain: Chain): string {
  const paths = chain.map(({ path }) => String(path));
  return JSON.stringify([paths[0], [...new Set(paths)].sort()]);
}

/** What the kernel says has a code (`EMFILE`), also where Deno has no class for it. */
function isSystemError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return "code" in error || Object.values(Deno.errors).some((kind) => error instanceof kind);
}

function unknown(code: UnknownCaller): CallerIdentity {
  return { kind: "unknown", code, detail: DETAILS[code] };
}
