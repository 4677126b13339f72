/**
 * Errors for a command line that cannot be understood.
 *
 * @module
 */

import { CodedError } from "../proto/errors.ts";
import type { Flag } from "./command.ts";
import { nearest } from "../policy-wasm/parse/nearest.ts";

/** The command line is wrong: exit code 2. */
export class UsageError extends CodedError {
  override readonly name = "UsageError";
  override readonly code = "invalid_argument";
}

/** Returns the error for a flag that the command with this full name does not have. */
export function unknownFlagError(
  shown: string,
  flags: readonly Flag[],
  command: string,
): UsageError {
  const visible = flags.filter((flag) => flag.hidden !== true).map((flag) => `--${flag.name}`);
  const near = nearest(shown, visible);
  return new UsageError(`Cannot use flag "${shown}": "${command}" has no such flag`, {
    hint: near === null
      ? `See "${command} --help" for the flags`
      : `Write "${near}", or see "${command} --help"`,
  });
}

/** Returns the error for required things that are not given. `missing` is not empty. */
export function missingError(missing: readonly string[], command: string): UsageError {
  const list = missing.length === 1
    ? `${missing[0]} is`
    : `${missing.slice(0, -1).join(", ")} and ${missing.at(-1)} are`;
  return new UsageError(`Cannot run "${command}": ${list} missing`, {
    hint: `See "${command} --help"`,
  });
}
