/**
 * The calls of libc and the kernel that a jail is made with, each one checked.
 *
 * All are synchronous, so they run on the thread that asks: namespaces, identity, Landlock and
 * seccomp belong to one thread. Identity goes by raw call, because libc would change all threads.
 *
 * @module
 */

import { SyscallError } from "./isolation_error.ts";

const SYMBOLS = {
  unshare: { parameters: ["i32"], result: "i32" },
  mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
  chdir: { parameters: ["buffer"], result: "i32" },
  umask: { parameters: ["u32"], result: "u32" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i64" },
  close: { parameters: ["i32"], result: "i32" },
  closeRange: { name: "syscall", parameters: ["i64", "u32", "u32", "u32"], result: "i64" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  prctlBuffer: {
    name: "prctl",
    parameters: ["i32", "u64", "buffer", "u64", "u64"],
    result: "i32",
  },
  sethostname: { parameters: ["buffer", "usize"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  numbers: { name: "syscall", parameters: ["i64", "i64", "i64", "i64"], result: "i64" },
  twoBuffers: { name: "syscall", parameters: ["i64", "buffer", "buffer"], result: "i64" },
  bufferFirst: { name: "syscall", parameters: ["i64", "buffer", "usize", "u32"], result: "i64" },
  openat2: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "buffer", "usize"],
    result: "i64",
  },
  mountSetattr: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "u32", "buffer", "usize"],
    result: "i64",
  },
  openTree: { name: "syscall", parameters: ["i64", "i32", "buffer", "u32"], result: "i64" },
  moveMount: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "i32", "buffer", "u32"],
    result: "i64",
  },
  landlockAddRule: {
    name: "syscall",
    parameters: ["i64", "i32", "i32", "buffer", "u32"],
    result: "i64",
  },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** Calls whose numbers are needed here, `[x86_64, aarch64]`. */
const NUMBERS = {
  pivot_root: [155, 41],
  capget: [125, 90],
  capset: [126, 91],
  gettid: [186, 178],
  setgroups: [116, 159],
  setresgid: [119, 149],
  setresuid: [117, 147],
  process_vm_readv: [310, 270],
  open_tree: [428, 428],
  move_mount: [429, 429],
  clone3: [435, 435],
  close_range: [436, 436],
  openat2: [437, 437],
  mount_setattr: [442, 442],
  landlock_create_ruleset: [444, 444],
  landlock_add_rule: [445, 445],
  landlock_restrict_self: [446, 446],
} as const;

const O_PATH = 0x200000;
const O_CLOEXEC = 0x80000;
const O_CREAT = 0x40;
const O_EXCL = 0x80;
const O_RDWR = 2;
const O_NOCTTY = 0x100;
const O_NONBLOCK = 0x800;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const RESOLVE_IN_ROOT = 0x10;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 0x04;
const MOVE_MOUNT_T_SYMLINKS = 0x10;
const MOUNT_ATTR_IDMAP = 0x100000n;
const CLOSE_RANGE_CLOEXEC = 4;
const LANDLOCK_CREATE_RULESET_VERSION = 1;
const RULE_PATH_BENEATH = 1;
/** `_LINUX_CAPABILITY_VERSION_3`: two words of 32 bits for each set. */
const CAPABILITY_VERSION = 0x20080522;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const MNT_DETACH = 2;
const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2n;

type RawCall = keyof typeof NUMBERS;

/** Each method throws a `SyscallError` where the kernel refuses. */
export type Libc = ReturnType<typeof loadLibc>;

/** Binds the calls. Nothing is called yet. */
export function loadLibc() {
  const raw = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  const errno = () => new Deno.UnsafePointerView(raw.__errno_location()!).getInt32();
  const check = (call: string, subject: string, result: number | bigint): number => {
    // INVARIANT: errno is read before any other call, which could overwrite it.
    if (Number(result) < 0) throw new SyscallError(call, subject, errno());
    return Number(result);
  };
  const number = (call: RawCall) => BigInt(NUMBERS[call][Deno.build.arch === "x86_64" ? 0 : 1]);
  return {
    ...bindFiles(raw, check, number),
    ...bindDescriptors(raw, check, number),
    ...bindConfinement(raw, check, number),
    ...bindFilters(raw, check, number),
    ...bindSockets(raw, check),
  };
}

type Raw = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
type Check = (call: string, subject: string, result: number | bigint) => number;
type NumberOf = (call: RawCall) => bigint;

function bindFiles(raw: Raw, check: Check, number: NumberOf) {
  return {
    /** Mounts, or changes the propagation of mounts. `null` stands for no text. */
    mount(target: string, options: MountOptions): void {
      const { source = "none", type = null, flags = 0n, data = null } = options;
      const text = (value: string | null) => value === null ? null : encode(value);
      check(
        "mount",
        target,
        raw.mount(encode(source), encode(target), text(type), flags, text(data)),
      );
    },
    /** Makes `folder` the root of this mount namespace; the old root is then in its `old`. */
    changeRoot(folder: string, old: string): void {
      check("chdir", folder, raw.chdir(encode(folder)));
      const result = raw.twoBuffers(number("pivot_root"), encode("."), encode(old));
      check("pivot_root", folder, result);
      check("chdir", "/", raw.chdir(encode("/")));
    },
    /** Takes a mount and all below it away from here, also where something is still in use. */
    unmount(path: string): void {
      check("umount2", path, raw.umount2(encode(path), MNT_DETACH));
    },
    /** Mode bits that new files of this thread and its children do not get. */
    setUmask(mask: number): void {
      raw.umask(mask);
    },
    makeFolder(parent: number, name: string): void {
      check("mkdir", name, raw.mkdirat(parent, encode(name), 0o755));
    },
    makeLink(parent: number, name: string, to: string): void {
      check("symlink", name, raw.symlinkat(encode(to), parent, encode(name)));
    },
    /** Fails where there is one. */
    makeFile(parent: number, name: string, text: string): void {
      const flags = O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC;
      const file = check("create", name, raw.openat(parent, encode(name), flags, 0o644));
      try {
        const bytes = new TextEncoder().encode(text);
        if (bytes.length > 0) check("write", name, raw.write(file, bytes, BigInt(bytes.length)));
      } finally {
        raw.close(file);
      }
    },
    /** Returns a copy of a mount and all below it that is nowhere yet. */
    copyMounts(descriptor: number): number {
      const flags = OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH;
      const tree = raw.openTree(number("open_tree"), descriptor, encode(""), flags);
      return check("open_tree", `descriptor ${descriptor}`, tree);
    },
    /** Puts such a copy at its place, which may be a link of `/proc` to a descriptor. */
    moveMount(tree: number, target: string): void {
      const call = number("move_mount");
      const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
      const moved = raw.moveMount(call, tree, encode(""), AT_FDCWD, encode(target), flags);
      check("move_mount", target, moved);
    },
  };
}

function bindDescriptors(raw: Raw, check: Check, number: NumberOf) {
  return {
    /** Opens a path for reference only. */
    openPath(path: string): number {
      return check("open", path, raw.openat(AT_FDCWD, encode(path), O_PATH | O_CLOEXEC, 0));
    },
    /** Opens a path for reading. */
    openForReading(path: string): number {
      return check("open", path, raw.openat(AT_FDCWD, encode(path), O_CLOEXEC, 0));
    },
    /** Opens a device that makes terminals, for reading and writing without waiting. */
    openTerminalMaster(path: string): number {
      const flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
      return check("open", path, raw.openat(AT_FDCWD, encode(path), flags, 0));
    },
    /** Opens a path as if `root` were `/`: no link leads out of it. */
    openInRoot(root: number, path: string): number {
      const how = new BigUint64Array([
        BigInt(O_PATH | O_CLOEXEC),
        0n,
        BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
      ]);
      const bytes = new Uint8Array(how.buffer);
      const opened = raw.openat2(number("openat2"), root, encode(path), bytes, 24n);
      return check("open", path, opened);
    },
    /** Sets `MOUNT_ATTR_*` bits of a mount, and of all below it where asked. */
    setMountAttributes(descriptor: number, attributes: number, recursive: boolean): void {
      const bytes = new Uint8Array(new BigUint64Array([BigInt(attributes), 0n, 0n, 0n]).buffer);
      const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
      const call = number("mount_setattr");
      const result = raw.mountSetattr(call, descriptor, encode(""), flags, bytes, 32n);
      check("mount_setattr", `descriptor ${descriptor}`, result);
    },
    /** Shows owners of a mount that is nowhere yet, and of all below it, by a user namespace. */
    mapOwners(tree: number, namespace: number): void {
      const text = new BigUint64Array([MOUNT_ATTR_IDMAP, 0n, 0n, BigInt(namespace)]);
      const call = number("mount_setattr");
      const flags = AT_EMPTY_PATH | AT_RECURSIVE;
      const bytes = new Uint8Array(text.buffer);
      const result = raw.mountSetattr(call, tree, encode(""), flags, bytes, 32n);
      check("mount_setattr", `descriptor ${tree}`, result);
    },
    /** Opens a path for reference, through no link and not out of the folder. */
    openBeneath(folder: number, path: string): number {
      const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
      const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(resolve)]);
      const bytes = new Uint8Array(how.buffer);
      const opened = raw.openat2(number("openat2"), folder, encode(path), bytes, 24n);
      return check("open", path, opened);
    },
    /** Lets no program inherit what is open now, beyond its own input and outputs. */
    keepDescriptors(): void {
      const result = raw.closeRange(number("close_range"), 3, 0xffffffff, CLOSE_RANGE_CLOEXEC);
      check("close_range", "all descriptors", result);
    },
    close(descriptor: number): void {
      check("close", `descriptor ${descriptor}`, raw.close(descriptor));
    },
  };
}

interface MountOptions {
  readonly source?: string;
  readonly type?: string;
  readonly flags?: bigint;
  readonly data?: string;
}

function bindConfinement(raw: Raw, check: Check, number: NumberOf) {
  const numbers = (call: RawCall, a = 0n, b = 0n, c = 0n) =>
    check(call, `${a}, ${b}, ${c}`, raw.numbers(number(call), a, b, c));
  return {
    unshare(flags: number): void {
      check("unshare", `flags 0x${flags.toString(16)}`, raw.unshare(flags));
    },
    setHostname(name: string): void {
      const bytes = new TextEncoder().encode(name);
      check("sethostname", name, raw.sethostname(bytes, BigInt(bytes.length)));
    },
    threadId: () => numbers("gettid"),
    prctl(option: number, second: bigint, third = 0n): void {
      check("prctl", `option ${option}`, raw.prctl(option, second, third, 0n, 0n));
    },
    /** Holds for the whole process: limits belong to processes, not to threads. */
    setLimit(resource: number, soft: bigint, hard: bigint): void {
      const bytes = new Uint8Array(new BigUint64Array([soft, hard]).buffer);
      check("setrlimit", `resource ${resource}`, raw.setrlimit(resource, bytes));
    },
    /** Takes all supplementary groups, and then root's identity, from this thread. */
    setIdentity(uid: number, gid: number): void {
      numbers("setgroups");
      numbers("setresgid", BigInt(gid), BigInt(gid), BigInt(gid));
      numbers("setresuid", BigInt(uid), BigInt(uid), BigInt(uid));
    },
    /**
     * Lets no program that is started inherit what this thread may: ambient capabilities go with
     * the inheritable ones. What the thread itself may do stays.
     */
    inheritNothing(): void {
      const header = new Uint8Array(new Uint32Array([CAPABILITY_VERSION, 0]).buffer);
      const sets = new Uint32Array(6);
      const bytes = new Uint8Array(sets.buffer);
      check("capget", "this thread", raw.twoBuffers(number("capget"), header, bytes));
      // Effective, permitted, inheritable: the first words, and then the second ones.
      sets[2] = sets[5] = 0;
      check("capset", "this thread", raw.twoBuffers(number("capset"), header, bytes));
    },
  };
}

function bindFilters(raw: Raw, check: Check, number: NumberOf) {
  const numbers = (call: RawCall, a = 0n, b = 0n, c = 0n) =>
    check(call, `${a}, ${b}, ${c}`, raw.numbers(number(call), a, b, c));
  return {
    /** Returns the kernel's level of Landlock. */
    landlockAbi(): number {
      const call = number("landlock_create_ruleset");
      const result = raw.bufferFirst(call, null, 0n, LANDLOCK_CREATE_RULESET_VERSION);
      return check("landlock_create_ruleset", "version", result);
    },
    createRuleset(ruleset: Uint8Array<ArrayBuffer>): number {
      const call = number("landlock_create_ruleset");
      const result = raw.bufferFirst(call, ruleset, BigInt(ruleset.length), 0);
      return check("landlock_create_ruleset", "rules", result);
    },
    addPathRule(ruleset: number, rule: Uint8Array<ArrayBuffer>): void {
      const call = number("landlock_add_rule");
      const result = raw.landlockAddRule(call, ruleset, RULE_PATH_BENEATH, rule, 0);
      check("landlock_add_rule", "path", result);
    },
    restrictSelf(ruleset: number): void {
      numbers("landlock_restrict_self", BigInt(ruleset));
    },
    /** Puts a filter on this thread and on all that it will ever spawn. */
    installFilter(program: Uint8Array<ArrayBuffer>): void {
      const view = new DataView(new ArrayBuffer(16));
      view.setUint16(0, program.length / 8, true);
      // INVARIANT: `program` stays referenced by the caller until the kernel has copied it.
      view.setBigUint64(8, Deno.UnsafePointer.value(Deno.UnsafePointer.of(program)), true);
      const descriptor = new Uint8Array(view.buffer);
      const result = raw.prctlBuffer(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, descriptor, 0n, 0n);
      check("prctl", "seccomp filter", result);
    },
    /** Succeeds everywhere but under our filter: reads no memory of no process. */
    readNoMemory(): void {
      numbers("process_vm_readv", BigInt(Deno.pid));
    },
    /** `EFAULT` everywhere but under our final filter. */
    installNoFilter(): void {
      const result = raw.prctlBuffer(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, null, 0n, 0n);
      check("prctl", "no filter", result);
    },
    /** `EINVAL` everywhere but under our filter, where it does not exist. */
    cloneNothing(): void {
      numbers("clone3");
    },
  };
}

function bindSockets(raw: Raw, check: Check) {
  return {
    /** Returns a socket that no child inherits. */
    socket(family: number, type: number, protocol: number): number {
      const flags = type | 0x80000;
      return check("socket", `family ${family}`, raw.socket(family, flags, protocol));
    },
    /** Puts a socket at an address, `sockaddr` in bytes, and lets it accept. */
    listen(descriptor: number, address: Uint8Array<ArrayBuffer>, backlog: number): void {
      // Connections that have ended a moment ago do not keep the address.
      const on = new Uint8Array(new Int32Array([1]).buffer);
      const set = raw.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, on, on.length);
      check("setsockopt", `descriptor ${descriptor}`, set);
      check("bind", `descriptor ${descriptor}`, raw.bind(descriptor, address, address.length));
      check("listen", `descriptor ${descriptor}`, raw.listen(descriptor, backlog));
    },
    /** Connects a socket, `sockaddr` in bytes. One that does not wait says so by its error. */
    connect(descriptor: number, address: Uint8Array<ArrayBuffer>): void {
      const result = raw.connect(descriptor, address, address.length);
      check("connect", `descriptor ${descriptor}`, result);
    },
    ioctl(descriptor: number, request: bigint, data: Uint8Array<ArrayBuffer>): void {
      check("ioctl", `request 0x${request.toString(16)}`, raw.ioctl(descriptor, request, data));
    },
  };
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
