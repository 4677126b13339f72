/**
 * Why something could not be done with a provider or a profile. No text holds a value.
 *
 * @module
 */

import { CodedError, type ErrorCode } from "../../proto/errors.ts";

/** A field of a request is not as it should be. */
export class InvalidProviderError extends CodedError {
  override readonly name = "InvalidProviderError";
  override readonly code = "invalid_argument";

  constructor(field: string, detail: string, hint?: string) {
    super(`Cannot use ${field}: ${detail}`, hint === undefined ? {} : { hint });
  }
}

/** No provider of the workspace has the name. */
export class ProviderNotFoundError extends CodedError {
  override readonly name = "ProviderNotFoundError";
  override readonly code = "not_found";

  constructor(providerName: string) {
    super(`Cannot find provider "${providerName}"`, {
      hint: 'See which there are with "openshell provider list"',
    });
  }
}

/** A provider of the workspace has the name already. */
export class ProviderExistsError extends CodedError {
  override readonly name = "ProviderExistsError";
  override readonly code = "already_exists";

  constructor(providerName: string) {
    super(`Cannot create provider "${providerName}": one of this name exists`, {
      hint: 'Choose another name, or change it with "openshell provider update"',
    });
  }
}

/** Something is in the way of a change. */
export class ProviderRefusedError extends CodedError {
  override readonly name = "ProviderRefusedError";

  constructor(
    override readonly code: ErrorCode,
    operation: string,
    detail: string,
    hint?: string,
  ) {
    super(`Cannot ${operation}: ${detail}`, hint === undefined ? {} : { hint });
  }
}

/** No profile has the id. */
export class ProfileNotFoundError extends CodedError {
  override readonly name = "ProfileNotFoundError";
  override readonly code = "not_found";

  constructor(id: string) {
    super(`Cannot find provider profile "${id}"`, {
      hint: 'See which there are with "openshell provider list-profiles"',
    });
  }
}
