/**
 * Attacks on the person by way of upload and download: the archive is the attacker's, because
 * `tar` in the sandbox can be.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { World } from "../../support/world.ts";
import type { Attack } from "../support/attack.ts";
import { ATTACKER } from "./scene.ts";
import { answerWith, tar, type TarEntry } from "./scripts.ts";

interface Malicious {
  readonly id: string;
  readonly title: string;
  readonly entries: readonly TarEntry[];
  readonly says: RegExp;
}

const FILE: TarEntry = { name: "./good", type: "0", content: "good\n" };

/** Archives that are refused as a whole: nothing of them arrives. */
const MALICIOUS: readonly Malicious[] = [
  {
    id: "dots",
    title: "write beside the destination by dots",
    entries: [FILE, { name: "../evil-dots", type: "0", content: "x" }],
    says: /\.\./,
  },
  {
    id: "dots-inside",
    title: "write beside the destination by dots in the middle",
    entries: [FILE, { name: "a/../../../evil-dots", type: "0", content: "x" }],
    says: /\.\./,
  },
  {
    id: "absolute",
    title: "write to an absolute path",
    entries: [FILE, { name: "/tmp/evil-absolute", type: "0", content: "x" }],
    says: /absolute/,
  },
  {
    id: "link-out",
    title: "leave a link that leads out",
    entries: [FILE, { name: "l", type: "2", link: "../../secret.txt" }],
    says: /link/,
  },
  {
    id: "link-absolute",
    title: "leave a link to a file of the person's",
    entries: [FILE, { name: "l", type: "2", link: "/etc/passwd" }],
    says: /link/,
  },
  {
    id: "through-a-link",
    title: "write through a link that came before",
    entries: [{ name: "d", type: "2", link: "." }, { name: "d/evil", type: "0", content: "x" }],
    says: /link/,
  },
  {
    id: "replace-a-folder",
    title: "write through a link that takes a folder's place",
    entries: [
      { name: "d", type: "5" },
      { name: "d", type: "2", link: "." },
      { name: "d/evil", type: "0", content: "x" },
    ],
    says: /twice/,
  },
  {
    id: "hard-link-out",
    title: "get a file of the person's by a hard link",
    entries: [FILE, { name: "h", type: "1", link: "/etc/shadow" }],
    says: /absolute|hard link/,
  },
  {
    id: "hard-link-to-nothing",
    title: "get a file that is at the destination already by a hard link",
    entries: [{ name: "h", type: "1", link: "kept" }],
    says: /hard link/,
  },
  {
    id: "device",
    title: "make a device",
    entries: [FILE, { name: "mem", type: "3", mode: 0o666 }],
    says: /should be a file or a folder/,
  },
  {
    id: "pipe",
    title: "make a pipe that hangs whoever reads it",
    entries: [FILE, { name: "p", type: "6" }],
    says: /should be a file or a folder/,
  },
  {
    id: "huge",
    title: "claim a size that fills the disk",
    entries: [{ name: "big", type: "0", size: 8 ** 11 - 1 }],
    says: /bytes|cannot be read/,
  },
  {
    id: "short",
    title: "claim more than comes",
    entries: [FILE, { name: "short", type: "0", content: "x", size: 100_000 }],
    says: /cannot be read|Unexpected|complete/,
  },
];

const REFUSED: readonly Attack[] = MALICIOUS.map(({ id, title, entries, says }) => ({
  id: `download-${id}`,
  title: `${title}, by a download`,
  area: "files",
  attack: { script: answerWith(id, tar(entries)), shows: /planted/ },
  twin: {
    script:
      "mkdir -p /sandbox/fine && echo x > /sandbox/fine/f && tar -cf - -C /sandbox/fine . | wc -c",
    shows: /^\d{4,}$/m,
  },
  async check(world) {
    const { code, stderr } = await download(world, `/sandbox/evil/${id}`, "got");
    assert.notEqual(code, 0, stderr);
    assert.match(stderr, says);
    const got = [...Deno.readDirSync(`${world.machine.home}/got`)].map(({ name }) => name);
    assert.deepEqual(got, ["kept"], "nothing of it arrives");
    for (const path of ["/tmp/evil-absolute", `${world.machine.home}/evil-dots`]) {
      await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
    }
  },
}));

const OTHERS: readonly Attack[] = [
  {
    id: "download-modes",
    title: "leave files that others can change or that give rights away",
    area: "files",
    attack: {
      script: answerWith(
        "modes",
        tar([
          { name: "open", type: "0", mode: 0o777, content: "x" },
          { name: "suid", type: "0", mode: 0o6777, content: "x" },
          { name: "closed", type: "0", mode: 0o600, content: "x" },
          { name: "folder", type: "5", mode: 0o7777 },
          { name: "folder/f", type: "0", mode: 0o666, content: "x" },
        ]),
      ),
      shows: /planted/,
    },
    twin: { script: "ls /sandbox/evil/modes.tar", shows: /modes/ },
    async check(world) {
      const { code, stderr } = await download(world, "/sandbox/evil/modes", "modes");
      assert.equal(code, 0, stderr);
      const modes = ["open", "suid", "closed", "folder", "folder/f"].map((name) =>
        (Deno.lstatSync(`${world.machine.home}/modes/${name}`).mode! & 0o7777).toString(8)
      );
      assert.deepEqual(modes, ["755", "755", "600", "755", "644"]);
    },
  },
  {
    id: "download-endless",
    title: "send names without an end",
    area: "files",
    attack: {
      script: answerWith("endless", tar([FILE])) +
        `\nprintf '%s\\n' '#!/bin/bash' 'case $* in *evil/endless*) exec perl /sandbox/endless.pl;; ` +
        `*) for w; do case $w in /sandbox/evil/*) cat "$w.tar"; exit;; esac; done; ` +
        `exec /usr/bin/tar "$@";; esac' > /sandbox/bin/tar; ` +
        "printf '%s' 'my $n = 0; $| = 1; $SIG{PIPE} = sub { exit }; while (1) { my $h = " +
        'pack("a100a8a8a8a12a12a8a1a355", "n".$n++, "0000644\\0", "0000000\\0", "0000000\\0", ' +
        '"00000000000\\0", "00000000000\\0", " " x 8, "0", "\\0ustar\\000"); my $s = 0; ' +
        '$s += $_ for unpack("C*", $h); substr($h, 148, 8) = sprintf("%06o\\0 ", $s); ' +
        "print $h or exit }' > /sandbox/endless.pl; test -s /sandbox/endless.pl && echo ready",
      shows: /ready/,
    },
    twin: { script: "ls /sandbox/endless.pl", shows: /endless/ },
    async check(world) {
      const { code, stderr } = await download(world, "/sandbox/evil/endless", "endless");
      assert.notEqual(code, 0);
      assert.match(stderr, /one too many|more names than content|cannot be read/);
    },
  },
  {
    id: "download-terminal-escapes",
    title: "command the person's terminal by names and complaints",
    area: "files",
    attack: {
      script: answerWith("escapes", tar([{ name: "a\u001b]0;evil\u0007b/../..", type: "0" }])),
      shows: /planted/,
    },
    twin: { script: "printf 'ok\\n'", shows: /^ok$/m },
    async check(world) {
      const { code, stdout, stderr } = await download(world, "/sandbox/evil/escapes", "escapes");
      assert.notEqual(code, 0);
      // deno-lint-ignore no-control-regex -- that there is none is the point
      assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f]/);
    },
  },
  {
    id: "download-from-elsewhere",
    title: "have a download name another path than was asked for",
    area: "files",
    attack: {
      script:
        "mkdir -p /sandbox/bin /sandbox/elsewhere; printf '%s\\n' '#!/bin/bash' 'case $* in " +
        '*elsewhere*) printf "/sandbox/../etc\\n";; *) exec /usr/bin/realpath "$@";; esac\' ' +
        "> /sandbox/bin/realpath; chmod 755 /sandbox/bin/realpath; realpath -- /sandbox/elsewhere",
      shows: /^\/sandbox\/\.\.\/etc\n$/,
    },
    twin: {
      script: "rm /sandbox/bin/realpath; hash -r; realpath /sandbox/elsewhere",
      shows: /^\/sandbox\/elsewhere$/m,
    },
    async check(world) {
      const { code, stderr } = await download(world, "/sandbox/elsewhere", "elsewhere");
      assert.notEqual(code, 0);
      assert.match(stderr, /outside of \/sandbox/);
    },
  },
  {
    id: "upload-through-links",
    title: "have an upload take what links of the agent's lead to",
    area: "files",
    attack: {
      script: "cd /project; mkdir -p give; ln -sfn ../../secret.txt give/link; " +
        "ln -sfn $HOST_HOME give/folder; ln -sfn /etc/shadow give/shadow; ls give | wc -l",
      shows: /^3$/m,
    },
    twin: {
      script: "cat /sandbox/give/* 2>/dev/null; ls /sandbox/give | wc -l; rm -rf /project/give",
      shows: /^3\n$/,
    },
    async check({ machine }, sandbox) {
      const { home } = machine;
      await machine.must(["sandbox", "upload", sandbox, `${home}/project/give`, "--no-git-ignore"]);
      const { stdout } = await machine.exec(sandbox, "readlink /sandbox/give/link");
      assert.equal(stdout, "../../secret.txt\n");
    },
  },
];

async function download(
  { machine }: World,
  from: string,
  to: string,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  await Deno.mkdir(`${machine.home}/${to}`, { recursive: true });
  await machine.own(`${machine.home}/${to}`);
  if (to === "got") await machine.writeFile("got/kept", "kept\n");
  return await machine.run(["sandbox", "download", ATTACKER, from, to]);
}

export const TRANSFER_ATTACKS: readonly Attack[] = [...REFUSED, ...OTHERS];
