/**
 * Makes the sandbox's identity the owner of a bound folder, as the sandbox sees it.
 *
 * What the agent makes there belongs to the folder's owner on the host, and what belongs to the
 * owner is the agent's to change. Others' files are nobody's in the sandbox.
 *
 * The kernel takes the map from a user namespace. A process with threads cannot make one, so a
 * helper does, and holds it until the mounts are made.
 *
 * @module
 */

import { IsolationError } from "./isolation_error.ts";
import type { JailSpec, OwnerMap } from "./jail_spec.ts";

/** Maps for all binds that need one. Disposing ends the helpers. */
export interface OwnerMaps extends AsyncDisposable {
  readonly maps: readonly OwnerMap[];
}

interface Helper {
  readonly process: Deno.ChildProcess;
  readonly input: WritableStreamDefaultWriter<Uint8Array>;
}

/** @throws {IsolationError} */
export async function openOwnerMaps({ plan, identity }: JailSpec): Promise<OwnerMaps> {
  const helpers = new Map<string, Helper>();
  const maps: OwnerMap[] = [];
  const end = async () => {
    for (const { process, input } of helpers.values()) {
      // Closing fails where it has ended; that it has ended is all that is asked for.
      await input.close().catch(() => {});
      await process.status;
    }
  };
  try {
    for (const mount of plan.mounts) {
      if (mount.kind !== "bind" || mount.mapsOwner !== true) continue;
      const owner = ownerOf(mount.source);
      if (owner.uid === identity.uid && owner.gid === identity.gid) continue;
      if (Deno.uid() !== 0) {
        const detail = `${mount.source} belongs to another user or group, which only root can map`;
        throw new IsolationError("ownership", detail);
      }
      const key = `${owner.uid}:${owner.gid}`;
      const helper = helpers.get(key) ?? startHelper();
      if (!helpers.has(key)) {
        helpers.set(key, helper);
        await untilReady(helper.process);
        const { pid } = helper.process;
        // What is on the disk, what the sandbox sees, how many.
        writeMap(`/proc/${pid}/uid_map`, `${owner.uid} ${identity.uid} 1`);
        writeMap(`/proc/${pid}/gid_map`, `${owner.gid} ${identity.gid} 1`);
      }
      maps.push({ target: mount.target, helperPid: helper.process.pid });
    }
    return { maps, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

function ownerOf(path: string): { readonly uid: number; readonly gid: number } {
  try {
    const { uid, gid } = Deno.statSync(path);
    if (uid === null || gid === null) throw new IsolationError("ownership", `${path} has no owner`);
    return { uid, gid };
  } catch (cause) {
    if (cause instanceof IsolationError) throw cause;
    throw new IsolationError("ownership", `${path} cannot be looked at`, { cause });
  }
}

function startHelper(): Helper {
  const process = new Deno.Command("unshare", {
    args: ["--user", "sh", "-c", "echo; read -r line"],
    cwd: "/",
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  return { process, input: process.stdin.getWriter() };
}

async function untilReady({ stdout }: Deno.ChildProcess): Promise<void> {
  const reader = stdout.getReader();
  const { done } = await reader.read();
  await reader.cancel();
  if (done) throw new IsolationError("ownership", "user namespaces are not allowed");
}

function writeMap(path: string, line: string): void {
  try {
    Deno.writeTextFileSync(path, line, { create: false, append: true });
  } catch (cause) {
    throw new IsolationError("ownership", `the kernel refuses the map "${line}"`, { cause });
  }
}
