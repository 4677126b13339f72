/**
 * Attacks on the kernel: namespaces, mounts, and every call that only the machine's owner needs.
 *
 * @module
 */

import type { Attack } from "../support/attack.ts";
import { type Call, calls, int80, perl, plainElf, REFUSED } from "./scripts.ts";

interface Refused {
  readonly id: string;
  readonly title: string;
  readonly list: readonly Call[];
  readonly before?: string;
  readonly shows?: RegExp;
  readonly twin: Attack["twin"];
}

const LIVES = { script: "echo lives", shows: /^lives$/m };

const NEW_NAMESPACES = [
  ["time", 0x80],
  ["mount", 0x20000],
  ["cgroup", 0x2000000],
  ["uts", 0x4000000],
  ["ipc", 0x8000000],
  ["user", 0x10000000],
  ["pid", 0x20000000],
  ["net", 0x40000000],
] as const;

/** Each is refused by the kernel or does not exist, and nothing else. */
const REFUSED_CALLS: readonly Refused[] = [
  {
    id: "unshare-each-namespace",
    title: "own the machine's powers in a new user namespace",
    list: NEW_NAMESPACES.map(([name, flag]): Call => [name, 272, flag]),
    twin: { script: calls([["files", 272, 0x400]]), shows: /^files done 0$/m },
  },
  {
    id: "clone-each-namespace",
    title: "start a process in new namespaces",
    list: [
      ...NEW_NAMESPACES.slice(1).map(([name, flag]): Call => [name, 56, flag | 17, 0, 0, 0, 0]),
      ["clone3", 435, '"\\0" x 88', 88],
    ],
    twin: { script: perl("my $p = fork; exit 7 unless $p; wait; print $? >> 8"), shows: /^7$/m },
  },
  {
    id: "setns-by-proc",
    title: "enter the namespaces of another process",
    before: 'open(my $own, "<", "/proc/self/ns/user"); open(my $init, "<", "/proc/1/ns/mnt");',
    list: [
      ["own", 308, "fileno($own)", 0],
      ["init", 308, "defined $init && fileno($init) ? fileno($init) : 0", 0],
    ],
    twin: { script: "readlink /proc/self/ns/user", shows: /^user:\[\d+\]$/m },
  },
  {
    id: "mount-by-every-call",
    title: "show other folders by a mount of one's own",
    list: [
      ["mount", 165, '"none"', '"/tmp"', '"tmpfs"', 0, 0],
      ["bind", 165, '"/proc"', '"/tmp"', 0, 4096, 0],
      ["remount", 165, '"none"', '"/usr"', 0, 4128, 0],
      ["umount2", 166, '"/etc/passwd"', 2],
      ["fsopen", 430, '"tmpfs"', 0],
      ["fsconfig", 431, 0, 0, 0, 0, 0],
      ["fsmount", 432, 0, 0, 0],
      ["fspick", 433, -100, '"/usr"', 0],
      ["open_tree", 428, -100, '"/usr"', 1],
      ["open_tree_attr", 467, -100, '"/usr"', 1, 0, 0],
      ["move_mount", 429, -100, '"/usr"', -100, '"/tmp"', 0],
      ["mount_setattr", 442, -100, '"/usr"', 0, '"\\0" x 32', 32],
      ["pivot_root", 155, '"/tmp"', '"/tmp"'],
      ["chroot", 161, '"/tmp"'],
      ["statmount", 457, 0, 0, 0, 0],
      ["listmount", 458, 0, 0, 0, 0],
    ],
    twin: { script: "cd /tmp && mkdir -p m && cd m && pwd", shows: /^\/tmp\/m$/m },
  },
  {
    id: "io-uring",
    title: "act by a ring that no filter sees",
    list: [["setup", 425, 8, '"\\0" x 120'], ["enter", 426, 0, 0, 0, 0, 0], [
      "register",
      427,
      0,
      0,
      0,
      0,
    ]],
    twin: { script: "cat /etc/hostname | wc -l", shows: /^1$/m },
  },
  {
    id: "bpf-perf-userfaultfd",
    title: "large parts of the kernel that have had holes",
    list: [
      ["bpf", 321, 0, '"\\0" x 128', 128],
      ["bpf-load", 321, 5, '"\\0" x 128', 128],
      ["perf", 298, '"\\0" x 128', 0, -1, -1, 0],
      ["userfaultfd", 323, 0],
      ["userfaultfd-user", 323, 1],
      ["fanotify", 300, 0, 0],
      ["modify_ldt", 154, 0, 0, 0],
      ["lsm", 460, 100, 0, 0, 0],
    ],
    twin: { script: calls([["inotify", 294, 0]]), shows: /^inotify done \d+$/m },
  },
  {
    id: "load-kernel-code",
    title: "put code into the kernel, or another kernel in its place",
    list: [
      ["init_module", 175, '"x"', 1, '""'],
      ["finit_module", 313, 0, '""', 0],
      ["delete_module", 176, '"loop"', 0],
      ["kexec_load", 246, 0, 0, 0, 0],
      ["kexec_file_load", 320, 0, 0, 0, 0, 0],
      ["iopl", 172, 3],
      ["ioperm", 173, 0x70, 2, 1],
    ],
    twin: { script: "uname -s", shows: /^Linux$/m },
  },
  {
    id: "stop-the-machine",
    title: "restart it, take its swap, its quotas, its accounting",
    list: [
      ["reboot", 169, 0xfee1dead, 672274793, 0x89abcdef, 0],
      ["swapon", 167, '"/tmp/x"', 0],
      ["swapoff", 168, '"/tmp/x"'],
      ["acct", 163, 0],
      ["quotactl", 179, 0x80000100, 0, 0, 0],
      ["quotactl_fd", 443, 0, 0, 0, 0],
      ["vhangup", 153],
      ["syslog", 103, 3, 0, 0],
    ],
    twin: { script: "cat /proc/uptime", shows: /^[\d.]+ [\d.]+$/m },
  },
  {
    id: "change-the-clock",
    title: "make certificates and logs lie about the time",
    list: [
      ["settimeofday", 164, '"\\0" x 16', 0],
      ["clock_settime", 227, 0, '"\\0" x 16'],
      ["adjtimex", 159, '"\\0" x 208'],
      ["clock_adjtime", 305, 0, '"\\0" x 208'],
    ],
    twin: { script: "date +%s", shows: /^\d{10}$/m },
  },
  {
    id: "change-the-names",
    title: "rename the machine",
    list: [["sethostname", 170, '"evil"', 4], ["setdomainname", 171, '"evil"', 4]],
    twin: { script: "uname -n", shows: /^\S+$/m },
  },
  {
    id: "open-by-handle",
    title: "open a file of the machine by its handle",
    list: [
      ["name_to_handle_at", 303, -100, '"/etc"', '"\\0" x 140', '"\\0" x 8', 0],
      ["open_by_handle_at", 304, -100, '"\\x08\\0\\0\\0\\1\\0\\0\\0\\2" . "\\0" x 40', 0],
    ],
    twin: { script: "ls -d /etc", shows: /^\/etc$/m },
  },
  {
    id: "compare-and-advise-others",
    title: "learn and change what other processes have in memory",
    list: [
      ["kcmp", 312, 1, 1, 0, 0, 0],
      ["process_madvise", 440, 0, 0, 0, 0, 0],
      ["process_mrelease", 448, 0, 0],
    ],
    twin: { script: perl('my $x = "y" x 1_000_000; print length $x'), shows: /^1000000$/m },
  },
  {
    id: "own-filters",
    title: "answer system calls oneself, by a filter with a listener",
    before: 'my $f = pack("SCCL", 6, 0, 0, 0x7fff0000); my $p = pack("Sx6P", 1, $f);',
    list: [
      ["seccomp", 317, 1, 0, "$p"],
      ["listener", 317, 1, 8, "$p"],
      ["prctl", 157, 22, 2, "$p", 0, 0],
    ],
    twin: { script: calls([["get", 157, 21, 0, 0, 0, 0]]), shows: /^get done 2$/m },
  },
  {
    id: "memory-programs-by-descriptor",
    title: "run what has no path",
    before: 'my $name = "x"; my $fd = syscall(319, $name, 0);',
    list: [["execveat", 322, "$fd", '""', 0, 0, 0x1000]],
    twin: { script: "bash -c 'exec /bin/true'; echo ended $?", shows: /^ended 0$/m },
  },
  {
    id: "paths-in-structures",
    title: "make files by a call whose arguments no filter sees",
    list: [["openat2", 437, -100, '"/tmp/x"', '"\\x41\\0\\0\\0\\0\\0\\0\\0" . "\\0" x 16', 24]],
    twin: { script: "echo x > /tmp/openat && cat /tmp/openat", shows: /^x$/m },
  },
  {
    id: "unknown-calls",
    title: "calls that are newer than the filter, or were never finished",
    list: [
      ...[470, 471, 500, 1000, 0x3fffffff].map((number): Call => [`n${number}`, number, 0, 0, 0]),
      ["uselib", 134, '"/x"'],
      ["sysfs", 139, 3],
      ["ustat", 136, 0, '"\\0" x 64'],
      ["_sysctl", 156, 0],
      ["nfsservctl", 180, 0, 0, 0],
      ["lookup_dcookie", 212, 0, 0, 0],
    ],
    twin: { script: calls([["getpid", 39]]), shows: /^getpid done \d+$/m },
  },
  {
    id: "numbers-of-x32",
    title: "pass the filter by the numbers of another ABI",
    list: [39, 165, 272, 101, 521].map((number): Call => [
      `x32-${number}`,
      0x40000000 + number,
      0x10000000,
      0,
      0,
    ]),
    twin: { script: calls([["getpid", 39]]), shows: /^getpid done \d+$/m },
  },
  {
    id: "numbers-with-high-bits",
    title: "pass the filter by bits that only one side looks at",
    list: [
      ["unshare", 2 ** 32 + 272, 0x10000000],
      ["mount", 2 ** 33 + 165, '"none"', '"/tmp"', '"tmpfs"', 0, 0],
      ["flags", 272, 2 ** 32 + 0x10000000],
    ],
    shows: /^(\w+ (EPERM|ENOSYS)\n)+$/,
    twin: LIVES,
  },
];

const FAMILIES = perl(String.raw`my %known = (2 => "inet", 10 => "inet6");
for my $family (0..63) { for my $type (1, 2, 3, 5) { for my $protocol (0, 1, 15, 16, 255) {
  next if $family == 1 || $family == 16 && $protocol == 0;
  next if $known{$family} && $type != 3 && $protocol != 255;
  $! = 0; my $fd = syscall(41, $family, $type, $protocol);
  print "made $family $type $protocol\n" if $fd >= 0; } } }
print "tried\n";`);

const WRITES = [
  "kernel/core_pattern",
  "kernel/modprobe",
  "kernel/hotplug",
  "kernel/hostname",
  "kernel/ns_last_pid",
  "kernel/sysrq",
  "kernel/randomize_va_space",
  "kernel/yama/ptrace_scope",
  "kernel/unprivileged_bpf_disabled",
  "kernel/pty/max",
  "net/ipv4/ip_forward",
  "net/ipv4/conf/all/forwarding",
  "user/max_user_namespaces",
  "vm/overcommit_memory",
  "vm/drop_caches",
  "fs/suid_dumpable",
  "fs/binfmt_misc/register",
];

const PLAIN: readonly Attack[] = [
  {
    id: "socket-families",
    title: "reach parts of the kernel by rare kinds of sockets",
    area: "kernel",
    attack: { script: FAMILIES, shows: /^tried\n$/ },
    twin: {
      script: calls([["unix", 41, 1, 1, 0], ["inet", 41, 2, 1, 0], ["inet6", 41, 10, 1, 0]]),
      shows: /^unix done \d+\ninet done \d+\ninet6 done \d+$/m,
    },
  },
  {
    id: "raw-packets",
    title: "send packets of one's own making",
    area: "kernel",
    attack: {
      script: calls([
        ["raw", 41, 2, 3, 1],
        ["raw6", 41, 10, 3, 58],
        ["packet", 41, 17, 3, 768],
        ["audit", 41, 16, 3, 9],
        ["netfilter", 41, 16, 3, 12],
        ["vsock", 41, 40, 1, 0],
        ["alg", 41, 38, 5, 0],
        ["xdp", 41, 44, 3, 0],
        ["tipc", 41, 30, 1, 0],
      ]),
      shows: REFUSED,
    },
    twin: { script: calls([["route", 41, 16, 3, 0]]), shows: /^route done \d+$/m },
  },
  {
    id: "change-the-network",
    title: "make an interface, an address, or a route out",
    area: "kernel",
    attack: {
      script: "for c in 'link add d0 type dummy' 'addr add 10.9.9.9/8 dev lo' " +
        "'route add default dev lo' 'link set lo down' 'netns add x'; do " +
        "ip $c 2>&1 && echo CHANGED; done; true",
      shows: /^(?![\s\S]*CHANGED)[\s\S]*(not permitted|denied)/,
    },
    twin: { script: "ip -o addr show lo | head -1", shows: /127\.0\.0\.1/ },
  },
  {
    id: "int-0x80",
    title: "call by the door of 32-bit programs",
    area: "kernel",
    attack: { script: int80(), shows: /ended 159/ },
    twin: { script: plainElf() + "; { /sandbox/elf; echo again $?; }", shows: /again 0/ },
  },
  {
    id: "own-landlock",
    title: "get rid of the rules by adding own ones",
    area: "kernel",
    attack: {
      script: perl(String.raw`my $attr = pack("Q", 0xffff); my $set = syscall(444, $attr, 8, 0);
open(my $root, "<", "/usr"); my $rule = pack("QL", 0xf, fileno($root));
tell_call("add", 445, $set, 1, $rule, 0); tell_call("restrict", 446, $set, 0);
for (qw(/root /etc/shadow /proc/1/environ)) { open(my $f, "<", $_) ? print "OPENED $_\n" : 1 }`),
      shows: /^(?![\s\S]*OPENED)/,
    },
    twin: { script: calls([["version", 444, 0, 0, 1]]), shows: /^version done \d+$/m },
  },
  {
    id: "write-proc-sys",
    title: "change the machine by its settings",
    area: "kernel",
    attack: {
      script: `for f in ${WRITES.join(" ")}; do { v=$(cat /proc/sys/$f 2>/dev/null); ` +
        "echo ${v:-1} > /proc/sys/$f; } 2>/dev/null && echo WROTE $f; done; echo tried",
      shows: /^tried\n$/,
    },
    twin: { script: "cat /proc/sys/kernel/ostype", shows: /^Linux$/m },
  },
  {
    id: "sysrq-and-proc-doors",
    title: "use the doors that /proc has to the machine",
    area: "kernel",
    attack: {
      script: "for f in sysrq-trigger kcore kmem kmsg kpagecount kpageflags acpi/wakeup " +
        "scsi/scsi bus/pci/devices mtrr sys/kernel/core_pattern 1/mem 1/oom_score_adj; do " +
        "( exec 3<>/proc/$f ) 2>/dev/null && echo OPENED $f; " +
        "( echo h > /proc/$f ) 2>/dev/null && echo WROTE $f; done; " +
        "head -c1 /proc/kcore /proc/kmsg /proc/keys /proc/timer_list 2>/dev/null | wc -c; " +
        "awk '$1 != 0 && $1 !~ /^0+$/ { print \"ADDRESS\", $0; exit }' /proc/kallsyms; echo tried",
      shows: /^(?![\s\S]*(OPENED|WROTE|ADDRESS))[\s\S]*tried/,
    },
    twin: { script: "head -c 9 /proc/self/comm", shows: /^head$/m },
  },
  {
    id: "control-groups",
    title: "leave the limits, or run a program of the machine by release_agent",
    area: "kernel",
    attack: {
      script: "ls -A /sys 2>/dev/null | head -3; find / -name release_agent 2>/dev/null; " +
        "find / -name cgroup.procs 2>/dev/null; mount -t cgroup none /tmp 2>&1; " +
        "cat /proc/self/cgroup | cut -d: -f3 | sort -u",
      shows: /^(?![\s\S]*(release_agent|cgroup\.procs))[\s\S]*(permi|denied|must be)[\s\S]*\n\/$/m,
    },
    twin: { script: "cat /proc/self/cgroup | wc -l", shows: /^\d+$/m },
  },
];

export const KERNEL_ATTACKS: readonly Attack[] = [
  ...REFUSED_CALLS.map(({ id, title, list, before, shows = REFUSED, twin }): Attack => ({
    id,
    title,
    area: "kernel",
    attack: { script: calls(list, before), shows },
    twin,
  })),
  ...PLAIN,
];
