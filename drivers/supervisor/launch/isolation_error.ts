/**
 * What went wrong while a sandbox was closed off: which control, and what the person can do.
 *
 * Whoever sees one of these knows that nothing of the agent ran.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";

/** The layers of a jail, in the order in which they are put in force. */
export type Control =
  | "namespaces"
  | "mounts"
  | "ownership"
  | "network"
  | "no_new_privs"
  | "init"
  | "capabilities"
  | "identity"
  | "limits"
  | "landlock"
  | "seccomp";

/** What to do about each control that could not be put in force. */
const HINTS: Readonly<Record<Control, string>> = {
  namespaces: "Run as root, and allow namespaces where an outer container forbids them",
  mounts: "Check that the paths of the policy exist, and that an outer container allows mounts",
  ownership:
    "Bind it read-only, or use Linux 5.12 or newer with user namespaces, and a file system " +
    "whose owners can be mapped, as ext4, xfs, btrfs and tmpfs",
  network: "Choose free, distinct ports above 0, and allow network namespaces",
  no_new_privs: "Use Linux 3.5 or newer, and do not run under an outer seccomp filter",
  init: "Install sh, sleep and mount in /bin, as every plain Linux machine has them",
  capabilities: "Run as root with CAP_SETPCAP and CAP_SYS_ADMIN",
  identity: "Choose a user and a group other than root",
  limits: "Choose limits that are not above those of OpenShell itself",
  landlock: "Use Linux 5.13 or newer with Landlock among the security modules (lsm=landlock,...)",
  seccomp: "Use a kernel built with CONFIG_SECCOMP_FILTER",
};

/** A control could not be put in force, or is not in force as read back: nothing was spawned. */
export class IsolationError extends CodedError {
  override readonly name = "IsolationError";
  override readonly code = "failed_precondition";

  constructor(readonly control: Control, readonly detail: string, options: ErrorOptions = {}) {
    super(`Cannot isolate the sandbox by "${control}": ${detail}`, {
      ...options,
      hint: HINTS[control],
    });
  }
}

/** A policy names a path that no jail can have. */
export class MountPlanError extends CodedError {
  override readonly name = "MountPlanError";
  override readonly code = "invalid_argument";

  constructor(readonly path: string, detail: string, hint: string) {
    super(`Cannot plan the mount of "${path}": ${detail}`, { hint });
  }
}

/** The kernel refused one call. */
export class SyscallError extends CodedError {
  override readonly name = "SyscallError";
  override readonly code = "internal";

  constructor(readonly call: string, readonly subject: string, readonly errno: number) {
    super(`Cannot ${call} "${subject}": errno ${errno}`);
  }
}

/** The jail is not there any more, or never could start this command. */
export class JailCallError extends CodedError {
  override readonly name = "JailCallError";
  override readonly code = "unavailable";

  constructor(readonly operation: string, detail: string, options: ErrorOptions = {}) {
    super(`Cannot ${operation} in the jail: ${detail}`, options);
  }
}
