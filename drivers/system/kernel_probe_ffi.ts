/**
 * Looks at this machine's kernel, for `readKernelFeatures`.
 *
 * Restricts nothing of this process: the calls are the ones that name a version or an action, and
 * what has to be tried is tried by another program.
 *
 * @module
 */

import { USER_NAMESPACE_MS_MAX } from "../../proto/limits.ts";
import type { KernelProbe } from "./kernel_features.ts";
import { tryProgram } from "./try_program.ts";

const SYMBOLS = {
  syscall: { parameters: ["i64", "buffer", "usize", "u32"], result: "i64" },
  seccomp: { name: "syscall", parameters: ["i64", "u32", "u32", "buffer"], result: "i64" },
} as const;

const LANDLOCK_CREATE_RULESET = 444n;
const LANDLOCK_CREATE_RULESET_VERSION = 1;
const SECCOMP = { x86_64: 317n, aarch64: 277n };
const SECCOMP_GET_ACTION_AVAIL = 2;
const SECCOMP_RET_ERRNO = 0x00050000;

const PROGRAM_FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/** Returns the probe of this machine. On a system other than Linux everything is missing. */
export function probeKernel(): KernelProbe {
  return {
    readText,
    landlockAbi: () => {
      const call = LANDLOCK_CREATE_RULESET;
      return ask(({ syscall }) => syscall(call, null, 0n, LANDLOCK_CREATE_RULESET_VERSION), 0);
    },
    hasSeccompFilter: () => {
      const action = new Uint8Array(new Uint32Array([SECCOMP_RET_ERRNO]).buffer);
      const call = SECCOMP[Deno.build.arch];
      return ask(({ seccomp }) => seccomp(call, SECCOMP_GET_ACTION_AVAIL, 0, action), -1) === 0;
    },
    uid: Deno.build.os === "linux" ? Deno.uid() ?? -1 : -1,
    gid: Deno.build.os === "linux" ? Deno.gid() ?? -1 : -1,
    hasProgram: (name) => PROGRAM_FOLDERS.some((folder) => isFile(`${folder}/${name}`)),
    canMakeUserNamespace,
  };
}

/** Makes one for a program that does nothing. */
function canMakeUserNamespace(): boolean {
  const args = ["--user", "--keep-caps", "/bin/sh", "-c", ":"];
  return tryProgram("/usr/bin/unshare", args, USER_NAMESPACE_MS_MAX);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Returns the answer of one call, or `missing` where the kernel refuses it. */
function ask(call: (symbols: Symbols) => bigint, missing: number): number {
  if (Deno.build.os !== "linux") return missing;
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  try {
    const answer = Number(call(library.symbols));
    return answer < 0 ? missing : answer;
  } finally {
    library.close();
  }
}

/** A file that cannot be read says that the feature is not to be had. */
function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}
