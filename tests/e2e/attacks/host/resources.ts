/**
 * Attacks on the machine by using it up. They run in a sandbox with limits, or in one of their own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../../support/commands.ts";
import type { World } from "../../support/world.ts";
import type { Attack } from "../support/attack.ts";
import { NEIGHBOUR } from "./scene.ts";
import { calls, perl } from "./scripts.ts";

const LIVES = {
  script: "for i in 1 2 3; do /bin/true || exit; done; echo lives",
  shows: /^lives$/m,
};

const REQUEST = "curl -sS -m 30 -o /dev/null -w 'status %{http_code}\\n' " +
  "https://api.example.com/resources";
const ANSWERED = { script: REQUEST, shows: /^status 200$/m };

/** Ends by itself, so that nothing of it is left for the twin. */
const FORK_BOMB = perl(String.raw`my $end = time + 3; my $refused = 0; pipe(my $r, my $w);
while (time < $end) { my $p = fork; if (!defined $p) { $refused++; select(undef, undef, undef, 0.01) } }
if ($refused) { syswrite($w, name() . "\n") } exit if getppid() != $ENV{TOP} && $$ != $ENV{TOP};
exit if $$ != $ENV{TOP}; select(undef, undef, undef, 1.5); sysread($r, my $said, 6); print "bomb $said\n";`);

const THREADS = perl(
  String.raw`eval "use threads; 1" or do { print "EAGAIN without threads\n"; exit };
my @all; for (1 .. 200) { my $t = eval { local $SIG{__WARN__} = sub {}; threads->create(sub { sleep 3 }) };
last unless $t; push @all, $t } print scalar(@all) < 64 ? "EAGAIN" : "MANY", "\n"; $_->detach for @all; exit 0;`,
);

const ZOMBIES = perl(
  String
    .raw`my $n = 0; while ($n < 500) { my $p = fork; last unless defined $p; exit 0 unless $p; $n++ }
print $n < 64 ? name() : "MANY $n", "\n";`,
);

const DESCRIPTORS = perl(
  String
    .raw`my ($n, @all) = (0); while ($n < 100_000 && open(my $f, "<", "/dev/null")) { push @all, $f; $n++ }
print name(), " ", $n <= 16_384 ? "bounded" : "MANY $n", "\n";`,
);

/** Opens as many connections to the proxy as it can, says nothing on them, and holds them. */
function holdConnections(seconds: number): string {
  return perl(`use Socket; use Fcntl; my @all; my $end = time + ${seconds};
while (@all < 8000 && time < $end - 1) { socket(my $s, AF_INET, SOCK_STREAM, 0) or last;
fcntl($s, F_SETFL, O_NONBLOCK); connect($s, sockaddr_in(3128, inet_aton("127.0.0.1"))); push @all, $s }
print "held ", scalar(@all) > 500 ? "many" : scalar(@all), "\\n"; sleep 1 while time < $end;`);
}

const FLOOD = perl(String.raw`use IO::Socket::INET; my $end = time + 5; my $n = 0;
while (time < $end) { my $s = IO::Socket::INET->new("127.0.0.1:3128") or next; $n++;
print $s "CONNECT flood$n.example.com:443 HTTP/1.1\r\nHost: flood$n.example.com:443\r\n\r\n"; my $a = <$s>; }
print $n > 20 ? "flooded\n" : "slow $n\n";`);

const HOG = "for i in 1 2 3 4; do timeout 4 perl -e '1 while 1' & done; wait; echo burnt";

const IN_ITS_LIMITS: readonly Attack[] = [
  {
    id: "fork-bomb",
    title: "use up the machine's processes",
    area: "resources",
    attack: { script: `TOP=$$ exec ${FORK_BOMB}`, shows: /bomb EAGAIN/ },
    twin: LIVES,
    check: neighbourWorks,
  },
  {
    id: "thread-bomb",
    title: "use up the machine's process slots by threads",
    area: "resources",
    attack: { script: THREADS, shows: /EAGAIN/ },
    twin: LIVES,
  },
  {
    id: "zombies",
    title: "use up process slots by children that nobody waits for",
    area: "resources",
    attack: { script: ZOMBIES, shows: /^EAGAIN$/m },
    twin: LIVES,
  },
  {
    id: "memory-bomb",
    title: "use up the machine's memory",
    area: "resources",
    attack: {
      script:
        `perl -e 'my @x; push @x, "x" x 10_000_000 for 1 .. 200; print "HAS IT ALL"'; echo ended $?`,
      shows: /^(?![\s\S]*HAS)[\s\S]*ended (137|1)$/m,
    },
    twin: { script: perl("print length('x' x 20_000_000)"), shows: /^20000000$/m },
    check: neighbourWorks,
  },
  {
    id: "descriptor-bomb",
    title: "use up the machine's open files",
    area: "resources",
    attack: { script: DESCRIPTORS, shows: /^EMFILE bounded$/m },
    twin: { script: "exec 9</etc/hostname; cat <&9 | wc -l", shows: /^1$/m },
  },
  {
    id: "fill-the-private-folders",
    title: "use up memory by files in /tmp and /dev/shm",
    area: "resources",
    attack: {
      script: "for d in /tmp /dev/shm; do fallocate -l 1100M $d/big 2>&1; done; " +
        "for d in / /dev /run /run/openshell /proc; do ( echo x > $d/big ) 2>/dev/null && echo WROTE; done; " +
        "rm -f /tmp/big /dev/shm/big; echo tried",
      shows: /^(?![\s\S]*WROTE)([\s\S]*No space[\s\S]*){2}tried\n$/,
    },
    twin: {
      script: "fallocate -l 1M /tmp/small && stat -c %s /tmp/small; rm /tmp/small",
      shows: /^1048576$/m,
    },
  },
  {
    id: "counters-of-the-machine",
    title: "use up what the kernel counts for all: asynchronous requests, watches, queues",
    area: "resources",
    attack: {
      script: calls([["io_setup", 206, 60_000, '"\\0" x 8']]) + "; " + perl(
        "my $n = 0; $n++ while syscall(294, 0) >= 0; print $n <= 1024 ? name() : qq(MANY), qq(\\n)",
      ),
      shows: /^io_setup ENOSYS\nEMFILE$/m,
    },
    twin: { script: calls([["inotify", 294, 0]]), shows: /^inotify done \d+$/m },
    check: leavesWatchesToOthers,
  },
  {
    id: "terminals-of-the-machine",
    title: "use up the terminals that all sandboxes share",
    area: "resources",
    attack: {
      script: perl(
        'my ($n, @all) = (0); while ($n < 9999 && open(my $f, "+<", "/dev/ptmx")) { push @all, $f; $n++ } ' +
          'print name(), " ", $n <= 256 ? "few" : "MANY $n", "\\n"',
      ),
      shows: /^ENOSPC few$/m,
    },
    twin: { script: "script -qec 'tty' /dev/null </dev/null", shows: /\/dev\/pts\/\d/ },
  },
  {
    id: "giant-sparse-file",
    title: "fill the person's disk by a file that is mostly holes, and a download of it",
    area: "resources",
    attack: {
      script: "truncate -s 2T /sandbox/sparse && stat -c '%s %b' /sandbox/sparse",
      shows: /^2199023255552 \d{1,2}$/m,
    },
    twin: {
      script: "rm /sandbox/sparse; echo x > /sandbox/full; cat /sandbox/full",
      shows: /^x$/m,
    },
    async check({ machine }, sandbox) {
      const { code, stderr } = await machine.run([
        "sandbox",
        "download",
        sandbox,
        "/sandbox/sparse",
        "s",
      ]);
      assert.notEqual(code, 0);
      assert.match(stderr, /more than \d+ bytes/);
      await assert.rejects(Deno.lstat(`${machine.home}/s`), Deno.errors.NotFound);
    },
  },
  {
    id: "fill-the-disk",
    title: "fill the disk that the workspace is on",
    area: "resources",
    accepted: "Disk",
    attack: {
      script: "fallocate -l 512M /sandbox/big && stat -c %s /sandbox/big",
      shows: /^536870912$/m,
    },
    twin: { script: "rm /sandbox/big; ls /sandbox | grep -c '^big$'", shows: /^0$/m },
  },
  {
    id: "flood-of-denials",
    title: "bury what was decided before under denials",
    area: "resources",
    attack: { script: FLOOD, shows: /^flooded$/m },
    twin: ANSWERED,
    async check(world, sandbox) {
      const verified = await world.machine.must(["logs", sandbox, "--verify"]);
      assert.match(verified, /sandbox: \d+ events, intact/);
      await neighbourWorks(world);
    },
  },
  {
    id: "connections-to-the-proxy",
    title: "have the proxy answer nobody, by connections that say nothing",
    area: "resources",
    attack: { script: holdConnections(4), shows: /^held many$/m },
    twin: ANSWERED,
    async check(world, sandbox) {
      const { machine } = world;
      const script = holdConnections(8);
      const holding = machine.spawn(["sandbox", "exec", "-n", sandbox, "--", "sh", "-c", script]);
      try {
        await neighbourWorks(world);
      } finally {
        await holding.status;
      }
    },
  },
  {
    id: "processor",
    title: "slow others down by burning the processor",
    area: "resources",
    attack: { script: HOG, shows: /^burnt$/m },
    twin: LIVES,
    check: neighbourIsQuick,
  },
];

const IN_SANDBOXES_OF_THEIR_OWN: readonly Attack[] = [
  {
    id: "output-flood",
    title: "drown the gateway in output, of exec and of the main process",
    area: "resources",
    attack: { script: "head -c 20000000 /dev/zero | tr '\\0' x | wc -c", shows: /^20000000$/m },
    twin: LIVES,
    async check(world) {
      const { machine } = world;
      await machine.create("floods", { command: ["yes"] });
      const exec = machine.spawn(["sandbox", "exec", "-n", "floods", "--", "yes"]);
      const attach = machine.spawn(["sandbox", "connect", "floods", "--read-only"]);
      try {
        await neighbourWorks(world);
        const status = await Deno.readTextFile(`/proc/${machine.gatewayPid}/status`);
        const [, kilobytes = "0"] = /^RssAnon:\s+(\d+)/m.exec(status) ?? [];
        assert.ok(Number(kilobytes) < 400_000, `the gateway holds ${kilobytes} kB`);
      } finally {
        exec.kill("SIGKILL");
        attach.kill("SIGKILL");
        await Promise.all([exec.status, attach.status]);
      }
      await machine.must(["sandbox", "delete", "floods"]);
    },
  },
  {
    id: "no-process-left-for-the-person",
    title: "keep the person from stopping a sandbox by using up all that it has",
    area: "resources",
    attack: { script: "echo tried", shows: /tried/ },
    twin: LIVES,
    async check(world) {
      const { machine } = world;
      const hold = perl(
        "$SIG{$_} = 'IGNORE' for qw(TERM HUP INT); while (1) { " +
          "my $p = fork; if (!defined $p) { sleep 1 } elsif (!$p) { open(my $f, '>', '/dev/shm/f'.$$); " +
          "print $f 'x' x 1_000_000 for 1 .. 8; close $f; sleep 600 } }",
      );
      await machine.create("holds", {
        // Without a control group only `--pids` holds: the files of the children stay small enough.
        flags: ["--pids", "16", ...machine.uid === 0 ? ["--memory", "64Mi"] : []],
        command: ["sh", "-c", hold],
      });
      await waitFor("the sandbox to have no room left", async () => {
        // A limit without a group lets the program of `exec` itself start, and nothing more.
        return !(await machine.exec("holds", "/bin/true; echo room")).stdout.includes("room");
      }, 60_000);
      await neighbourWorks(world);
      await machine.must(["sandbox", "delete", "holds"]);
    },
  },
];

export const RESOURCE_ATTACKS: readonly Attack[] = [
  ...IN_ITS_LIMITS,
  ...IN_SANDBOXES_OF_THEIR_OWN,
];

/** What one sandbox holds of inotify is missing neither to the person nor to another sandbox. */
async function leavesWatchesToOthers({ machine }: World, sandbox: string): Promise<void> {
  const hold = perl(
    "my $n = 0; $n++ while syscall(294, 0) >= 0; print qq(held $n\\n); sleep 120",
  );
  const args = ["sandbox", "exec", "-n", sandbox, "--", "sh", "-c", hold];
  const holding = machine.spawn(args, { stdout: "piped" });
  const output = holding.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    assert.match((await output.read()).value ?? "", /^held [1-9]/);
    const watch = calls([["inotify", 294, 0]]);
    const here = await machine.runOnMachine(["sh", "-c", watch]);
    const there = await machine.exec(NEIGHBOUR, watch);
    assert.match(here.stdout, /^inotify done \d+$/m);
    assert.match(there.stdout, /^inotify done \d+$/m);
  } finally {
    await output.cancel();
    holding.kill("SIGINT");
    await holding.status;
  }
}

async function neighbourWorks({ machine }: World): Promise<void> {
  const { stdout, stderr } = await machine.exec(NEIGHBOUR, REQUEST);
  assert.equal(stdout, "status 200\n", stderr);
}

/** Loosely: the machine has other work as well. */
async function neighbourIsQuick(world: World, sandbox: string): Promise<void> {
  const { machine } = world;
  const before = await slowRequestMs(world);
  const script = HOG.replace("timeout 4", "timeout 8");
  const hog = machine.spawn(["sandbox", "exec", "-n", sandbox, "--", "sh", "-c", script]);
  try {
    const during = await slowRequestMs(world);
    assert.ok(during <= 2 * before + 500, `${before} ms, then ${during} ms`);
  } finally {
    await hog.status;
  }
}

/** The slowest but one of 10. */
async function slowRequestMs({ machine }: World): Promise<number> {
  const script = `for i in $(seq 10); do ${
    REQUEST.replace("status %{http_code}", "%{time_total}")
  }; done`;
  const { stdout, stderr } = await machine.exec(NEIGHBOUR, script);
  const seconds = stdout.trim().split("\n").map(Number).sort((a, b) => b - a);
  assert.equal(seconds.length, 10, stderr);
  return seconds[1]! * 1000;
}
