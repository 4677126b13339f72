/**
 * Decides which user and group the agent is.
 *
 * @module
 */

import type { Policy } from "../../policy-wasm/policy.ts";
import { CodedError } from "../../proto/errors.ts";
import type { Assignment } from "./assignment.ts";

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** The identity that the policy asks for cannot be had. */
export class IdentityError extends CodedError {
  override readonly name = "IdentityError";
  override readonly code = "failed_precondition";
}

export interface IdentityChoice {
  readonly assignment: Pick<Assignment, "identity" | "sandbox">;
  readonly policy: Policy;
  /** The ordinary user who runs OpenShell; `null` where that is root. */
  readonly own: Identity | null;
}

/**
 * Returns the policy's number where it names one, field by field; else the sandbox's own.
 *
 * For an ordinary user, the files of a folder that is bound writable belong to that user whoever
 * looks: only root can have the kernel show them as another's. So the agent is that user then, shut
 * in by everything else. Without such a bind it is an id that nobody else has, as it is for root.
 *
 * @throws {IdentityError}
 */
export function chooseIdentity({ assignment, policy, own }: IdentityChoice): Identity {
  const { sandbox: { binds }, identity } = assignment;
  const { runAsUser, runAsGroup } = policy.process;
  const uid = toNumber("run_as_user", runAsUser);
  const gid = toNumber("run_as_group", runAsGroup);
  if (own === null) return { uid: uid ?? identity.uid, gid: gid ?? identity.gid };
  const usual = binds.some(({ writable }) => writable) ? own : identity;
  for (
    const [field, asked, has] of [["user", uid, usual.uid], ["group", gid, usual.gid]] as const
  ) {
    if (asked === null || asked === has) continue;
    throw new IdentityError(`Cannot use "${asked}" as run_as_${field}: only root can choose it`, {
      hint: 'Write "sandbox" or leave it out, or run OpenShell as root',
    });
  }
  return usual;
}

/** The ordinary user who runs OpenShell; `null` where that is root. */
export function ownIdentity(): Identity | null {
  const [uid, gid] = [Deno.uid(), Deno.gid()];
  return uid === 0 || uid === null || gid === null ? null : { uid, gid };
}

/** `sandbox` stands for whatever the driver gives. */
function toNumber(field: string, text: string | null): number | null {
  if (text === null || text === "sandbox") return null;
  const number = /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : NaN;
  if (number <= 0xffff_fffe) return number;
  throw new IdentityError(
    `Cannot use "${text}" as ${field}: a sandbox on this machine has a number, not a name`,
    { hint: "Write the number of a user who is not root, or leave it out" },
  );
}
