/**
 * Pieces of the scripts that attacks consist of: raw system calls, archives, programs of another
 * ABI. Nothing but `bash` and `perl` is needed in the sandbox.
 *
 * @module
 */

import { quote } from "../../support/probes.ts";

/** A raw system call: a label, its number on x86_64, and its arguments as `perl` writes them. */
export type Call = readonly [label: string, number: number, ...args: readonly (number | string)[]];

/** The processor that the numbers of system calls here are of. */
export const CALLS_PROCESSOR = "x86_64";

/** What a call that is refused, or does not exist, shows. */
export const REFUSED = /^(\S+ (EPERM|EACCES|ENOSYS|EROFS)\n)+$/;

/** Where to look for files: `/` itself cannot be listed, but what is mounted can. */
export const EVERYWHERE = "$(awk '{print $5}' /proc/self/mountinfo | grep -vx / | sort -u) " +
  "/bin /boot /etc /home /lib /media /mnt /opt /root /run /sbin /srv /tmp /usr /var";

/** Tells of one call by its label, and the name of its error or `done`. */
const TELL = String.raw`use Errno; $| = 1;
sub name { my ($e) = grep { $!{$_} } sort keys %!; $e }
sub tell_call { my ($label, @call) = @_; $! = 0; my $r = syscall($call[0], @call[1..$#call]);
  print "$label ", ($r == -1 ? name() : "done $r"), "\n"; $r }
`;

/** Returns a script that makes the calls and tells of each. `before` is `perl`. */
export function calls(list: readonly Call[], before = ""): string {
  const lines = list.map(([label, number, ...args]) =>
    `tell_call(${[`"${label}"`, number, ...args].join(", ")});`
  );
  return perl(TELL + [before, ...lines].join("\n"));
}

/** Returns a script that runs a program of `perl`. `name()` in it is the name of the last error. */
export function perl(program: string): string {
  return `perl -e ${quote(program.includes("sub name") ? program : TELL + program)}`;
}

/** A script of the attacker's that would show on the host if it ever ran there: by a file. */
export function plant(path: string, mark: string): string {
  return `{ printf '#!/bin/sh\\ntouch %s/ran-${mark}\\n' "$HOST_HOME" > ${path} && ` +
    `chmod 755 ${path}; }`;
}

/** One entry of an archive. */
export interface TarEntry {
  readonly name: string;
  /** `0` file, `1` hard link, `2` link, `3` character device, `5` folder, `6` pipe. */
  readonly type: "0" | "1" | "2" | "3" | "5" | "6";
  readonly mode?: number;
  readonly link?: string;
  readonly content?: string;
  /** What the header claims, if that is not so. */
  readonly size?: number;
}

/** Returns an archive, which may be as wrong as an attacker likes. */
export function tar(entries: readonly TarEntry[]): Uint8Array {
  const blocks = entries.flatMap((entry) => {
    const content = new TextEncoder().encode(entry.content ?? "");
    const padded = new Uint8Array(Math.ceil(content.length / 512) * 512);
    padded.set(content);
    return [header(entry, entry.size ?? content.length), padded];
  });
  return Uint8Array.from([...blocks, new Uint8Array(1024)].flatMap((block) => [...block]));
}

function header({ name, type, mode = 0o644, link = "" }: TarEntry, size: number): Uint8Array {
  const block = new Uint8Array(512);
  const put = (text: string, at: number) => block.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  put(name, 0);
  put(octal(mode, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  put(octal(0, 11), 136);
  put("        ", 148);
  put(type, 156);
  put(link, 157);
  put("ustar\0", 257);
  put("00", 263);
  put(octal(block.reduce((sum, byte) => sum + byte, 0), 6) + "\0 ", 148);
  return block;
}

/**
 * Returns a script that makes `tar` in the sandbox answer with an archive when it is asked for a
 * folder of this name. Programs in `/sandbox/bin` are found first.
 */
export function answerWith(folder: string, archive: Uint8Array): string {
  return [
    "mkdir -p /sandbox/bin /sandbox/evil",
    `printf '%s\\n' '#!/bin/bash' ${quote(FAKE_TAR)} > /sandbox/bin/tar`,
    "chmod 755 /sandbox/bin/tar",
    `mkdir -p /sandbox/evil/${folder}`,
    `base64 -d > /sandbox/evil/${folder}.tar <<'END'\n${archive.toBase64()}\nEND`,
    `test -s /sandbox/evil/${folder}.tar && echo planted`,
  ].join("\n");
}

const FAKE_TAR = 'for word; do case $word in /sandbox/evil/*) cat "$word.tar"; exit 0;; esac; ' +
  'done; exec /usr/bin/tar "$@"';

/**
 * Returns a script that runs a program which calls `getpid` by `int 0x80`, the door of 32-bit
 * programs, with the number of another call in 64-bit programs.
 */
export function int80(): string {
  // mov eax, 20; int 0x80; mov edi, eax; mov eax, 60; syscall
  const code = "b814000000cd8089c7b83c0000000f05";
  return runElf(code);
}

/** Returns a script that runs machine code as a program of its own. */
function runElf(code: string): string {
  const size = 0x78 + code.length / 2;
  const little = (value: number, bytes: number) =>
    Array.from(
      { length: bytes },
      (_, at) => (value / 256 ** at & 255).toString(16).padStart(2, "0"),
    )
      .join("");
  const elf = "7f454c46020101" + "00".repeat(9) + little(2, 2) + little(62, 2) + little(1, 4) +
    little(0x400078, 8) + little(64, 8) + little(0, 8) + little(0, 4) + little(64, 2) +
    little(56, 2) + little(1, 2) + little(0, 6) + little(1, 4) + little(5, 4) + little(0, 8) +
    little(0x400000, 8) + little(0x400000, 8) + little(size, 8) + little(size, 8) +
    little(0x1000, 8) + code;
  return `perl -e 'print pack("H*", "${elf}")' > /sandbox/elf && chmod 755 /sandbox/elf && ` +
    "{ /sandbox/elf; echo ended $?; }";
}

/** The same as {@link int80} by the door of 64-bit programs. */
export function plainElf(): string {
  // mov eax, 39; syscall; xor edi, edi; mov eax, 60; syscall
  return runElf("b8270000000f0531ffb83c0000000f05");
}
