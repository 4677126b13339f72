/**
 * Bounds of proofs: how long one may take, and how much of what it may make.
 *
 * Each says its unit, and what happens at its edge.
 *
 * @module
 */

/** Time of one proof where nothing else is said, in milliseconds. Beyond it: `unknown`. */
export const PROOF_MS_DEFAULT = 30_000;

/** Days from today for which a risk may be accepted, a leap year. Beyond it: the file is refused. */
export const PROOF_RISK_DAYS_MAX = 366;

/** Time of `policy prove` where nothing else is said, in milliseconds. Beyond it: `unknown`. */
export const PROOF_COMMAND_MS_DEFAULT = 60_000;

/** Steps of one proof in search of witnesses, some seconds. Beyond it: `unknown`. */
export const PROOF_STEPS_MAX = 200_000_000;

/** Atoms that the patterns of one place are cut into. Beyond it: `unknown`. */
export const PROOF_ATOMS_MAX = 50_000;

/** Combinations of atoms that one proof judges. Beyond it: `unknown`. */
export const PROOF_COMBINATIONS_MAX = 5_000_000;

/** Findings that one question reports. Further ones are counted. */
export const PROOF_FINDINGS_MAX = 200;

/** Formula that z3 is handed, in characters, so that its memory stays bounded. Beyond it: `unknown`. */
export const PROOF_SCRIPT_UNITS_MAX = 8 * 1024 * 1024;

/** Time of a proof before a gateway takes a policy, in milliseconds. Beyond it: `unknown`. */
export const PROOF_GATE_MS_MAX = 8_000;

/**
 * Time of such a proof with its turn and its thread, in milliseconds: whoever asks is to hear of it
 * within `CLIENT_CALL_MS_MAX`. Beyond it: the thread is ended and the change refused.
 */
export const PROOF_THREAD_MS_MAX = 20_000;

/** Proofs of one gateway that wait for their turn. Beyond it: the change is refused. */
export const PROOF_QUEUE_MAX = 8;
