/**
 * Bounds of the egress proxy: what one connection, request or caller may use of it.
 *
 * Each says its unit, and what happens at its edge.
 *
 * @module
 */

/** Leaf certificates that one sandbox keeps, one a host. Beyond it: the least used one goes. */
export const TLS_LEAVES_MAX = 256;

/**
 * ClientHello with the heads of its records, in bytes: browsers send some 2 KiB. Beyond it:
 * malformed, the connection is closed.
 */
export const CLIENT_HELLO_BYTES_MAX = 16 * 1024;

/** Time for one TLS handshake, in milliseconds. Beyond it: the connection is closed. */
export const TLS_HANDSHAKE_MS_MAX = 10_000;

/** Time for a closed, terminated connection to hand over what was written, in milliseconds. */
export const TLS_DRAIN_MS_MAX = 1_000;

/** Certificates that the machine trusts, in bytes: some 250 KiB are usual. Beyond it: not used. */
export const CA_BUNDLE_BYTES_MAX = 16 * 1024 * 1024;

/** Head of one HTTP message that the proxy reads, in bytes. Beyond it: 431, or 502 for a response. */
export const HTTP_HEAD_BYTES_MAX = 16 * 1024;

/** Headers of one HTTP message. Beyond it: 431, or 502 for a response. */
export const HTTP_HEADERS_MAX = 128;

/** Request method, in bytes, as the policy core has it. Beyond it: 400. */
export const HTTP_METHOD_BYTES_MAX = 64;

/** Bytes that were read from one side of a connection and wait to go on: reading pauses there. */
export const HTTP_BUFFER_BYTES_MAX = 64 * 1024;

/** First size of that buffer, in bytes, since many connections idle; it grows to the bound. */
export const HTTP_BUFFER_BYTES_MIN = 16 * 1024;

/** Hexadecimal digits of a chunk's size, so that it stays an exact number. Beyond it: refused. */
export const HTTP_CHUNK_SIZE_DIGITS_MAX = 12;

/** Trailers of one chunked body, in bytes; they are read to be dropped. Beyond it: refused. */
export const HTTP_TRAILER_BYTES_MAX = 4 * 1024;

/** Interim responses (1xx) before the real one. Beyond it: the response is refused. */
export const HTTP_INTERIM_RESPONSES_MAX = 16;

/** Time without a further request on a kept-alive connection, in milliseconds. Then it is closed. */
export const HTTP_IDLE_MS_MAX = 120_000;

/** Time for a request's head from its first byte on, in milliseconds. Beyond it: closed. */
export const HTTP_HEAD_MS_MAX = 30_000;

/** Time for a response to begin, in milliseconds: models think long. Beyond it: 504. */
export const HTTP_RESPONSE_MS_MAX = 600_000;

/** Time in which no byte of an exchange moves, in milliseconds. Beyond it: both sides are closed. */
export const HTTP_BODY_IDLE_MS_MAX = 300_000;

/** Time that a response's head waits to leave together with its body's start, in milliseconds. */
export const HTTP_COALESCE_MS = 2;

/**
 * Bytes and milliseconds for which a client that was refused may go on sending, so that it reads
 * the answer instead of a reset. Beyond either: closed.
 */
export const HTTP_DRAIN_BYTES_MAX = 4 * 1024 * 1024;
export const HTTP_DRAIN_MS_MAX = 2_000;

/** Executables that one sandbox is known to have used. Beyond it: `caller_unknown`. */
export const TRUSTED_BINARIES_MAX = 16_384;

/** Executable that is read to be recognised, in bytes. Beyond it: `caller_unknown`. */
export const BINARY_BYTES_MAX = 1024 * 1024 * 1024;

/** Piece in which executables are read, in bytes: other connections wait for one at most. */
export const BINARY_CHUNK_BYTES = 256 * 1024;

/**
 * Descriptors of a sandbox that are searched for one connection: some 3 microseconds each, for
 * which nothing else of its proxy goes on. Beyond it: `caller_unknown`.
 */
export const CALLER_DESCRIPTORS_MAX = 16_384;

/** Attempts at identifying a caller that changes meanwhile. Beyond it: `caller_unknown`. */
export const CALLER_ATTEMPTS_MAX = 4;

/** Processes of a sandbox whose id on the host is remembered. Beyond it: all are looked up anew. */
export const HOST_PIDS_MAX = 4_096;

/** Connections of one sandbox's proxy at a time. Beyond it: 503. */
export const PROXY_CONNECTIONS_MAX = 1_024;

/** Connections beyond that bound which are answered at a time. Others are closed unanswered. */
export const PROXY_REFUSALS_MAX = 64;

/** Pause after a failed accept, in milliseconds: descriptors come back when connections end. */
export const ACCEPT_PAUSE_MS = 50;

/** Time for an inspected connection to say what it speaks, in milliseconds. Then it is closed. */
export const PROTOCOL_MS_MAX = 30_000;

/** Links that the path of one binary leads through. Beyond it: only the path as written counts. */
export const BINARY_LINKS_MAX = 40;

/** Time for a host to be resolved, in milliseconds. Beyond it: `dns_failed`. */
export const RESOLVE_MS_MAX = 10_000;

/** Hosts of one sandbox that are resolved at the same time. The others wait. */
export const RESOLVES_AT_ONCE_MAX = 32;

/**
 * Lookups of one sandbox that were given up and have not ended, which nothing can make them. Each
 * holds a thread. Beyond it: the others wait, until `dns_failed`.
 */
export const RESOLVES_HANGING_MAX = 64;

/** Of those, for one host. Beyond it: `dns_failed` at once, and the places are others'. */
export const RESOLVES_HANGING_OF_HOST_MAX = 4;

/** Addresses of one host, each of which is judged. Beyond it: `dns_failed`. */
export const HOST_ADDRESSES_MAX = 64;

/** Time to connect to a host, in milliseconds. Beyond it: `upstream_unreachable`. */
export const DIAL_MS_MAX = 15_000;

/** Time for one address while others are left to be tried, in milliseconds. */
export const DIAL_ADDRESS_MS_MAX = 3_000;

/** Buffer of a raw relay, for each direction, in bytes: at first, and when reads fill it. */
export const RAW_BUFFER_BYTES_MIN = 16 * 1024;
export const RAW_BUFFER_BYTES_MAX = 64 * 1024;

/** Age of a connection that was dialled and not used, in milliseconds. Beyond it: dialled anew. */
export const UPSTREAM_UNUSED_MS_MAX = 5_000;

/**
 * One text message of a program over a WebSocket, in bytes: it is held until it is judged. Beyond
 * it: closed with 1009.
 */
export const WEBSOCKET_TEXT_BYTES_MAX = 4 * 1024 * 1024;

/** One binary message of a program, in bytes: it is passed on in pieces. Beyond it: 1009. */
export const WEBSOCKET_BINARY_BYTES_MAX = 16 * 1024 * 1024;

/** Frames of one message of a program. Beyond it: closed with 1009. */
export const WEBSOCKET_FRAGMENTS_MAX = 4096;

/** Text messages that all WebSockets of one sandbox hold, in bytes. Beyond it: closed with 1013. */
export const WEBSOCKET_HELD_BYTES_MAX = 64 * 1024 * 1024;

/** Time for a text message from its first byte on, in milliseconds. Beyond it: closed with 1008. */
export const WEBSOCKET_MESSAGE_MS_MAX = 120_000;

/** Time in which no byte of a WebSocket moves, in milliseconds. Beyond it: closed with 1001. */
export const WEBSOCKET_IDLE_MS_MAX = 120_000;

/** Time for the other side to answer a close, in milliseconds. Beyond it: both are cut off. */
export const WEBSOCKET_CLOSE_MS_MAX = 5_000;
