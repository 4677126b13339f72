/**
 * Bounds against what a sandbox may flood: its record, and whoever listens.
 *
 * @module
 */

/**
 * Time in which the same denial that comes too often is counted instead of written, in milliseconds;
 * then one event tells the count.
 */
export const EVENT_FOLD_MS = 30_000;

/** The same denial within that time that is written one by one. What is above is counted. */
export const EVENT_REPEATS_MAX = 200;

/** Kinds of denials that are counted at the same time. Beyond it: each is written, by the budget. */
export const EVENT_FOLD_KINDS_MAX = 256;

/**
 * Denials that are written one by one, in bytes: at once, and of these again a second. Beyond it:
 * one event tells how many there were. So a flood takes days to fill the files that are kept.
 */
export const EVENT_DENIAL_BYTES_MAX = 4 * 1024 * 1024;
export const EVENT_DENIAL_BYTES_PER_S = 512;

/**
 * Events of what was let through that are written one by one, in bytes: at once, and of these again
 * a second. Beyond it: one event in `EVENT_FOLD_MS` tells how many there were of which kind. It is
 * a fourth of what is kept, tens of thousands of requests, so that no usual work gets there.
 */
export const EVENT_ALLOWED_BYTES_MAX = 32 * 1024 * 1024;
export const EVENT_ALLOWED_BYTES_PER_S = 1_024;

/** Kinds that such an event names, most frequent first. The others are one number. */
export const EVENT_ALLOWED_KINDS_MAX = 12;

/** Between two looks whether the gateway still accepts connections, and for it to, in milliseconds. */
export const LISTEN_CHECK_MS = 5_000;
export const LISTEN_ANSWER_MS_MAX = 3_000;
