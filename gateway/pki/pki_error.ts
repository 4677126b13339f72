/**
 * What keeps a gateway from using its keys and certificates.
 *
 * @module
 */

import { CodedError } from "../../proto/errors.ts";

/** Some of the files are there, and what is missing cannot be made to fit them. */
export class PkiIncompleteError extends CodedError {
  override readonly name = "PkiIncompleteError";
  override readonly code = "failed_precondition";

  constructor(readonly directory: string, readonly missing: string) {
    super(`Cannot use the certificates in "${directory}": "${missing}" is missing`, {
      hint: `Restore "${missing}" from a backup, or remove the folder to start anew: ` +
        "clients on other machines then need the new certificates",
    });
  }
}

/** Others could read or change a file, or it is not ours. */
export class PkiPermissionError extends CodedError {
  override readonly name = "PkiPermissionError";
  override readonly code = "permission_denied";

  constructor(readonly path: string, detail: string, hint: string) {
    super(`Cannot use "${path}" for keys: ${detail}`, { hint });
  }
}

/** A file cannot be read or written, or does not hold what it should. */
export class PkiFileError extends CodedError {
  override readonly name = "PkiFileError";
  override readonly code = "failed_precondition";

  constructor(
    readonly path: string,
    detail: string,
    options: ErrorOptions & { readonly hint?: string } = {},
  ) {
    super(`Cannot use "${path}": ${detail}`, options);
  }
}
