/**
 * What a jail is made from, and what its thread and the main thread say to each other.
 *
 * Plain data: it is copied between threads. It holds no secret and no token; argv and environment
 * of a command come with the command.
 *
 * @module
 */

import type { MountPlan } from "./mount_plan.ts";
import type { Control } from "./isolation_error.ts";

/** One sandbox, before it exists. */
export interface JailSpec {
  readonly plan: MountPlan;
  /** Who the agent is. Neither may be root. */
  readonly identity: { readonly uid: number; readonly gid: number };
  /**
   * Who init is: nobody else on the machine, and not the agent. Whoever shares it could signal init
   * and see the sandbox's files through it.
   */
  readonly initIdentity: { readonly uid: number; readonly gid: number };
  readonly limits: JailLimits;
  readonly hostname: string;
}

export interface JailLimits {
  /** Open files of one process. */
  readonly openFilesMax: number;
  /** Processes and threads of the identity, those outside the sandbox counted as well. */
  readonly processesMax: number;
}

/** One program to start in the jail. */
export interface JailCommand {
  readonly argv: readonly [string, ...string[]];
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin: "piped" | "null";
  /**
   * Gives the program a terminal of its own, which is then its input and both its outputs: all
   * output comes as standard output.
   */
  readonly terminal?: TerminalSize;
}

/** In characters. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** A program that waits to be released: what it is, and the master of its terminal. */
export interface Spawned {
  readonly pid: number;
  readonly terminal: number | null;
}

/**
 * Whose files are the identity's in one bind: a helper process holds a user namespace that says so.
 */
export interface OwnerMap {
  /** Of the bind, in the sandbox. */
  readonly target: string;
  readonly helperPid: number;
}

/** How a program ended. */
export interface JailExit {
  /** 128 and the signal's number where a signal ended it. */
  readonly code: number;
  readonly signal: string | null;
}

/** What the thread reports when it has confined itself, for the main thread to verify. */
export interface Confinement {
  readonly threadId: number;
  /** Process id of init, as the host sees it. */
  readonly initPid: number;
  readonly landlockAbi: number;
  /**
   * Descriptor of this process that asks for connections inside (`NETLINK_SOCK_DIAG`). The thread
   * closes it when the jail ends.
   */
  readonly socketTable: number;
  /** What each call answered that had to be refused: `"allowed"`, or the error number. */
  readonly probes: Readonly<Record<Probe, number | "allowed">>;
}

/** Calls that work everywhere but in a jail. */
export type Probe =
  | "landlock"
  | "seccomp_refuses"
  | "seccomp_hides"
  | "seccomp_sockets"
  | "seccomp_final";

export type OutputName = "stdout" | "stderr";

/** What the main thread asks for. Each gets one reply. */
export type JailRequest =
  | {
    readonly type: "confine";
    readonly spec: JailSpec;
    readonly ownerMaps: readonly OwnerMap[];
  }
  | { readonly type: "release_init" }
  | { readonly type: "spawn"; readonly command: JailCommand }
  | { readonly type: "release"; readonly process: number }
  | { readonly type: "read"; readonly process: number; readonly output: OutputName }
  | { readonly type: "discard"; readonly process: number; readonly output: OutputName }
  | { readonly type: "write"; readonly process: number; readonly bytes: Uint8Array }
  | { readonly type: "end_input"; readonly process: number }
  | { readonly type: "wait"; readonly process: number }
  | { readonly type: "signal"; readonly process: number; readonly signal: Deno.Signal }
  /** A descriptor of this process that listens on 127.0.0.1 inside, without waiting. */
  | { readonly type: "listen"; readonly port: number }
  /** A descriptor of this process that is connected to a port of loopback inside. */
  | { readonly type: "dial"; readonly port: number }
  | { readonly type: "end_init" };

export interface JailCall {
  readonly id: number;
  readonly request: JailRequest;
}

/** `value` belongs to the type of the request. */
export type JailReply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | {
    readonly id: number;
    readonly ok: false;
    readonly control: Control | null;
    readonly detail: string;
  };
