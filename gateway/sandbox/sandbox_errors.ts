/**
 * Why something could not be done with a sandbox.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";
import type { Phase } from "./phase.ts";

/** A field of a request is not as it should be. */
export class InvalidSandboxError extends CodedError {
  override readonly name = "InvalidSandboxError";
  override readonly code = "invalid_argument";

  constructor(field: string, detail: string, hint?: string) {
    super(`Cannot use ${field}: ${detail}`, hint === undefined ? {} : { hint });
  }
}

/** No sandbox has the name, or the id. */
export class SandboxNotFoundError extends CodedError {
  override readonly name = "SandboxNotFoundError";
  override readonly code = "not_found";

  constructor(readonly sandboxName: string) {
    super(`Cannot find sandbox "${sandboxName}"`, {
      hint: 'See which there are with "openshell sandbox list"',
    });
  }
}

/** A sandbox of the workspace has the name already. */
export class SandboxExistsError extends CodedError {
  override readonly name = "SandboxExistsError";
  override readonly code = "already_exists";

  constructor(sandboxName: string) {
    super(`Cannot create sandbox "${sandboxName}": one of this name exists`, {
      hint: "Choose another name, or delete that one",
    });
  }
}

/** There is one workspace so far. */
export class WorkspaceNotFoundError extends CodedError {
  override readonly name = "WorkspaceNotFoundError";
  override readonly code = "not_found";

  constructor(workspace: string) {
    super(`Cannot find workspace "${workspace}"`, { hint: 'Use "default"' });
  }
}

/** A sandbox is not in a state for what was asked. */
export class PhaseError extends CodedError {
  override readonly name = "PhaseError";
  override readonly code = "failed_precondition";

  constructor(verb: string, sandboxName: string, phase: Phase) {
    const hint = phase === "error" ? "Delete it, and create another one" : undefined;
    super(
      `Cannot ${verb} sandbox "${sandboxName}": it is in phase ${phase}`,
      hint === undefined ? {} : { hint },
    );
  }
}

/** Something was asked for that this gateway does not do. */
export class UnsupportedError extends CodedError {
  override readonly name = "UnsupportedError";
  override readonly code = "failed_precondition";

  constructor(what: string, detail: string, hint?: string) {
    super(`Cannot create the sandbox with ${what}: ${detail}`, hint === undefined ? {} : { hint });
  }
}
