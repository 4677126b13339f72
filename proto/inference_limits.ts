/**
 * Bounds of model calls: what one call, reply or route may use.
 *
 * Each says its unit, and what happens at its edge.
 *
 * @module
 */

/** Where programs of a sandbox make model calls, by CONNECT and TLS. No other machine has the name. */
export const INFERENCE_HOST = "inference.local";
export const INFERENCE_PORT = 443;

/** Body of one model call, in bytes. Beyond it: 413. */
export const INFERENCE_BODY_BYTES_MAX = 10 * 1024 * 1024;

/** Members of a call's JSON object, not those inside of them. Beyond it: 400. */
export const INFERENCE_MEMBERS_MAX = 512;

/** Reply that is passed on as a whole, in bytes. Beyond it: 502. */
export const INFERENCE_REPLY_BYTES_MAX = 32 * 1024 * 1024;

/** Reply, or line of an event stream, that is read for its token counts. Beyond it: they are estimated. */
export const INFERENCE_METERED_BYTES_MAX = 4 * 1024 * 1024;

/** Error reply that is looked through for the backend's key, in bytes. Beyond it: cut off. */
export const INFERENCE_ERROR_BYTES_MAX = 1024 * 1024;

/** Time without a byte of a stream, in milliseconds. Beyond it: the stream ends with an error. */
export const INFERENCE_STREAM_IDLE_MS_MAX = 120_000;

/** Time that a route without one of its own gives a reply, in milliseconds. */
export const INFERENCE_TIMEOUT_MS_DEFAULT = 60_000;

/** Longest time that a route may have, in seconds. Beyond it: refused. */
export const INFERENCE_TIMEOUT_S_MAX = 3_600;

/** Time that a call waits for the first routes of a sandbox that has just begun, in milliseconds. */
export const INFERENCE_FIRST_ROUTES_MS_MAX = 10_000;

/** Routes of one workspace. Beyond it: refused. */
export const INFERENCE_ROUTES_MAX = 64;

/** Models that one route may be asked for by name. Beyond it: refused. */
export const INFERENCE_ROUTE_MODELS_MAX = 64;

/** Name of a model, in UTF-16 units. Beyond it: refused, and cut off in events. */
export const INFERENCE_MODEL_UNITS_MAX = 256;

/** Time for one probe of a new route, in milliseconds. Beyond it: the route is not set. */
export const INFERENCE_PROBE_MS_MAX = 30_000;

/** Bytes of text that a token is taken for where a backend does not count. */
export const INFERENCE_BYTES_PER_TOKEN = 4;

/** Tokens that one call may hold of a budget before its use is known. */
export const INFERENCE_HELD_TOKENS_MAX = 16_384;
