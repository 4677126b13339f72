/**
 * Where the emulated metadata server of Google Cloud is inside a sandbox, and its bounds.
 *
 * @module
 */

/** TCP port on 127.0.0.1 inside a sandbox. */
export const METADATA_PORT = 8174;

/** What programs are told: the variables `GCE_METADATA_HOST` and `GCE_METADATA_IP`. */
export const METADATA_ADDRESS = `127.0.0.1:${METADATA_PORT}`;

/** Head of one request, in bytes. Beyond it: 431. */
export const METADATA_REQUEST_BYTES_MAX = 4 * 1024;

/** Requests that are answered at a time. Beyond it: further ones wait. */
export const METADATA_CONNECTIONS_MAX = 32;

/** Time for one request and its answer, in milliseconds. Beyond it: the connection is closed. */
export const METADATA_REQUEST_MS_MAX = 5_000;

/** Lifetime that a token without an end is said to have, in seconds, as Google's have. */
export const METADATA_TOKEN_SECONDS = 3_600;
