/**
 * A pattern that cannot be compiled.
 *
 * @module
 */

import { AUTOMATON_STATES_MAX } from "../../proto/limits.ts";
import { CodedError } from "../../proto/errors.ts";

/** A pattern, alone or together with the others of its place, cannot become an automaton. */
export class PatternError extends CodedError {
  override readonly name = "PatternError";
  override readonly code = "invalid_argument";

  constructor(
    readonly pattern: string,
    /** Code of the diagnostic: `malformed_glob`, `pattern_too_long` or `pattern_too_complex`. */
    readonly diagnosticCode: string,
    readonly detail: string,
    /** Number of the endpoint that it belongs to, `null` for a host or binary. */
    readonly endpoint: number | null = null,
  ) {
    super(`Cannot compile pattern ${shorten(pattern)}: ${detail}`);
  }

  /** Returns the same error for an endpoint. */
  of(endpoint: number): PatternError {
    return new PatternError(this.pattern, this.diagnosticCode, this.detail, endpoint);
  }

  static tooComplex(pattern: string): PatternError {
    const detail = `alone or with the others of its place it needs more than ` +
      `${AUTOMATON_STATES_MAX} states; use fewer wildcards before fixed text`;
    return new PatternError(pattern, "pattern_too_complex", detail);
  }
}

/** Characters of a pattern that a message shows. */
const SHOWN_LENGTH_MAX = 80;

function shorten(pattern: string): string {
  const isLong = pattern.length > SHOWN_LENGTH_MAX;
  return JSON.stringify(isLong ? `${pattern.slice(0, SHOWN_LENGTH_MAX)}…` : pattern);
}
