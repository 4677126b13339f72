/**
 * Puts every control in force on the thread that calls, in the one order that works.
 *
 * @module
 */

import { buildFilter, encodeFilter, type FilterStage } from "./seccomp_filter.ts";
import { buildRoot, leaveOldRoot, sealRoot } from "./build_root.ts";
import { GATE_SHELL, GATE_SHELL_ACCESS, limitedArguments } from "./gated_command.ts";
import { type Control, IsolationError, SyscallError } from "./isolation_error.ts";
import type { Confinement, JailSpec, OwnerMap } from "./jail_spec.ts";
import {
  accessRights,
  encodePathRule,
  encodeRuleset,
  LANDLOCK_ABI_KNOWN,
} from "./landlock_rights.ts";
import { openSocketTable } from "./inner_sockets.ts";
import type { Libc } from "./libc_ffi.ts";
import { raiseLoopback } from "./raise_loopback.ts";

const CLONE_NEWNS = 0x00020000;
const CLONE_NEWCGROUP = 0x02000000;
const CLONE_NEWUTS = 0x04000000;
const CLONE_NEWIPC = 0x08000000;
const CLONE_NEWPID = 0x20000000;
const CLONE_NEWNET = 0x40000000;

const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAPBSET_DROP = 24;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4n;
const PR_SET_SECUREBITS = 28;

/**
 * `NOROOT` and the locks of all bits: being root gives nothing, for good. `NO_SETUID_FIXUP` is
 * locked off, because leaving root has to take the capabilities away.
 */
const SECUREBITS = 0xebn;

const CAP_SYS_ADMIN = 21;
const RLIMIT_CORE = 4;

/**
 * Not 0: the kernel hands a dump to a handler of the host, run as root, whatever the limit is, but
 * for exactly 1. A file of 1 byte is not written either.
 */
export const CORE_BYTES_MAX = 1n;

/**
 * Says that it has its limits and waits for a line, so that it forks nothing before it is in its
 * control group. Then it waits for the end of its input, which is the end of OpenShell, however
 * that comes. As pid 1 its own end is the end of all, and while it waits it reaps what the
 * agent leaves behind. Signals from inside do not reach it.
 */
const INIT = [
  GATE_SHELL,
  "-c",
  "echo; read -r line || exit; " +
  "exec 3<&0 0</dev/null >/dev/null; { read -r line; } <&3 & exec 3<&-; wait",
];

/** What the thread keeps of a confinement. */
export interface Confined {
  readonly confinement: Confinement;
  readonly init: Deno.ChildProcess;
}

/**
 * Confines this thread for good.
 *
 * @throws {IsolationError} naming the control that could not be put in force. The thread is of no
 * use then.
 */
export async function confine(
  libc: Libc,
  spec: JailSpec,
  ownerMaps: readonly OwnerMap[],
): Promise<Confined> {
  const { uid, gid } = spec.identity;
  attempt("identity", () => {
    if (isRoot(uid) || isRoot(gid)) throw new IsolationError("identity", `${uid}:${gid} is root`);
  });
  const landlockAbi = attempt("landlock", () => libc.landlockAbi());
  const lastCapability = attempt("capabilities", readLastCapability);
  attempt("capabilities", () => becomeRoot(libc));
  attempt("namespaces", () => enterNamespaces(libc, spec.hostname));
  attempt("mounts", () => buildRoot(libc, spec, ownerMaps));
  attempt("network", () => raiseLoopback(libc));
  const socketTable = attempt("network", () => openSocketTable(libc));
  const started: Deno.ChildProcess[] = [];
  try {
    attempt("no_new_privs", () => libc.prctl(PR_SET_NO_NEW_PRIVS, 1n));
    // Of the whole process: a dump of OpenShell would hold what it keeps from the agent.
    attempt("limits", () => libc.setLimit(RLIMIT_CORE, CORE_BYTES_MAX, CORE_BYTES_MAX));
    attempt("capabilities", () => dropBounding(libc, lastCapability, CAP_SYS_ADMIN));
    // INVARIANT: init has no Landlock, because /proc needs it and Landlock lets nobody mount. So
    // it gets all the rest, and runs nothing but its loop.
    attempt("seccomp", () => installFilter(libc, "first"));
    const init = attempt("init", () => startInit(libc, spec));
    started.push(init);
    await untilReady(init);
    await mountProc();
    attempt("mounts", () => leaveOldRoot(libc));
    attempt("mounts", () => sealRoot(libc));
    attempt("capabilities", () => dropCapabilities(libc, lastCapability));
    attempt("identity", () => libc.setIdentity(uid, gid));
    attempt("landlock", () => restrictFiles(libc, spec, Math.min(landlockAbi, LANDLOCK_ABI_KNOWN)));
    // INVARIANT: the last step, because it refuses what the steps before are made of.
    attempt("seccomp", () => installFilter(libc, "final"));
    const probes = probeRefusals(libc);
    const threadId = libc.threadId();
    return {
      confinement: { threadId, initPid: init.pid, landlockAbi, socketTable, probes },
      init,
    };
  } catch (error) {
    libc.close(socketTable);
    for (const init of started) await endInit(init);
    throw error;
  }
}

function attempt<T>(control: Control, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof IsolationError) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    throw new IsolationError(control, detail, { cause: error });
  }
}

function isRoot(id: number): boolean {
  return !Number.isInteger(id) || id < 1 || id >= 0xffffffff;
}

function readLastCapability(): number {
  return Number(Deno.readTextFileSync("/proc/sys/kernel/cap_last_cap"));
}

/**
 * In a user namespace, OpenShell has root's capabilities without being root: only programs of root
 * would get them, and leaving root takes them away. So this thread becomes root of that namespace,
 * and what follows is the same as on the machine itself.
 */
function becomeRoot(libc: Libc): void {
  libc.inheritNothing();
  if (Deno.uid() !== 0 || Deno.gid() !== 0) libc.setIdentity(0, 0);
}

function enterNamespaces(libc: Libc, hostname: string): void {
  libc.unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
  libc.setHostname(hostname);
  try {
    libc.unshare(CLONE_NEWCGROUP);
  } catch (error) {
    // Only hides the name of the group: where the kernel has none there is nothing to hide.
    if (!(error instanceof SyscallError && error.errno === 22)) throw error;
  }
}

/** The bounding set is what no program can ever gain back. */
function dropBounding(libc: Libc, last: number, kept: number | null): void {
  for (let capability = 0; capability <= last; capability++) {
    if (capability !== kept) libc.prctl(PR_CAPBSET_DROP, BigInt(capability));
  }
}

function dropCapabilities(libc: Libc, last: number): void {
  dropBounding(libc, last, null);
  libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  libc.prctl(PR_SET_SECUREBITS, SECUREBITS);
}

function installFilter(libc: Libc, stage: FilterStage): void {
  libc.installFilter(encodeFilter(buildFilter(Deno.build.arch, stage)));
}

/** The first child after `unshare` is pid 1 of the sandbox. */
function startInit(libc: Libc, { limits, initIdentity }: JailSpec): Deno.ChildProcess {
  libc.keepDescriptors();
  // Nobody may read this shell, so the kernel lets nobody look into what it runs.
  return new Deno.Command(GATE_SHELL, {
    args: limitedArguments(limits, INIT),
    ...initIdentity,
    // INVARIANT: a session of its own, in a namespace where no other is: else the signals that a
    // group sends itself and the terminal of OpenShell would be shared with the sandbox.
    detached: true,
    cwd: "/",
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

/** It may have ended by itself; then there is nothing to kill. */
async function endInit(init: Deno.ChildProcess): Promise<void> {
  try {
    init.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
  }
  await init.status;
}

/** Init says one line when it has its limits, and nothing more. */
async function untilReady(init: Deno.ChildProcess): Promise<void> {
  const reader = init.stdout.getReader();
  const { done } = await reader.read();
  await reader.cancel();
  if (!done) return;
  const { code } = await init.status;
  if (code === 126) throw new IsolationError("limits", "they are above those of OpenShell itself");
  throw new IsolationError("init", `it ended with ${code}`);
}

/**
 * `/proc` shows the processes of whoever mounts it, so a child has to.
 *
 * Not `outputSync`: that starts threads, which the kernel refuses while children go to another pid
 * namespace.
 */
async function mountProc(): Promise<void> {
  const { success, stderr } = await new Deno.Command("/bin/mount", {
    args: ["-n", "-t", "proc", "-o", "nosuid,nodev,noexec", "proc", "/proc"],
    cwd: "/",
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return;
  throw new IsolationError("mounts", `/proc: ${new TextDecoder().decode(stderr).trim()}`);
}

function restrictFiles(libc: Libc, { plan }: JailSpec, abi: number): void {
  const ruleset = libc.createRuleset(encodeRuleset(abi));
  try {
    for (const access of [...plan.access, GATE_SHELL_ACCESS]) {
      const descriptor = libc.openPath(access.path);
      try {
        libc.addPathRule(ruleset, encodePathRule(accessRights(access, abi), descriptor));
      } finally {
        libc.close(descriptor);
      }
    }
    libc.restrictSelf(ruleset);
  } finally {
    libc.close(ruleset);
  }
}

/** Tries what has to be refused. The main thread judges the answers. */
function probeRefusals(libc: Libc): Confinement["probes"] {
  const probe = (work: () => number | void) => {
    try {
      work();
      return "allowed" as const;
    } catch (error) {
      if (error instanceof SyscallError) return error.errno;
      throw error;
    }
  };
  return {
    // The root itself is in no rule, whatever the policy says.
    landlock: probe(() => libc.openForReading("/")),
    seccomp_refuses: probe(() => libc.readNoMemory()),
    seccomp_hides: probe(() => libc.cloneNothing()),
    seccomp_sockets: probe(() => libc.socket(16, 3, 9)),
    // The others are in the first filter as well; this one tells that the final one is there.
    seccomp_final: probe(() => libc.installNoFilter()),
  };
}
