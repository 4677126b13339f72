/**
 * Why a value could not be made anew, and what there is none of. No text holds a secret.
 *
 * @module
 */

import { CodedError, type ErrorCode } from "../../../proto/errors.ts";

/**
 * A new value could not be had. `detail` is what the status shows: it says nothing that a token
 * server has written, but the code of an OAuth error.
 */
export class MintError extends CodedError {
  override readonly name = "MintError";

  constructor(override readonly code: ErrorCode, readonly detail: string, options?: ErrorOptions) {
    super(`Cannot make a new value: ${detail}`, options);
  }
}

/** A value could not be made anew: the same for a person, with names. */
export class RefreshFailedError extends CodedError {
  override readonly name = "RefreshFailedError";

  constructor(
    override readonly code: ErrorCode,
    { provider, key, detail }: {
      readonly provider: string;
      readonly key: string;
      readonly detail: string;
    },
    options?: ErrorOptions,
  ) {
    super(`Cannot make a new value of "${key}" of provider "${provider}": ${detail}`, {
      ...options,
      hint: `See: openshell provider refresh status ${provider}`,
    });
  }
}

/** The credential is not one that the gateway makes anew. */
export class RefreshNotFoundError extends CodedError {
  override readonly name = "RefreshNotFoundError";
  override readonly code = "not_found";

  constructor(provider: string, key: string) {
    super(`Cannot find a refresh of "${key.slice(0, 64)}" of provider "${provider}"`, {
      hint: `See which there are with "openshell provider refresh status ${provider}"`,
    });
  }
}
