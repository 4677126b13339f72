/**
 * Bounds of credentials that the gateway makes anew. What is beyond one is refused.
 *
 * @module
 */

/** Before a value ends a new one is made, in seconds, where the profile does not say. */
export const REFRESH_LEAD_SECONDS = 300;

/** Longest that a value is used, in seconds, where the profile does not say. */
export const REFRESH_LIFETIME_SECONDS = 3_600;

/** Longest that a profile may let a value be used, in seconds. */
export const REFRESH_LIFETIME_SECONDS_MAX = 43_200;

/**
 * Time for a token server to answer, in milliseconds. Then the attempt has failed. Less than a client
 * waits for the gateway, so that whoever asks is told why.
 */
export const REFRESH_ANSWER_MS_MAX = 28_000;

/** Between an attempt that failed and the next, in milliseconds. */
export const REFRESH_RETRY_MS = 60_000;

/** Least between two values of one credential, in milliseconds, however short they live. */
export const REFRESH_GAP_MS_MIN = 5_000;

/** Longest that nobody looks what is due, in milliseconds: clocks may be set. */
export const REFRESH_SWEEP_MS_MAX = 60_000;

/** Values that are made at the same time. The others wait for these. */
export const REFRESHES_AT_ONCE_MAX = 8;

/** Bytes of a token server's answer. Beyond it the attempt has failed. */
export const REFRESH_ANSWER_BYTES_MAX = 64 * 1024;

/** Pieces of material of one credential. */
export const REFRESH_MATERIAL_MAX = 32;

/** Bytes of one piece of material: a private key has to fit. */
export const REFRESH_MATERIAL_BYTES_MAX = 32 * 1024;
