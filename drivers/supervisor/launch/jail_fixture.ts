/**
 * Real jails for tests: folders on the host, a usual specification, and a shell to run in it.
 *
 * @module
 */

import type { FilesystemPolicy } from "../../../policy-wasm/policy.ts";
import type { BindRequest } from "./bind_plan.ts";
import { type Jail, type JailOptions, startJail } from "./jail.ts";
import type { JailSpec } from "./jail_spec.ts";
import { loadLibc } from "./libc_ffi.ts";
import { lookAtPath } from "./look_at_path.ts";
import { planMounts, SYSTEM_FOLDERS } from "./mount_plan.ts";

/** Each test process has its own, because the kernel counts the processes of one identity. */
export const AGENT = { uid: 1_000_000 + Deno.pid, gid: 1_000_000 + Deno.pid };
const INIT = { uid: AGENT.uid + 100_000_000, gid: AGENT.gid + 100_000_000 };
export const MISSING = findMissing();
export const HAS_PERL = lookAtPath("/usr/bin/perl").kind === "file";
export const HAS_BASH = lookAtPath("/bin/bash").kind === "file";

/** Says why these tests cannot run here, or nothing. */
function findMissing(): string | null {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root";
  const effective = /^CapEff:\s*(\w+)/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ??
    "0";
  const CAP_SYS_ADMIN = 21n;
  if ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN & 1n) === 0n) return "needs CAP_SYS_ADMIN";
  try {
    loadLibc().landlockAbi();
    return null;
  } catch {
    return "needs Landlock";
  }
}

export function jailTest(name: string, body: () => Promise<void>, missing = MISSING): void {
  const reason = missing === null ? "" : ` (ignored: ${missing})`;
  Deno.test({ name: name + reason, ignore: missing !== null, fn: body });
}

export interface Folders {
  /** Where the agent works. */
  readonly workspace: string;
  /** On the host, in a policy's `read_only`. */
  readonly tools: string;
}

export async function withFolders(body: (folders: Folders) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "openshell-jail-" });
  try {
    Deno.chmodSync(folder, 0o755);
    const folders = { workspace: `${folder}/workspace`, tools: `${folder}/tools` };
    for (const path of Object.values(folders)) Deno.mkdirSync(path, { mode: 0o755 });
    Deno.chownSync(folders.workspace, AGENT.uid, AGENT.gid);
    await body(folders);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

export function makeSpec(
  { workspace, tools }: Folders,
  filesystem?: FilesystemPolicy,
  binds: readonly BindRequest[] = [],
): JailSpec {
  const usual = { includeWorkdir: true, readOnly: [tools], readWrite: ["/tmp", "/made-for-me"] };
  const plan = planMounts({
    filesystem: filesystem ?? usual,
    compatibility: "hard_requirement",
    workspace: { source: workspace, target: "/sandbox" },
    binds,
    systemFolders: SYSTEM_FOLDERS,
    tmpBytesMax: 16 * 1024 * 1024,
    ownFolders: [],
    hostMounts: [],
  }, lookAtPath);
  const limits = { openFilesMax: 200, processesMax: 100 };
  return { plan, identity: AGENT, initIdentity: INIT, limits, hostname: "jail" };
}

export interface Context extends Folders {
  readonly jail: Jail;
  /** Runs a shell script and returns its output and its exit code. */
  readonly run: (script: string, program?: string) => Promise<{ out: string; code: number }>;
}

export async function withJail(
  body: (context: Context) => Promise<void>,
  options: JailOptions = {},
): Promise<void> {
  await withFolders(async (folders) => {
    const jail = await startJail(makeSpec(folders), options);
    try {
      await body({ ...folders, jail, run: (script, program) => run(jail, script, program) });
    } finally {
      await jail.close();
    }
  });
}

export async function run(jail: Jail, script: string, program = "/bin/sh") {
  const process = await jail.spawn({
    argv: [program, program.endsWith("perl") ? "-e" : "-c", script],
    env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", MARK: "agent" },
    cwd: "/sandbox",
    stdin: "null",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
  ]);
  const { code } = await process.wait();
  return { out: stdout + stderr, code };
}
