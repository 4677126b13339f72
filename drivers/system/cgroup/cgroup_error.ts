/**
 * What went wrong with a control group.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";

/** Controllers that limit a sandbox. */
export type Controller = "cpu" | "memory" | "pids";

/** A limit was asked for that this machine cannot hold: the sandbox must not start without it. */
export class LimitUnavailableError extends CodedError {
  override readonly name = "LimitUnavailableError";
  override readonly code = "failed_precondition";

  constructor(readonly controller: Controller, detail: string, options: ErrorOptions = {}) {
    super(`Cannot limit the sandbox by "${controller}": ${detail}`, {
      ...options,
      hint: "Start OpenShell in a unit of its own, as with " +
        `"systemd-run --scope -p Delegate=yes", on a kernel with the ${controller} controller, ` +
        "or ask for no such limit",
    });
  }
}

/** A limit is not one that could ever be held. */
export class LimitValueError extends CodedError {
  override readonly name = "LimitValueError";
  override readonly code = "invalid_argument";

  constructor(field: string, value: number, wanted: string) {
    super(`Cannot limit the sandbox by ${field} "${value}": it should be ${wanted}`);
  }
}

/** A control group does not do what was asked. */
export class CgroupError extends CodedError {
  override readonly name = "CgroupError";
  override readonly code = "unavailable";

  constructor(operation: string, group: string, detail: string, options: ErrorOptions = {}) {
    super(`Cannot ${operation} the control group "${group}": ${detail}`, options);
  }
}
