/**
 * Every bound in OpenShell, in one place: its unit, its reason and what happens at the edge.
 *
 * Each is enforced before memory is allocated for what it bounds.
 *
 * @module
 */

/** Policy document as text. Beyond it: `document_too_large`, nothing is parsed. */
export const POLICY_TEXT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Policy as compact JSON that a reference gateway still takes (`spec`: 262,144 bytes serialised).
 * Beyond it: the warning `policy_over_reference_limit`; our own gateway goes by the text limit.
 */
export const POLICY_SERIALISED_BYTES_REFERENCE_MAX = 256 * 1024;

/** YAML nodes after aliases are followed, so that nested anchors cannot explode. */
export const POLICY_NODES_MAX = 500_000;

/** Nesting of collections in a policy document; the format itself needs 9. */
export const POLICY_DEPTH_MAX = 32;

/** Diagnostics that one run reports; further ones are counted, not kept. */
export const DIAGNOSTICS_MAX = 100;

/** Network rules in one policy. Beyond it: `too_many_rules`. */
export const RULES_MAX = 20_000;

/** Endpoints in one policy, all rules together, counted once for each port. */
export const ENDPOINT_PORTS_MAX = 100_000;

/** Filesystem paths, read-only and read-write together. */
export const FILESYSTEM_PATHS_MAX = 256;

/** One path, in bytes: a filesystem path, a binary, or a canonical request path (PATH_MAX). */
export const PATH_BYTES_MAX = 4096;

/** One host name, in bytes, without a trailing dot (RFC 1035 section 2.3.4). */
export const HOST_BYTES_MAX = 253;

/** One label of a host name, in bytes (RFC 1035 section 2.3.4). */
export const HOST_LABEL_BYTES_MAX = 63;

/** One glob pattern, in UTF-16 units. Beyond it: `pattern_too_long`. */
export const PATTERN_UNITS_MAX = 4096;

/** Patterns that the braces of one glob expand to. Beyond it: `pattern_too_complex`. */
export const PATTERN_ALTERNATIVES_MAX = 64;

/**
 * States of one compiled automaton. Beyond it, patterns are shared out over several automata; one
 * pattern that alone needs more is refused with `pattern_too_complex`.
 */
export const AUTOMATON_STATES_MAX = 16_384;

/**
 * Work for one automaton: pattern positions summed over its states, some 0.5 s. Beyond it, as for
 * states.
 */
export const AUTOMATON_WORK_MAX = 2_000_000;

/** Work for all automata of one policy, some 10 s. Beyond it: `pattern_too_complex`. */
export const POLICY_WORK_MAX = 40_000_000;

/** Compiled image, in bytes. Beyond it: `image_too_large`, the policy is refused. */
export const IMAGE_BYTES_MAX = 256 * 1024 * 1024;

/** Ancestor executables of a caller that are looked at; the nearest ones win. */
export const ANCESTORS_MAX = 64;

/** Encoded caller (executable and ancestors), in bytes. Beyond it: `caller_unknown`. */
export const CALLER_BYTES_MAX = 32 * 1024;

/** Query pairs of one request. Beyond it: `invalid_query`. */
export const QUERY_PAIRS_MAX = 256;

/** Query of one request, in bytes. Beyond it: `invalid_query`. */
export const QUERY_BYTES_MAX = 16 * 1024;

/** Root fields of one GraphQL operation that are judged. Beyond it: `graphql_invalid`. */
export const GRAPHQL_FIELDS_MAX = 256;

/** Middleware configs in one policy. */
export const MIDDLEWARES_MAX = 10;

/** Include and exclude patterns of one middleware config. */
export const MIDDLEWARE_PATTERNS_MAX = 32;

/** Body that is buffered to be judged where the policy does not say otherwise, in bytes. */
export const BODY_BYTES_DEFAULT = 64 * 1024;

/**
 * Largest body limit that a policy may ask for, in bytes: each request in flight may hold as much.
 * Beyond it: an error in the policy.
 */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Comparisons of endpoints for ambiguity, in units of a tenth of a microsecond: about a second.
 * Beyond it: `policy_too_complex`.
 */
export const AMBIGUITY_UNITS_MAX = 10_000_000;

/** Listening sockets inside one sandbox. Beyond it: the sandbox does not start. */
export const JAIL_LISTENERS_MAX = 16;

/** Output of a jailed program that one message between threads carries, in bytes. */
export const JAIL_CHUNK_BYTES_MAX = 64 * 1024;

/** Programs that one jail runs at once, each with its pipes. Beyond it: no further one starts. */
export const JAIL_PROCESSES_MAX = 256;

/** Time for a jail to confine itself, in milliseconds. Beyond it: it is ended as failed. */
export const JAIL_START_MS_MAX = 10_000;

/** Time for a killed jail to be gone, in milliseconds. Beyond it: the end is reported as failed. */
export const JAIL_END_MS_MAX = 10_000;
