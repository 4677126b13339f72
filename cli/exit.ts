/**
 * Exit codes of the program.
 *
 * @module
 */

import { CodedError } from "../proto/errors.ts";

/** Done, or the question was answered. */
export const EXIT_OK = 0;

/** The operation could not be done. */
export const EXIT_FAILED = 1;

/** Wrong arguments, or an input document that is not valid. */
export const EXIT_BAD_INPUT = 2;

/** A proof came to no answer. Of `policy prove` and `policy diff --semantic` alone. */
export const EXIT_UNKNOWN = 3;

/** What has to agree does not: a defect of the program. Of the same commands alone. */
export const EXIT_DISAGREEMENT = 4;

/** Interrupted by the person: 128 and the number of SIGINT, as shells count. */
export const EXIT_INTERRUPTED = 130;

/** The reader of the output went away: 128 and the number of SIGPIPE, as shells count. */
export const EXIT_BROKEN_PIPE = 141;

/** Returns the exit code for an error that ended the program. */
export function exitCodeOf(error: unknown): number {
  if (isBrokenPipe(error)) return EXIT_BROKEN_PIPE;
  return error instanceof CodedError && error.code === "invalid_argument"
    ? EXIT_BAD_INPUT
    : EXIT_FAILED;
}

/** True when the error says that nobody reads the output any more. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe;
}
