/**
 * Attacks on files that a sandbox does not have, or may only read.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { World } from "../../support/world.ts";
import type { Attack } from "../support/attack.ts";
import { BIND_ATTACKS } from "./binds.ts";
import { NEIGHBOUR, SECRET } from "./scene.ts";
import { calls, EVERYWHERE, perl } from "./scripts.ts";
import { TRANSFER_ATTACKS } from "./transfers.ts";

/** What nobody in a sandbox may see. */
const SECRETS = new RegExp(`^(?![\\s\\S]*(${SECRET}|root:[$*!]|BEGIN|MARK-OF-NEIGHBOUR))`);

const OUT = /^(?![\s\S]*(OPENED|WROTE|LISTED))[\s\S]*tried\n$/;

const WRITE_CALLS = calls(
  [
    ["open-write", 2, '"/usr/bin/env"', 1, 0],
    ["open-truncate", 2, '"/usr/bin/env"', 0o1000, 0],
    ["open-both", 2, '"/etc/passwd"', 2, 0],
    ["create", 2, '"/usr/bin/evil"', 0o101, 0o755],
    ["truncate", 76, '"/usr/bin/env"', 0],
    ["rename", 82, '"/usr/bin/env"', '"/usr/bin/vne"'],
    ["rename-over", 82, '"/tmp/mine"', '"/usr/bin/env"'],
    ["exchange", 316, -100, '"/tmp/mine"', -100, '"/usr/bin/env"', 2],
    ["link", 86, '"/usr/bin/env"', '"/usr/bin/vne"'],
    ["link-out", 86, '"/usr/bin/env"', '"/sandbox/vne"'],
    ["link-over", 86, '"/tmp/mine"', '"/etc/evil"'],
    ["symlink", 88, '"/tmp"', '"/etc/evil"'],
    ["unlink", 87, '"/etc/passwd"'],
    ["mkdir", 83, '"/usr/evil"', 0o755],
    ["rmdir", 84, '"/usr/bin"'],
    ["chmod", 90, '"/usr/bin/env"', 0o777],
    ["chown", 92, '"/usr/bin/env"', "$<", "$<"],
    ["utimes", 235, '"/usr/bin/env"', 0],
    ["utimensat", 280, -100, '"/etc/passwd"', 0, 0],
    ["setxattr", 188, '"/usr/bin/env"', '"user.evil"', '"x"', 1, 0],
    ["removexattr", 197, '"/usr/bin/env"', '"user.evil"'],
    ["fallocate", 285, "$ro", 0, 0, 4096],
    ["ftruncate", 77, "$ro", 0],
    ["fchmod", 91, "$ro", 0o777],
    ["fchown", 93, "$ro", "$<", "$<"],
    ["mmap-shared", 9, 0, 4096, 3, 1, "$ro", 0],
    ["write", 1, "$ro", '"x"', 1],
    ["set-flags", 16, "$ro", 0x40086602, 'pack("Q", 16)'],
  ],
  'open(my $r, "<", "/usr/bin/env"); my $ro = fileno $r; open(my $m, ">", "/tmp/mine"); close $m;',
);

const RACE = perl(String.raw`my $end = time + 2; mkdir "/sandbox/race"; my $child = fork;
unless ($child) { my $n = 0; while (time < $end) { mkdir "/sandbox/race/x"; rmdir "/sandbox/race/x";
  symlink $n++ % 2 ? "/etc" : "/root", "/sandbox/race/x"; unlink "/sandbox/race/x" } exit }
my ($tries, $out) = (0, 0);
while (time < $end) { $tries++; open(my $f, ">", "/sandbox/race/x/evil-race"); close $f if $f;
  if (open(my $s, "<", "/sandbox/race/x/shadow")) { $out++ } opendir(my $d, "/sandbox/race/x/.ssh") && $out++ }
waitpid $child, 0; print $tries > 100 ? "raced" : "slow", " out $out\n"; print -e "/etc/evil-race" ? "OPENED" : "none", "\n";`);

const LOOKING: readonly Attack[] = [
  {
    id: "symlink-out",
    title: "reach a person's file by a link",
    area: "files",
    attack: {
      script: "cd /sandbox; ln -sfn $HOST_HOME home; ln -sfn /root root; ln -sf /etc/shadow s; " +
        "cat home/secret.txt s 2>&1; ls root/ 2>&1; echo x > home/secret.txt; " +
        "cp -r home/. /tmp/stolen 2>&1; cat /tmp/stolen/* 2>&1; ls -A home/; rm -f home root s",
      shows: SECRETS,
    },
    twin: { script: "cd /sandbox; echo x > t; ln -sf t l; cat l", shows: /^x$/m },
    async check({ machine }) {
      assert.equal(await Deno.readTextFile(`${machine.home}/secret.txt`), `${SECRET}\n`);
    },
  },
  {
    id: "hard-link-out",
    title: "keep a file of the machine by a hard link",
    area: "files",
    attack: {
      script: "for f in /etc/shadow /etc/passwd /usr/bin/su /usr/bin/env /proc/version; do " +
        "for d in /sandbox /tmp /project; do ln $f $d/hard 2>/dev/null && echo OPENED $f; done; " +
        "ln -L /proc/self/fd/0 /sandbox/hard 2>/dev/null; done; echo tried",
      shows: OUT,
    },
    twin: { script: "cd /sandbox; echo x > t1; ln -f t1 t2; cat t2", shows: /^x$/m },
  },
  {
    id: "rename-race",
    title: "change a folder into a link while it is walked",
    area: "files",
    attack: { script: RACE, shows: /^raced out 0\nnone\n$/ },
    twin: {
      script: "mkdir -p /sandbox/r/x; echo x > /sandbox/r/x/f; cat /sandbox/r/x/f",
      shows: /^x/,
    },
    async check() {
      await assert.rejects(Deno.lstat("/etc/evil-race"), Deno.errors.NotFound);
    },
  },
  {
    id: "roots-of-processes",
    title: "leave by the root, folder or descriptors of a process",
    area: "files",
    attack: {
      script: "for p in self 1 $$ $PPID thread-self; do for w in root cwd; do " +
        "for to in '' ../../../.. root home ..$HOST_HOME etc/shadow; do " +
        "cat /proc/$p/$w/$to 2>/dev/null && echo OPENED; " +
        "ls -A /proc/$p/$w/$to/.ssh 2>/dev/null && echo LISTED; done; done; " +
        "cat /proc/$p/root$HOST_HOME/secret.txt /proc/$p/fd/*/../secret.txt 2>/dev/null; done; " +
        "echo tried",
      shows: OUT,
    },
    twin: { script: "cat /proc/self/root/etc/hostname | wc -l", shows: /^1$/m },
  },
  {
    id: "dots-after-links",
    title: "leave by dots after a link, a bind or a descriptor",
    area: "files",
    attack: {
      script:
        "cd /sandbox; ln -sfn /project up; for p in up/.. up/../.. /project/.. /project/../secret.txt " +
        "/sandbox/.. /sandbox/../../.. /run/openshell/tls/.. /run/openshell/tls/../../..; do " +
        "cat $p/secret.txt $p/sandbox.json 2>/dev/null && echo OPENED; ls $p/embedded 2>/dev/null && " +
        "echo LISTED; done; cd -P up/.. 2>/dev/null && ls secret.txt 2>/dev/null; rm -f up; echo tried",
      shows: OUT,
    },
    twin: { script: "cd /project/src/.. && ls -d src", shows: /^src$/m },
  },
  {
    id: "write-by-every-call",
    title: "change a program of the machine by every call that can",
    area: "files",
    attack: {
      script: WRITE_CALLS + "; test -s /usr/bin/env && echo whole",
      shows:
        /^(\S+ (EPERM|EACCES|EROFS|EXDEV|EBADF|EINVAL|ENODATA|ENOTSUP|ENOTTY|EBUSY|ENOTEMPTY)\n)+whole\n$/,
    },
    twin: {
      script: calls([
        ["truncate", 76, '"/sandbox/w"', 1],
        ["chmod", 90, '"/sandbox/w"', 0o700],
        ["rename", 82, '"/sandbox/w"', '"/sandbox/v"'],
        ["unlink", 87, '"/sandbox/v"'],
      ], 'open(my $f, ">", "/sandbox/w");'),
      shows: /^(\w+ done 0\n){4}$/,
    },
  },
  {
    id: "device-nodes",
    title: "make a disk or memory device, and read it",
    area: "files",
    attack: {
      script: calls([
        ["block", 133, '"/sandbox/disk"', 0o60666, 0x800],
        ["block-vd", 133, '"/tmp/disk"', 0o60666, 0xfe00],
        ["memory", 133, '"/dev/shm/mem"', 0o20666, 0x101],
        ["at", 259, -100, '"/project/kmsg"', 0o20666, 0x10b],
        ["whiteout", 316, -100, '"/sandbox/t"', -100, '"/sandbox/u"', 4],
      ], 'open(my $f, ">", "/sandbox/t");'),
      shows: /^(\S+ (EPERM|EACCES|EINVAL)\n)+$/,
    },
    twin: {
      script: "mkfifo /sandbox/pipe && test -p /sandbox/pipe && echo pipe",
      shows: /^pipe$/m,
    },
  },
  {
    id: "unnamed-file-into-place",
    title: "put a file without a name where none may be made",
    area: "files",
    attack: {
      script: calls([
        ["etc", 265, -100, '"/proc/self/fd/$fd"', -100, '"/etc/evil"', 0x400],
        ["usr", 265, -100, '"/proc/self/fd/$fd"', -100, '"/usr/bin/evil"', 0x400],
        ["hook", 265, -100, '"/proc/self/fd/$fd"', -100, '"/project/.git/hooks/pre-commit"', 0x400],
        ["empty-path", 265, "$fd", '""', -100, '"/etc/evil"', 0x1000],
        ["in-usr", 257, -100, '"/usr"', 0o20200001, 0o600],
      ], 'my $dir = "/sandbox"; my $fd = syscall(257, -100, $dir, 0o20200001 | 2, 0600);'),
      shows: /^(\S+ (EPERM|EACCES|EXDEV|EROFS|ENOENT)\n)+$/,
    },
    twin: {
      script: "rm -f /sandbox/named; " + calls(
        [["link", 265, -100, '"/proc/self/fd/$fd"', -100, '"/sandbox/named"', 0x400]],
        'my $dir = "/sandbox"; my $fd = syscall(257, -100, $dir, 0o20200002, 0600);',
      ),
      shows: /^link done 0$/m,
    },
  },
  {
    id: "overmount",
    title: "cover the rules of the machine by other files",
    area: "files",
    attack: {
      script: "for t in /etc /usr/bin /project/.git /proc; do mount -t tmpfs none $t; " +
        "mount --bind /tmp $t; fusermount -u $t; umount -l $t; done 2>&1 | grep -c . ; " +
        "cat /proc/self/mountinfo | grep -c ' /tmp .* /tmp'; ls /etc/passwd",
      shows: /^[1-9]\d*\n\d\n\/etc\/passwd\n$/,
    },
    twin: { script: "findmnt -n -o TARGET /tmp || echo /tmp", shows: /^\/tmp$/m },
  },
  {
    id: "homes-and-state",
    title: "read homes, other sandboxes, and what OpenShell keeps",
    area: "files",
    attack: {
      script: "for d in /root /home /home/* /var /srv /opt /mnt /media /boot /run /run/user " +
        "$HOST_HOME $HOST_HOME/.. $HOST_HOME/../state/openshell $HOST_HOME/../state/openshell/gateway " +
        "$HOST_HOME/../state/openshell/tls $HOST_HOME/../state/openshell/embedded; do " +
        "ls -A $d 2>/dev/null | grep -vE '^(openshell|tls)$' && echo LISTED $d; done; " +
        `find ${EVERYWHERE} -name secret.txt -o -name events.jsonl 2>/dev/null | ` +
        "sed 's/^/LISTED /'; echo tried",
      shows: OUT,
    },
    twin: {
      script: `touch /sandbox/twin.txt; find ${EVERYWHERE} -name twin.txt 2>/dev/null; ` +
        "ls /project; rm /sandbox/twin.txt",
      shows: /^\/sandbox\/twin\.txt\n[\s\S]*src/,
    },
  },
  {
    // With a writable bind of an ordinary user the agent has the person's id: modes hold nothing.
    id: "files-of-the-same-id",
    title: "change files that are one's own by their owner, and not in a folder of one's own",
    area: "files",
    attack: {
      script: `for f in $(find ${EVERYWHERE} -user $(id -u) 2>/dev/null | grep -vE ` +
        "'^/(project|sandbox|tmp|proc|dev/shm|dev/pts)(/|$)'); do for c in 'chmod 777' " +
        "'chmod u+w' 'touch' 'truncate -s 0' 'rm -rf' 'ln -t /sandbox' 'mv -t /sandbox' " +
        "'cp /etc/hostname' 'setfattr -n user.x -v y'; do $c $f 2>/dev/null && echo WROTE $c $f; " +
        "done; done; for f in $HOST_HOME /proc/1/root /proc/1/cwd /proc/self/cwd/..$HOST_HOME; do " +
        "cat $f/secret.txt $f$HOST_HOME/secret.txt 2>/dev/null && echo OPENED; done; echo tried",
      shows: OUT,
    },
    twin: {
      script: "touch /project/own /sandbox/own; chmod 600 /project/own; " +
        "find /project/own /sandbox/own -user $(id -u); rm /project/own /sandbox/own",
      shows: /^\/project\/own\n\/sandbox\/own\n$/,
    },
    async check({ machine }) {
      const file = `${machine.home}/secret.txt`;
      assert.equal(await Deno.readTextFile(file), `${SECRET}\n`);
      assert.equal((await Deno.stat(file)).uid, machine.uid);
    },
  },
  {
    id: "passwords-and-keys",
    title: "read password hashes and keys of the machine",
    area: "files",
    attack: {
      script:
        "for f in /etc/shadow /etc/gshadow /etc/shadow- /etc/sudoers /etc/ssh/ssh_host_*_key " +
        "/etc/ssl/private/* /etc/NetworkManager/system-connections/* /var/lib/docker; do " +
        "cat $f 2>/dev/null && echo OPENED $f; done; find /etc -readable -type f " +
        "2>/dev/null | xargs grep -l 'PRIVATE KEY-----$' 2>/dev/null; echo tried",
      shows: OUT,
    },
    twin: { script: "cut -d: -f1 /etc/passwd | head -1", shows: /^root$/m },
  },
  {
    id: "devices-and-sys",
    title: "open devices of the machine, and /sys",
    area: "files",
    attack: {
      script: "for d in mem kmem port kmsg sda vda vda1 nvme0n1 fuse kvm net/tun snapshot uinput " +
        "input/event0 dri/card0 mapper/control loop-control loop0 vhost-net vsock userfaultfd " +
        "console tty0 tty1 hpet rtc mqueue bus/usb; do " +
        "( exec 3</dev/$d ) 2>/dev/null && echo OPENED $d; done; ls -A /sys 2>/dev/null | " +
        "grep . && echo LISTED; echo tried",
      shows: OUT,
    },
    twin: {
      script: "head -c 4 /dev/urandom | wc -c; echo x > /dev/null; head -c 2 /dev/zero | wc -c",
      shows: /^4\n2$/m,
    },
  },
  {
    id: "another-workspace",
    title: "read and write what another sandbox has",
    area: "files",
    attack: {
      script:
        "find / -name mark-of-neighbour 2>/dev/null; for d in /sandbox/.. /tmp /dev/shm /run " +
        "/run/openshell $HOST_HOME/../state/openshell/embedded/*; do cat $d/mark-of-neighbour " +
        "$d/*/mark-of-neighbour 2>/dev/null && echo OPENED; done; echo tried",
      shows: OUT,
    },
    twin: { script: "echo x > /sandbox/mark; cat /sandbox/mark", shows: /^x$/m },
    check: neighbourIsWhole,
  },
];

async function neighbourIsWhole({ machine }: World): Promise<void> {
  const script =
    "cd /sandbox; ls; echo MARK-OF-NEIGHBOUR > mark-of-neighbour; cat mark-of-neighbour";
  const { stdout } = await machine.exec(NEIGHBOUR, script);
  assert.match(stdout, /^(mark-of-neighbour\n)?MARK-OF-NEIGHBOUR\n$/);
}

export const FILE_ATTACKS: readonly Attack[] = [
  ...LOOKING,
  ...BIND_ATTACKS,
  ...TRANSFER_ATTACKS,
];
