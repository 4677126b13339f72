/**
 * The filter that every system call of the sandbox passes: what is refused, as a table, and the
 * program that the kernel runs.
 *
 * Pure. Allow by exception: a call that the table does not name works, a call that is newer than
 * the table does not exist (`ENOSYS`), and so does the other ABI of the same processor.
 *
 * `memfd_create` stays allowed: whatever a memory file can run, a file in the workspace can run as
 * well, the proxy's rules go by the path of the executable and a memory file has none, and graphics
 * drivers and many runtimes need it.
 *
 * @module
 */

import {
  type Processor,
  SYSCALL_NUMBER_MAX,
  type SyscallName,
  syscallNumber,
} from "./syscall_numbers.ts";

/** One instruction of classic BPF. */
export interface Instruction {
  readonly code: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly value: number;
}

/** One condition on the low half of an argument: the kernel reads these as 32 bits as well. */
export interface ArgumentTest {
  readonly argument: number;
  readonly test: "is" | "is_not" | "has_any_bit";
  readonly value: number;
}

/** A call that is refused when all conditions hold. */
export interface Refusal {
  readonly name: SyscallName;
  readonly errno: number;
  readonly when: readonly ArgumentTest[];
  /** Needed until the sandbox is complete, so it is left out of the first filter. */
  readonly late: boolean;
}

/** `first` holds init and the setting up; `final` holds everything afterwards. */
export type FilterStage = "first" | "final";

export const EPERM = 1;
export const ENOSYS = 38;

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const ERRNO = 0x00050000;

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

const AUDIT_ARCH: Readonly<Record<Processor, number>> = {
  x86_64: 0xc000003e,
  aarch64: 0xc00000b7,
};

const MOUNT_FAMILY: readonly SyscallName[] = [
  "fsconfig",
  "fsmount",
  "fsopen",
  "fspick",
  "listmount",
  "mount",
  "mount_setattr",
  "move_mount",
  "open_tree",
  "open_tree_attr",
  "statmount",
  "umount2",
];

const NEVER: readonly SyscallName[] = [
  // Other namespaces, other roots, files by handle.
  ...([
    "chroot",
    "name_to_handle_at",
    "open_by_handle_at",
    "pivot_root",
    "setns",
  ] as const),
  // Other processes.
  ...(["kcmp", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "process_madvise"] as const),
  ...(["process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace"] as const),
  // Large, young or raceable parts of the kernel.
  ...(["bpf", "io_uring_enter", "io_uring_register", "io_uring_setup", "perf_event_open"] as const),
  ...(["userfaultfd", "add_key", "keyctl", "request_key", "fanotify_init"] as const),
  ...(["lsm_set_self_attr", "modify_ldt"] as const),
  // The machine itself.
  ...(["acct", "adjtimex", "clock_adjtime", "clock_settime", "settimeofday"] as const),
  ...(["delete_module", "finit_module", "init_module", "create_module", "query_module"] as const),
  ...(["get_kernel_syms", "kexec_file_load", "kexec_load", "reboot", "syslog", "vhangup"] as const),
  ...(["ioperm", "iopl", "lookup_dcookie", "nfsservctl", "quotactl", "quotactl_fd"] as const),
  ...(["setdomainname", "sethostname", "swapoff", "swapon", "sysfs", "_sysctl"] as const),
  ...(["uselib", "ustat"] as const),
];

/** All `CLONE_NEW*` that `clone` takes; `NEWTIME` is part of the exit signal there. */
const CLONE_NEW = 0x7e020000;
const CLONE_NEWTIME = 0x80;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const AT_EMPTY_PATH = 0x1000;
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
/** Set-user-id and set-group-id. */
const SET_ID_BITS = 0o6000;
/** `O_CREAT` and `O_TMPFILE`: without them the mode means nothing, and may be anything. */
const O_MAKES_FILE = 0x400040;
const RENAME_WHITEOUT = 4;
const SECCOMP_SET_MODE_FILTER = 1;
const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;

/** Everything that is refused, in the order of the program. */
export const REFUSALS: readonly Refusal[] = [
  ...NEVER.map((name) => refuse(name, [])),
  ...MOUNT_FAMILY.map((name) => ({ ...refuse(name, []), late: true })),
  // libc falls back to `clone`, whose flags a filter can see.
  { ...refuse("clone3", []), errno: ENOSYS },
  // The kernel counts its requests for the whole machine: one sandbox could take all.
  { ...refuse("io_setup", []), errno: ENOSYS },
  refuse("clone", [bits(0, CLONE_NEW)]),
  refuse("unshare", [bits(0, CLONE_NEW | CLONE_NEWTIME)]),
  ...(["socket", "socketpair"] as const).map((name) =>
    refuse(name, [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK].map((family) => isNot(0, family)))
  ),
  // Route netlink (protocol 0) is how programs list interfaces.
  refuse("socket", [is(0, AF_NETLINK), isNot(2, 0)]),
  refuse("execveat", [bits(4, AT_EMPTY_PATH)]),
  refuse("ioctl", [is(1, TIOCSTI)]),
  refuse("ioctl", [is(1, TIOCLINUX)]),
  // Dead inside, but in a bound folder such a file gives the rights of its owner on the host.
  ...(["chmod", "creat", "fchmod", "mknod"] as const).map((name) =>
    refuse(name, [bits(1, SET_ID_BITS)])
  ),
  ...(["fchmodat", "fchmodat2", "mknodat"] as const).map((name) =>
    refuse(name, [bits(2, SET_ID_BITS)])
  ),
  // A whiteout is a device file: made without a right to make any, and it stays in a bound folder.
  refuse("renameat2", [bits(4, RENAME_WHITEOUT)]),
  refuse("open", [bits(1, O_MAKES_FILE), bits(2, SET_ID_BITS)]),
  refuse("openat", [bits(2, O_MAKES_FILE), bits(3, SET_ID_BITS)]),
  // It has its mode in memory, where a filter cannot look. Programs fall back to `openat`.
  { ...refuse("openat2", []), errno: ENOSYS, late: true },
  { ...refuse("seccomp", [is(0, SECCOMP_SET_MODE_FILTER)]), late: true },
  { ...refuse("prctl", [is(0, PR_SET_SECCOMP), is(1, SECCOMP_MODE_FILTER)]), late: true },
];

/** Returns the program for one processor. */
export function buildFilter(processor: Processor, stage: FilterStage): readonly Instruction[] {
  const rows = REFUSALS.filter(({ late }) => stage === "final" || !late);
  return [
    // INVARIANT: the ABI is checked before any number is looked at: i386 counts differently.
    load(4),
    jump(JUMP_EQUAL, AUDIT_ARCH[processor], { whenTrue: 1, whenFalse: 0 }),
    answer(KILL_PROCESS),
    load(0),
    // Also every x32 number, which has bit 30 set.
    jump(JUMP_GREATER, SYSCALL_NUMBER_MAX, { whenTrue: 0, whenFalse: 1 }),
    answer(ERRNO | ENOSYS),
    ...rows.flatMap((row) => compileRefusal(row, processor)),
    answer(ALLOW),
  ];
}

/** Returns the program as the kernel's array of `struct sock_filter`. */
export function encodeFilter(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(program.length * 8));
  for (const [at, { code, whenTrue, whenFalse, value }] of program.entries()) {
    view.setUint16(at * 8, code, true);
    view.setUint8(at * 8 + 2, whenTrue);
    view.setUint8(at * 8 + 3, whenFalse);
    view.setUint32(at * 8 + 4, value, true);
  }
  return new Uint8Array(view.buffer);
}

function compileRefusal(refusal: Refusal, processor: Processor): readonly Instruction[] {
  const number = syscallNumber(refusal.name, processor);
  if (number === null) return [];
  const tests = refusal.when.length;
  const after = (at: number) => (tests - at) * 2 + 1;
  return [
    load(0),
    jump(JUMP_EQUAL, number, { whenTrue: 0, whenFalse: after(0) }),
    ...refusal.when.flatMap(({ argument, test, value }, at) => {
      const code = test === "has_any_bit" ? JUMP_ANY_BIT : JUMP_EQUAL;
      const leave = after(at + 1);
      const branches = test === "is_not"
        ? { whenTrue: leave, whenFalse: 0 }
        : { whenTrue: 0, whenFalse: leave };
      return [load(16 + argument * 8), jump(code, value, branches)];
    }),
    answer(ERRNO | refusal.errno),
  ];
}

function refuse(name: SyscallName, when: readonly ArgumentTest[]): Refusal {
  return { name, errno: EPERM, when, late: false };
}

function is(argument: number, value: number): ArgumentTest {
  return { argument, test: "is", value };
}

function isNot(argument: number, value: number): ArgumentTest {
  return { argument, test: "is_not", value };
}

function bits(argument: number, value: number): ArgumentTest {
  return { argument, test: "has_any_bit", value };
}

function load(offset: number): Instruction {
  return { code: LOAD, whenTrue: 0, whenFalse: 0, value: offset };
}

function jump(
  code: number,
  value: number,
  branches: { readonly whenTrue: number; readonly whenFalse: number },
): Instruction {
  return { code, value, ...branches };
}

function answer(value: number): Instruction {
  return { code: RETURN, whenTrue: 0, whenFalse: 0, value };
}
