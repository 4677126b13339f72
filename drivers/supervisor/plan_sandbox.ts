/**
 * What a sandbox is made from: the static part of its policy, its workspace, binds and identity.
 *
 * @module
 */

import type { Policy } from "../../policy-wasm/policy.ts";
import { OPEN_FILES_MAX, PROCESSES_DEFAULT, TMP_BYTES_MAX } from "../../proto/limits.ts";
import type { Assignment } from "./assignment.ts";
import type { Identity } from "./choose_identity.ts";
import type { JailSpec } from "./launch/jail_spec.ts";
import { lookAtPath } from "./launch/look_at_path.ts";
import { type Mount, planMounts, SYSTEM_FOLDERS } from "./launch/mount_plan.ts";
import { parseMountTable } from "./launch/mount_table.ts";
import { WORKSPACE } from "./process/environment.ts";

/** Where programs of a sandbox find the certificates. */
export const TRUST_FOLDER = "/run/openshell/tls";

export interface PlanOptions {
  readonly assignment: Assignment;
  readonly policy: Policy;
  /** Who the agent is. */
  readonly identity: Identity;
  readonly workspace: string;
  /** Folder with the certificates, on the host. */
  readonly trust: string;
  /** Files of the host that stand in for others, by their path in the sandbox. */
  readonly accounts: ReadonlyMap<string, string>;
  /** What no sandbox may see: see `ownFolders`. */
  readonly ownFolders: readonly string[];
}

/**
 * Returns the specification of the jail.
 *
 * @throws {MountPlanError} where the policy or a bind asks for what cannot be given.
 */
export function planSandbox(
  { assignment, policy, identity, workspace, trust, accounts, ownFolders }: PlanOptions,
): JailSpec {
  const { sandbox } = assignment;
  const plan = planMounts({
    filesystem: policy.filesystem,
    compatibility: policy.landlock.compatibility,
    workspace: { source: workspace, target: WORKSPACE },
    binds: sandbox.binds,
    systemFolders: SYSTEM_FOLDERS,
    tmpBytesMax: TMP_BYTES_MAX,
    ownFolders,
    hostMounts: parseMountTable(Deno.readTextFileSync("/proc/self/mountinfo")),
  }, lookAtPath);
  const files = [...accounts].map(([target, source]) => toBind(target, source, true));
  const ours = [...files, toBind(TRUST_FOLDER, trust, false)];
  return {
    plan: {
      ...plan,
      mounts: [...plan.mounts, ...ours],
      access: [
        ...plan.access,
        { path: TRUST_FOLDER, level: "read", file: false, devices: false },
      ],
    },
    identity,
    // The next number is nobody's: see `sandbox_folders.ts`.
    initIdentity: { uid: assignment.identity.uid + 1, gid: assignment.identity.gid + 1 },
    limits: {
      openFilesMax: Math.min(OPEN_FILES_MAX, ownOpenFilesMax()),
      processesMax: sandbox.resources.processesMax ?? PROCESSES_DEFAULT,
    },
    hostname: sandbox.name,
  };
}

/** What the sandbox sees in place of the host's, or besides it. It cannot write there. */
function toBind(target: string, source: string, file: boolean): Mount {
  return { kind: "bind", target, source, file, writable: false, devices: false };
}

/** A limit can only be lowered. Where ours is unlimited or not known, the constant holds. */
function ownOpenFilesMax(): number {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const hard = /^Max open files +\d+ +(\d+) /m.exec(limits)?.[1];
  return hard === undefined ? OPEN_FILES_MAX : Number(hard);
}
