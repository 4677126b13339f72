/**
 * Attacks on other processes: their memory, their descriptors, their life, their priority.
 *
 * @module
 */

import assert from "node:assert/strict";
import { findLeftovers } from "../../support/leftovers.ts";
import { Terminal } from "../../support/terminal.ts";
import type { World } from "../../support/world.ts";
import type { Attack } from "../support/attack.ts";
import { NEIGHBOUR } from "./scene.ts";
import { calls, perl, REFUSED } from "./scripts.ts";

/** Everything that one process may do to another, tried at init and at one's own child. */
const OTHERS = calls([
  ["traceme", 101, 0, 0, 0, 0],
  ["attach", 101, 16, "$child", 0, 0],
  ["seize", 101, 0x4206, "$child", 0, 0],
  ["attach-init", 101, 16, 1, 0, 0],
  ["readv", 310, "$child", "$iov", 1, "$iov", 1, 0],
  ["writev", 311, "$child", "$iov", 1, "$iov", 1, 0],
  ["readv-init", 310, 1, "$iov", 1, "$iov", 1, 0],
  ["pidfd_open", 434, 1, 0],
  ["pidfd_open-child", 434, "$child", 0],
  ["pidfd_getfd", 438, 0, 0, 0],
  ["pidfd_send_signal", 424, 0, 9, 0, 0],
], 'my $child = fork // die; unless ($child) { sleep 5; exit } my $iov = pack("PQ", "x" x 8, 8);') +
  "; pkill -P $$ 2>/dev/null; true";

/** Who may be signalled at all, and whether init is impressed. */
const SIGNALS = perl(
  String.raw`my $seen = 0; my @mine = grep { /^\d+$/ } map { s{/proc/}{}r } glob "/proc/*";
my %mine = map { $_ => 1 } @mine;
for my $pid (2 .. 70000) { next if $mine{$pid}; kill(0, $pid) && -e "/proc/$pid" == 0 and $seen++ }
print "others $seen\n";
for my $signal (1 .. 64) { kill($signal, 1) } print -e "/proc/1" ? "init lives\n" : "gone\n";
print join(" ", "init is", (getpgrp(1) // "?")), "\n";`,
);

const PRIORITIES = calls([
  ["nice", 141, 0, 0, -20],
  ["fifo", 144, 0, 1, 'pack("i", 50)'],
  ["round-robin", 144, 0, 2, 'pack("i", 50)'],
  ["deadline", 314, 0, 'pack("LLQlLQQQ", 48, 6, 0, 0, 0, 1e6, 1e7, 1e7)', 0],
  ["disk", 251, 1, 0, "(1 << 13) | 0"],
  ["init", 141, 0, 1, 19],
  ["limit-of-init", 302, 1, 7, 'pack("QQ", 10, 10)', 0],
  ["more-files", 302, 0, 7, 'pack("QQ", 1 << 30, 1 << 30)', 0],
]);

/** Of this run alone: the machine, and other sessions on it, may have queues of their own. */
const SHARED_KEY = 0x10000000 + crypto.getRandomValues(new Uint32Array(1))[0]! % 0x60000000;
const SHARED_NAME = `evil-${SHARED_KEY.toString(16)}`;

const PLAIN: readonly Attack[] = [
  {
    id: "trace-and-read-memory",
    title: "read and change another process's memory and descriptors",
    area: "process",
    attack: { script: OTHERS, shows: REFUSED },
    twin: { script: "sleep 5 & kill $!; wait $!; echo ended $?", shows: /ended 143/ },
  },
  {
    id: "memory-of-init-by-proc",
    title: "read init's memory, environment and descriptors by /proc",
    area: "process",
    attack: {
      script: "for f in mem environ maps auxv stack syscall io pagemap personality; do " +
        "( exec 3</proc/1/$f && head -c 1 <&3 >/dev/null ) 2>/dev/null && echo READ $f; done; " +
        "for l in root cwd exe fd/0 fd/3; do readlink /proc/1/$l && echo READ $l; done; " +
        "ls /proc/1/fd /proc/1/map_files 2>/dev/null; echo tried",
      shows: /^tried\n$/,
    },
    twin: { script: "cat /proc/self/environ | tr '\\0' '\\n' | grep -c ^HOME=", shows: /^1$/m },
  },
  {
    id: "signal-everybody",
    title: "end init, the supervisor or other sandboxes by any process id",
    area: "process",
    attack: { script: SIGNALS, shows: /^others 0\ninit lives/m },
    twin: { script: "sleep 9 & kill -9 $!; wait $!; echo ended $?", shows: /ended 137/ },
    async check(world) {
      assert.equal((await world.machine.exec(NEIGHBOUR, "echo lives")).stdout, "lives\n");
    },
  },
  {
    id: "set-uid-programs",
    title: "become root by programs that are set-uid on the machine",
    area: "process",
    attack: {
      script: "for p in su passwd mount umount newgrp chsh gpasswd sudo pkexec newuidmap; do " +
        "f=$(command -v $p) || continue; [ -u $f ] && echo there; done | sort -u; " +
        "su -c id </dev/null 2>&1; sudo -n id 2>&1; echo root | su root -c id 2>&1; " +
        "/project/suid-id; /project/suid-id -u",
      shows: /^(?![\s\S]*uid=0)(?![\s\S]*euid=0)(?![\s\S]*^0$)[\s\S]*uid=\d{2,}/m,
    },
    twin: { script: "/usr/bin/id -u", shows: /^[1-9]\d+$/m },
  },
  {
    id: "become-root-by-calls",
    title: "become root, or get capabilities, by asking the kernel",
    area: "process",
    attack: {
      script: calls([
        ["setuid", 105, 0],
        ["setgid", 106, 0],
        ["setresuid", 117, 0, 0, 0],
        ["setgroups", 116, 1, 'pack("L", 0)'],
        ["capset", 126, 'pack("LL", 0x20080522, 0)', 'pack("L6", 1 << 21, 1 << 21, 0, 0, 0, 0)'],
        ["securebits", 157, 28, 0, 0, 0, 0],
        ["ambient", 157, 47, 2, 21, 0, 0],
        ["mm", 157, 35, 1, 0, 0, 0],
      ]) + "; grep -E 'CapEff|NoNewPrivs' /proc/self/status",
      shows: /^(\w+ (EPERM|EINVAL)\n)+CapEff:\s0+\nNoNewPrivs:\s1$/m,
    },
    twin: { script: calls([["getuid", 102]]), shows: /^getuid done [1-9]\d+$/m },
  },
  {
    id: "file-capabilities",
    title: "give a program capabilities by its file",
    area: "process",
    attack: {
      script: "cp /usr/bin/id /sandbox/cap-id; " + calls([
        [
          "setxattr",
          188,
          '"/sandbox/cap-id"',
          '"security.capability"',
          [
            'pack("L5", 0x02000001, 1 << 21, 0, 0, 0)',
          ].join(),
          20,
          0,
        ],
        ["trusted", 188, '"/sandbox/cap-id"', '"trusted.x"', '"y"', 1, 0],
      ]) + "; PATH=$PATH:/usr/sbin:/sbin setcap cap_sys_admin+ep /sandbox/cap-id 2>&1 | tail -1; " +
        "/sandbox/cap-id -u",
      shows: /^setxattr EPERM\ntrusted EPERM\n[\s\S]*^[1-9]\d+$/m,
    },
    twin: { script: "/sandbox/cap-id -un", shows: /^sandbox$/m },
  },
  {
    id: "inherited-descriptors",
    title: "use what OpenShell has open",
    area: "process",
    attack: {
      script:
        "for p in /proc/[0-9]*; do for f in $p/fd/*; do [ -e $f ] || [ -L $f ] || continue; " +
        "echo $(readlink $f); done; done 2>/dev/null | sort -u | " +
        "grep -vE '^(pipe:|/dev/null$|/proc/[0-9]+/fd$|/dev/pts)' ; echo tried",
      shows: /^tried\n$/,
    },
    twin: {
      script: "exec 7</etc/hostname; readlink /proc/self/fd/7; ls -l /proc/$$/fd/7 | wc -l",
      shows: /hostname/,
    },
  },
  {
    id: "secrets-in-environments",
    title: "find a key or token of OpenShell in what processes were given",
    area: "process",
    attack: {
      script: "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | " +
        "grep -aiE 'BEGIN|bearer|eyJ|token=|secret=|OPENSHELL_(TOKEN|GATEWAY|LATER)' | " +
        "grep -v BEGIN.bearer; echo tried",
      shows: /^tried\n$/,
    },
    twin: { script: "echo $OPENSHELL_SANDBOX", shows: /^1$/m },
  },
  {
    id: "type-into-terminals",
    title: "type into a terminal by TIOCSTI, TIOCLINUX, and with high bits set",
    area: "process",
    attack: {
      script: `TERM=dumb script -qec ${
        JSON.stringify(
          "perl -MErrno -e 'for (0x5412, 0x541c, 2**32 + 0x5412) { $! = 0; " +
            "my $x = qq(x); my $r = syscall(16, 0, $_, $x); print $r, q( ), $!{EPERM} ? q(EPERM) : $!, qq(;) }'",
        ).replaceAll("$", "\\$")
      } /dev/null </dev/null`,
      shows: /^-1 EPERM;-1 EPERM;-1 EPERM;/m,
    },
    twin: {
      script: "script -qec 'test -t 0 && echo terminal' /dev/null </dev/null",
      shows: /terminal/,
    },
  },
  {
    id: "core-dumps",
    title: "have the machine run or write something when a program crashes",
    area: "process",
    attack: {
      script: "cd /sandbox; echo '|/sandbox/evil' > /proc/sys/kernel/core_pattern; " +
        "ulimit -c unlimited; bash -c 'kill -SEGV $$'; ls | grep -c core",
      shows: /(denied|Read-only)[\s\S]*^0$/m,
    },
    twin: { script: "bash -c 'kill -SEGV $$'; echo ended $?", shows: /ended 139/ },
  },
  {
    id: "out-of-memory-immunity",
    title: "have others ended in one's place when memory is short",
    area: "process",
    attack: {
      script: "for p in self 1; do for v in -1000 -1; do ( echo $v > /proc/$p/oom_score_adj ) " +
        "2>/dev/null && echo WROTE $p $v; done; done; echo tried",
      shows: /^tried\n$/,
    },
    twin: {
      script: "cat /proc/self/oom_score_adj",
      shows: /^\d+$/m,
    },
  },
  {
    id: "priorities",
    title: "starve others by priorities and larger limits",
    area: "process",
    attack: { script: PRIORITIES, shows: /^(\S+ (EPERM|EACCES|ESRCH|EINVAL)\n)+$/ },
    twin: { script: calls([["nicer", 141, 0, 0, 5]]), shows: /^nicer done 0$/m },
  },
  {
    id: "keyrings",
    title: "read or plant keys in the kernel's rings",
    area: "process",
    attack: {
      script: calls([
        ["add_key", 248, '"user"', '"evil"', '"x"', 1, -3],
        ["request_key", 249, '"user"', '"evil"', 0, -3],
        ["keyctl", 250, 0, -3, 1],
        ["keyctl-session", 250, 1, '"evil"'],
      ]) + "; cat /proc/keys",
      shows: REFUSED,
    },
    twin: { script: "cat /proc/key-users | wc -l", shows: /^\d+$/m },
  },
];

const SHARING: readonly Attack[] = [
  {
    id: "shared-memory-and-queues",
    title: "talk with another sandbox by System V memory, semaphores and messages",
    area: "process",
    attack: {
      script: calls([
        ["shm", 29, SHARED_KEY, 4096, 0o1666],
        ["sem", 64, SHARED_KEY, 1, 0o1666],
        ["msg", 68, SHARED_KEY, 0o1666],
        ["mq", 240, `"${SHARED_NAME}"`, 0o102, 0o666, 0],
      ]) + `; echo mine > /dev/shm/${SHARED_NAME}; cat /dev/shm/${SHARED_NAME}`,
      shows: /^shm done \d+\nsem done \d+\nmsg done \d+\nmq (done \d+|E\w+)\nmine$/m,
    },
    twin: { script: calls([["shm", 29, SHARED_KEY, 0, 0]]), shows: /^shm done \d+$/m },
    async check({ machine }) {
      const look = calls([
        ["shm", 29, SHARED_KEY, 0, 0],
        ["sem", 64, SHARED_KEY, 0, 0],
        ["msg", 68, SHARED_KEY, 0],
        ["mq", 240, `"${SHARED_NAME}"`, 0, 0, 0],
      ]);
      const nothing = /^shm ENOENT\nsem ENOENT\nmsg ENOENT\nmq E\w+\n$/;
      const there = await machine.exec(
        NEIGHBOUR,
        `${look}; cat /dev/shm/${SHARED_NAME} 2>/dev/null`,
      );
      assert.match(there.stdout, nothing);
      const here = await machine.runOnMachine(["sh", "-c", look]);
      assert.match(here.stdout, nothing);
      await assertMissing(`/dev/shm/${SHARED_NAME}`);
    },
  },
  {
    id: "abstract-sockets",
    title: "meet another sandbox, or the machine, at a socket without a file",
    area: "process",
    attack: {
      script: perl(String.raw`use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0);
print bind($s, pack_sockaddr_un("\0openshell-evil")) ? "bound\n" : name() . "\n"; listen($s, 1);
if (fork == 0) { close STDOUT; close STDERR; sleep 15; exit }`),
      shows: /^bound$/m,
    },
    twin: {
      script: perl(String.raw`use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0);
bind($s, pack_sockaddr_un("\0openshell-own")); listen($s, 1); socket(my $c, AF_UNIX, SOCK_STREAM, 0);
print connect($c, pack_sockaddr_un("\0openshell-own")) ? "met" : name();`),
      shows: /^met$/m,
    },
    async check({ machine }) {
      const meet = perl(String.raw`use Socket; socket(my $c, AF_UNIX, SOCK_STREAM, 0);
print connect($c, pack_sockaddr_un("\0openshell-evil")) ? "met" : name();`);
      assert.equal((await machine.exec(NEIGHBOUR, meet)).stdout, "ECONNREFUSED");
      assert.equal((await machine.runOnMachine(["sh", "-c", meet])).stdout, "ECONNREFUSED");
    },
  },
  {
    id: "outlive-the-sandbox",
    title: "leave a daemon that lives on after exec, and after the sandbox",
    area: "process",
    attack: {
      script: "(setsid bash -c 'trap \"\" TERM HUP INT; exec -a daemon sleep 8642' " +
        "</dev/null >/dev/null 2>&1 &) ; sleep 0.3; grep -lz 8642 /proc/[0-9]*/cmdline | wc -l",
      shows: /^[1-9]$/m,
    },
    twin: { script: "pkill -9 -f '[d]aemon 8642'; echo cleaned", shows: /cleaned/ },
    async check(world) {
      const { machine, folder } = world;
      await machine.create("outlived");
      const id = String((await machine.sandbox("outlived")).id);
      await machine.exec(
        "outlived",
        "for i in 1 2 3; do (setsid perl -e '$SIG{$_} = q(IGNORE) for keys %SIG; " +
          "fork and exit; $0 = q(openshell); sleep 9753' </dev/null >/dev/null 2>&1 &); done",
      );
      assert.ok(livesInside(id), "the daemons live while the sandbox does");
      await machine.must(["sandbox", "delete", "outlived"]);
      assert.ok(!livesInside(id), "nothing of a deleted sandbox lives");
      const left = findLeftovers({ folder, ids: [id], processes: [] });
      assert.deepEqual(left.filter((line) => line.includes(id)), []);
    },
  },
  {
    id: "outlive-the-time-limit",
    title: "go on when the time of exec is over, outside of its process group",
    area: "process",
    attack: { script: "setsid --fork true; echo tried", shows: /^tried$/m },
    twin: { script: "timeout 1 sleep 9; echo ended $?", shows: /ended 124/ },
    async check({ machine }, sandbox) {
      const script = "trap '' TERM HUP INT; setsid perl -e '$0 = q(overtime); sleep 77' & " +
        "perl -e '$0 = q(overtime); setpgrp; sleep 77' & wait";
      const { code } = await machine.run([
        ...["sandbox", "exec", "-n", sandbox, "--timeout", "2", "--", "bash", "-c", script],
      ]);
      assert.equal(code, 124);
      const { stdout } = await machine.exec(sandbox, "grep -lax '.*overtime.*' /proc/[0-9]*/comm");
      assert.equal(stdout, "");
    },
  },
  {
    id: "kill-and-freeze-all",
    title: "end or freeze everything that can be signalled",
    area: "process",
    attack: { script: "kill -0 1; echo tried", shows: /(not permitted|denied)[\s\S]*tried/ },
    twin: { script: "echo lives", shows: /^lives$/m },
    async check(world, sandbox) {
      const { machine } = world;
      const folder = `${machine.home}/martyr`;
      await Deno.mkdir(folder);
      await machine.own(folder);
      for (const signal of ["STOP", "KILL"]) {
        // With a writable bind of an ordinary user, the agent has the supervisor's own id.
        await machine.create("martyr", { flags: ["--bind", `${folder}:/martyr`] });
        await machine.exec("martyr", `kill -${signal} -1`, { timeoutMs: 5_000 });
        for (const name of [sandbox, NEIGHBOUR]) {
          assert.equal((await machine.exec(name, "echo lives")).stdout, "lives\n", signal);
        }
        const mayEnd = signal === "KILL" ? /Ready|Error/ : /Ready/;
        assert.match(String((await machine.sandbox("martyr")).phase), mayEnd);
        await machine.must(["sandbox", "delete", "martyr"]);
      }
    },
  },
  {
    id: "type-into-the-persons-terminal",
    title: "type into the terminal of whoever runs exec",
    area: "process",
    attack: {
      script: "( exec 3</dev/tty ) 2>&1; ls -l /dev/pts | grep -c '[0-9]$'",
      shows: /No such device|denied/,
    },
    twin: { script: "tty; echo ended", shows: /not a tty[\s\S]*ended/ },
    check: typesNothing,
  },
];

export const PROCESS_ATTACKS: readonly Attack[] = [...PLAIN, ...SHARING];

/** What is typed by the agent would be run by the person's shell once `exec` has ended. */
async function typesNothing({ machine }: World, sandbox: string): Promise<void> {
  const inside = 'perl -e "for (split //, qq(touch typed\\n)) { ' +
    'syscall(16, \\$_, 0x5412, \\$c) for 0..2 }; print STDERR qq(done-typing\\n)" ' +
    "< /dev/tty";
  const line = machine.command(["sandbox", "exec", "-n", sandbox, "--", "sh", "-c", inside]);
  const shell = machine.enter(["sh"]);
  await using terminal = Terminal.start(shell, { env: machine.environment, cwd: machine.home });
  const quoted = line.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  await terminal.type(`${quoted}; echo back-$((40 + 2))\n`);
  await terminal.waitFor(/back-42/, 60_000);
  await terminal.type("ls typed; echo looked-$((40 + 2)); exit\n");
  await terminal.waitFor(/looked-42/, 60_000);
  await assertMissing(`${machine.home}/typed`);
}

async function assertMissing(path: string): Promise<void> {
  await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
}

/** A process that sees the workspace of the sandbox as a mount is one of the sandbox. */
function livesInside(id: string): boolean {
  return [...Deno.readDirSync("/proc")].some(({ name }) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return Deno.readTextFileSync(`/proc/${name}/cmdline`).startsWith("openshell") &&
        Deno.readTextFileSync(`/proc/${name}/mountinfo`).includes(id);
    } catch {
      return false; // It has ended while we look.
    }
  });
}
