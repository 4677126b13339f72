/**
 * Bounds of what credentials may add to a request, and of what is read to add them.
 *
 * @module
 */

/** Values in one request's head, in characters. Beyond it: 413. */
export const CREDENTIAL_HEAD_BYTES_MAX = 64 * 1024;

/** Body that placeholders are looked for in, with its framing, in bytes. Beyond it: 413. */
export const CREDENTIAL_BODY_BYTES_MAX = 256 * 1024;

/** Values in one request's body, in characters. Beyond it: 413. */
export const CREDENTIAL_BODY_VALUE_BYTES_MAX = 1024 * 1024;

/** Body that is signed with its hash, in bytes. Beyond it: 413. */
export const SIGNED_BODY_BYTES_MAX = 10 * 1024 * 1024;
