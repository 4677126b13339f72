import assert from "node:assert/strict";
import {
  buildFilter,
  encodeFilter,
  ENOSYS,
  EPERM,
  type FilterStage,
  type Instruction,
  REFUSALS,
} from "./seccomp_filter.ts";
import {
  type Processor,
  SYSCALL_NUMBER_MAX,
  type SyscallName,
  syscallNumber,
} from "./syscall_numbers.ts";

const PROCESSORS: readonly Processor[] = ["x86_64", "aarch64"];
const ARCH = { x86_64: 0xc000003e, aarch64: 0xc00000b7, i386: 0x40000003, arm: 0x40000028 };
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const refused = (errno: number) => 0x50000 | errno;

interface Call {
  readonly arch: number;
  readonly number: number;
  readonly args?: readonly (number | bigint)[];
}

/** Runs a program as the kernel does, and insists on what the kernel's verifier insists on. */
function interpret(program: readonly Instruction[], { arch, number, args = [] }: Call): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  for (const [at, arg] of args.entries()) data.setBigUint64(16 + at * 8, BigInt(arg), true);
  let accumulator = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, whenTrue, whenFalse, value } = program[at]!;
    assert.ok(whenTrue <= 255 && whenFalse <= 255, `instruction ${at} jumps too far`);
    assert.ok(at + 1 + Math.max(whenTrue, whenFalse) < program.length || code === 0x06);
    if (code === 0x06) return value;
    if (code === 0x20) accumulator = data.getUint32(value, true);
    else at += holds(code, accumulator, value) ? whenTrue : whenFalse;
  }
  return assert.fail("the program has no end");
}

function holds(code: number, accumulator: number, value: number): boolean {
  if (code === 0x15) return accumulator === value;
  if (code === 0x25) return accumulator > value;
  if (code === 0x45) return (accumulator & value) !== 0;
  return assert.fail(`instruction ${code} is unknown`);
}

function judge(
  name: SyscallName,
  args: readonly (number | bigint)[] = [],
  stage: FilterStage = "final",
): readonly number[] {
  return PROCESSORS.flatMap((processor) => {
    const number = syscallNumber(name, processor);
    if (number === null) return [];
    return interpret(buildFilter(processor, stage), { arch: ARCH[processor], number, args });
  });
}

function assertAll(answers: readonly number[], wanted: number): void {
  assert.ok(answers.length > 0);
  for (const answer of answers) assert.equal(answer, wanted);
}

const ALWAYS = REFUSALS.filter(({ when }) => when.length === 0);

Deno.test.each(ALWAYS)("buildFilter() refuses $name, whatever its arguments", (row) => {
  assertAll(judge(row.name), refused(row.errno));
  assertAll(judge(row.name, [1, 2, 3, 4, 5, 6]), refused(row.errno));
  assertAll(judge(row.name, [], "first"), row.late ? ALLOW : refused(row.errno));
});

const HIGH = 1n << 32n;

Deno.test.each(
  [
    { name: "clone", args: [0x11], want: ALLOW, what: "a fork" },
    { name: "clone", args: [0x3d0f00], want: ALLOW, what: "a thread" },
    { name: "clone", args: [0x20000], want: refused(EPERM), what: "NEWNS" },
    { name: "clone", args: [0x2000000], want: refused(EPERM), what: "NEWCGROUP" },
    { name: "clone", args: [0x4000000], want: refused(EPERM), what: "NEWUTS" },
    { name: "clone", args: [0x8000000], want: refused(EPERM), what: "NEWIPC" },
    { name: "clone", args: [0x10000011], want: refused(EPERM), what: "NEWUSER among others" },
    { name: "clone", args: [0x20000000], want: refused(EPERM), what: "NEWPID" },
    { name: "clone", args: [0x40000000], want: refused(EPERM), what: "NEWNET" },
    { name: "unshare", args: [0x400], want: ALLOW, what: "FILES" },
    { name: "unshare", args: [0x10000000], want: refused(EPERM), what: "NEWUSER" },
    { name: "unshare", args: [0x80], want: refused(EPERM), what: "NEWTIME" },
    { name: "io_setup", args: [60_000, 0], want: refused(ENOSYS), what: "at all" },
    { name: "renameat2", args: [0, 0, 0, 0, 2], want: ALLOW, what: "EXCHANGE" },
    { name: "renameat2", args: [0, 0, 0, 0, 4], want: refused(EPERM), what: "WHITEOUT" },
    { name: "clone3", args: [0, 0], want: refused(ENOSYS), what: "at all" },
    { name: "socket", args: [1, 1, 0], want: ALLOW, what: "UNIX" },
    { name: "socket", args: [2, 1, 6], want: ALLOW, what: "INET" },
    { name: "socket", args: [10, 2, 0], want: ALLOW, what: "INET6" },
    { name: "socket", args: [16, 3, 0], want: ALLOW, what: "NETLINK for routes" },
    { name: "socket", args: [16, 3, 9], want: refused(EPERM), what: "NETLINK for audit" },
    { name: "socket", args: [16, 3, 12], want: refused(EPERM), what: "NETLINK for netfilter" },
    { name: "socket", args: [0, 0, 0], want: refused(EPERM), what: "UNSPEC" },
    { name: "socket", args: [17, 3, 0], want: refused(EPERM), what: "PACKET" },
    { name: "socket", args: [31, 1, 0], want: refused(EPERM), what: "BLUETOOTH" },
    { name: "socket", args: [38, 5, 0], want: refused(EPERM), what: "ALG" },
    { name: "socket", args: [40, 1, 0], want: refused(EPERM), what: "VSOCK" },
    { name: "socket", args: [44, 3, 0], want: refused(EPERM), what: "XDP" },
    {
      name: "socket",
      args: [HIGH | 40n, 1, 0],
      want: refused(EPERM),
      what: "VSOCK with high bits",
    },
    { name: "socketpair", args: [1, 1, 0], want: ALLOW, what: "UNIX" },
    { name: "socketpair", args: [30, 1, 0], want: refused(EPERM), what: "TIPC" },
    { name: "execveat", args: [3, 0, 0, 0, 0], want: ALLOW, what: "a path" },
    { name: "execveat", args: [3, 0, 0, 0, 0x1100], want: refused(EPERM), what: "EMPTY_PATH" },
    { name: "ioctl", args: [0, 0x5413], want: ALLOW, what: "TIOCGWINSZ" },
    { name: "ioctl", args: [0, 0x5412], want: refused(EPERM), what: "TIOCSTI" },
    { name: "ioctl", args: [0, HIGH | 0x5412n], want: refused(EPERM), what: "TIOCSTI, high bits" },
    { name: "ioctl", args: [0, 0x541c], want: refused(EPERM), what: "TIOCLINUX" },
    { name: "seccomp", args: [1], want: refused(EPERM), what: "SET_MODE_FILTER" },
    { name: "seccomp", args: [2], want: ALLOW, what: "GET_ACTION_AVAIL" },
    { name: "prctl", args: [22, 2], want: refused(EPERM), what: "SET_SECCOMP to a filter" },
    { name: "prctl", args: [15, 2], want: ALLOW, what: "SET_NAME" },
  ] as const,
)("buildFilter() decides on $name with $what", ({ name, args, want }) => {
  assertAll(judge(name, args), want);
});

Deno.test("buildFilter() ends programs of another ABI, whatever they call", () => {
  for (const processor of PROCESSORS) {
    for (const arch of Object.values(ARCH).filter((arch) => arch !== ARCH[processor])) {
      const program = buildFilter(processor, "final");
      for (let number = 0; number < 500; number++) {
        assert.equal(interpret(program, { arch, number }), KILL);
      }
    }
  }
});

Deno.test("buildFilter() does not know x32 and calls that are newer than its table", () => {
  for (const processor of PROCESSORS) {
    const program = buildFilter(processor, "final");
    for (const number of [SYSCALL_NUMBER_MAX + 1, 0x40000000, 0x40000001, 0xffffffff]) {
      assert.equal(interpret(program, { arch: ARCH[processor], number }), refused(ENOSYS));
    }
  }
});

Deno.test("buildFilter() allows every call that the table does not name", () => {
  for (const processor of PROCESSORS) {
    const program = buildFilter(processor, "final");
    const named = new Set(REFUSALS.map(({ name }) => syscallNumber(name, processor)));
    for (let number = 0; number <= SYSCALL_NUMBER_MAX; number++) {
      if (named.has(number)) continue;
      assert.equal(interpret(program, { arch: ARCH[processor], number }), ALLOW);
    }
  }
});

Deno.test("encodeFilter() writes what the kernel takes", () => {
  const program = buildFilter("x86_64", "final");
  assert.ok(program.length <= 4096);
  const bytes = encodeFilter(program);
  assert.equal(bytes.length, program.length * 8);
  assert.deepEqual([...bytes.slice(8, 16)], [0x15, 0, 1, 0, 0x3e, 0, 0, 0xc0]);
});
