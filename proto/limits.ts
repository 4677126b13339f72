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

/** Output of a jailed program that one message between threads carries, in bytes. */
export const JAIL_CHUNK_BYTES_MAX = 64 * 1024;

/** Programs that one jail runs at once, each with its pipes. Beyond it: no further one starts. */
export const JAIL_PROCESSES_MAX = 256;

/** Time for a jail to confine itself, in milliseconds. Beyond it: it is ended as failed. */
export const JAIL_START_MS_MAX = 10_000;

/** Time for a killed jail to be gone, in milliseconds. Beyond it: the end is reported as failed. */
export const JAIL_END_MS_MAX = 10_000;

/** Output of the main process that is kept for whoever attaches, in bytes. The oldest goes. */
export const REPLAY_BYTES_MAX = 1024 * 1024;

/** People attached to one main process. Beyond it: refused with a notice. */
export const ATTACHMENTS_MAX = 32;

/** Output waiting for one attached person, in bytes. Beyond it: the process waits for them. */
export const ATTACHMENT_BYTES_MAX = 4 * 1024 * 1024;

/** Time that a process waits for one attached person, in milliseconds. Then they are cut off. */
export const ATTACHMENT_STALL_MS_MAX = 10_000;

/** Time that an ended main process waits for someone to fetch its output, in milliseconds. */
export const MAIN_LINGER_MS_MAX = 60_000;

/** Bytes in flight on one relay, each way. Beyond it: the sender waits. */
export const RELAY_BYTES_MAX = 256 * 1024;

/** Data of one relay frame, in bytes. Longer data takes several frames. */
export const RELAY_FRAME_BYTES_MAX = 64 * 1024;

/** Relays of one sandbox, and of one gateway, that are open or wait. Beyond it: refused. */
export const RELAYS_PER_SANDBOX_MAX = 64;
export const RELAYS_MAX = 1024;

/** Time for a supervisor to answer a relay, in milliseconds. Beyond it: `unavailable`. */
export const RELAY_OPEN_MS_MAX = 10_000;

/** Time to wait for a supervisor's session, in milliseconds. Beyond it: `unavailable`. */
export const SESSION_WAIT_MS_MAX = 15_000;

/** Between two signs of life on a supervisor's session, in milliseconds. Three missed end it. */
export const HEARTBEAT_MS = 15_000;

/** Between two attempts to reach the gateway, in milliseconds: doubles from the first to the second. */
export const RECONNECT_MS_MIN = 250;
export const RECONNECT_MS_MAX = 5_000;

/** Time for a supervisor to have its sandbox running, in milliseconds. Beyond it: it is ended. */
export const SUPERVISOR_START_MS_MAX = 30_000;

/** Assignment of a supervisor, in bytes: a policy document and what surrounds it. */
export const ASSIGNMENT_BYTES_MAX = 8 * 1024 * 1024;

/** Open files of one process in a sandbox. Beyond it: the program's call fails. */
export const OPEN_FILES_MAX = 16_384;

/** Processes and threads of a sandbox that was not given a bound. Beyond it: no further one starts. */
export const PROCESSES_DEFAULT = 2_048;

/** Each private folder in memory of a sandbox, in bytes. Beyond it: the program's disk is full. */
export const TMP_BYTES_MAX = 1024 * 1024 * 1024;

/** Bytes of a private folder for each file that it may hold. Beyond it: its disk is full. */
export const TMP_BYTES_PER_FILE = 4_096;

/** Terminals of a sandbox, of those that the kernel has for all. Beyond it: the call fails. */
export const TERMINALS_MAX = 256;

/** One audit event as a line, in bytes. A longer one is not written: the sandbox ends. */
export const EVENT_LINE_BYTES_MAX = 64 * 1024;

/** One file of audit events, in bytes. Beyond it: the next file. */
export const EVENT_FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Files of audit events that are kept for one chain. The oldest goes, and the chain says so. */
export const EVENT_FILES_MAX = 8;

/** Between an audit event and its way to the disk, in milliseconds; the kernel has it at once. */
export const EVENT_SYNC_MS_MAX = 1_000;

/** Unreadable end of a file of audit events that is cut off after a crash, in bytes. */
export const EVENT_TORN_BYTES_MAX = 1024 * 1024;

/** Between two looks for new audit events, in milliseconds. */
export const EVENT_POLL_MS = 100;

/** Audit events of one answer, and their bytes. The oldest are left out. */
export const EVENT_READ_LINES_MAX = 10_000;
export const EVENT_READ_BYTES_MAX = 16 * 1024 * 1024;

/** Disorder of times among audit events that a reader allows for, in milliseconds. */
export const EVENT_DISORDER_MS_MAX = 300_000;

/** Parents of a caller in one audit event. The nearest ones are kept. */
export const EVENT_ANCESTORS_MAX = 8;

/** One text in an audit event, in UTF-16 units. The rest is cut off and `…` stands for it. */
export const EVENT_TEXT_UNITS_MAX = 1024;

/** One file of the gateway's keys and certificates, in bytes. Beyond it: refused. */
export const PKI_FILE_BYTES_MAX = 64 * 1024;

/** Objects that one page of a list holds. Beyond it: the rest is on the next page. */
export const PAGE_OBJECTS_MAX = 1000;

/** Time to wait for another program that holds the database, in milliseconds. Then `unavailable`. */
export const STORE_BUSY_MS_MAX = 5_000;

/** Attempts to write an object that others change at the same time. Beyond it: a conflict. */
export const STORE_ATTEMPTS_MAX = 5;

/** Name of a sandbox, in bytes: with workspace and service it has to fit a DNS label. */
export const SANDBOX_NAME_BYTES_MAX = 19;

/** Labels or annotations of one object. Beyond it: refused. */
export const LABELS_MAX = 64;

/** One annotation, and all of an object together, in bytes. Beyond it: refused. */
export const ANNOTATION_BYTES_MAX = 4 * 1024;
export const ANNOTATIONS_BYTES_MAX = 64 * 1024;

/** Environment of a sandbox: entries, bytes of one value, bytes together. Beyond it: refused. */
export const ENVIRONMENT_ENTRIES_MAX = 128;
export const ENVIRONMENT_VALUE_BYTES_MAX = 8 * 1024;
export const ENVIRONMENT_BYTES_MAX = 256 * 1024;

/** Main process of a sandbox: words of its command, and bytes of all. Beyond it: refused. */
export const COMMAND_WORDS_MAX = 256;
export const COMMAND_BYTES_MAX = 256 * 1024;

/** Host folders of one sandbox, and paths in one that are not protected. Beyond it: refused. */
export const BINDS_MAX = 64;
export const UNPROTECTED_PATHS_MAX = 64;

/** Platform events of one sandbox that are kept for whoever comes later. The oldest go. */
export const PLATFORM_EVENTS_MAX = 64;

/** Changes that wait for one watcher of a sandbox. Beyond it: its stream ends, it has to return. */
export const WATCH_CHANGES_MAX = 1024;

/** Sandboxes that a gateway brings back at once when it starts. The others wait. */
export const RECOVERIES_AT_ONCE_MAX = 4;

/** One message from a client, in bytes. Beyond it: `resource_exhausted`. */
export const MESSAGE_BYTES_MAX = 1024 * 1024;

/** The same where a message holds a policy document or standard input. */
export const LARGE_MESSAGE_BYTES_MAX = 5 * 1024 * 1024;

/** Time for one call that is no stream, in milliseconds: a sandbox may start in it. */
export const CALL_MS_MAX = 120_000;

/** Between two pings of an HTTP/2 connection, and until its answer, in milliseconds. */
export const KEEPALIVE_MS = 20_000;
export const KEEPALIVE_ANSWER_MS_MAX = 10_000;

/** Time for open calls to end when the gateway closes, in milliseconds. Then they are cut off. */
export const SERVER_CLOSE_MS_MAX = 2_000;

/** Clock difference between the parts that make and check a token, in seconds. */
export const TOKEN_LEEWAY_S = 60;

/** Bearer token, in bytes. Beyond it: refused before it is looked at. */
export const TOKEN_BYTES_MAX = 4 * 1024;

/** Lines of a log that are replayed where the caller does not say, and at most. */
export const LOG_LINES_DEFAULT = 200;
export const LOG_LINES_MAX = 10_000;

/** Gateways that one folder of registrations may hold. The others are not listed. */
export const GATEWAYS_MAX = 1_000;

/** `metadata.json` of a registered gateway, in UTF-16 units. A longer one cannot be used. */
export const METADATA_BYTES_MAX = 64 * 1024;

/** Between two signs of life that a client asks of its gateway, in milliseconds. */
export const CLIENT_PING_MS = 10_000;

/** Time for a gateway to answer a sign of life, in milliseconds. Beyond it: `unavailable`. */
export const CLIENT_PING_MS_MAX = 10_000;

/** Time for a gateway to answer one call, in milliseconds. Beyond it: `unavailable`. */
export const CLIENT_CALL_MS_MAX = 30_000;

/** Time for the local gateway to answer whether it is there, in milliseconds. Then one is started. */
export const LOCAL_PROBE_MS_MAX = 3_000;

/** Time for the local gateway to answer after its start, in milliseconds. Beyond it: an error. */
export const LOCAL_START_MS_MAX = 15_000;

/** Log of a gateway that a client started, in bytes. A longer one makes way for the next. */
export const GATEWAY_LOG_BYTES_MAX = 16 * 1024 * 1024;

/** Input of a program that waits to be sent, in bytes. Beyond it: reading it pauses. */
export const CLIENT_INPUT_BYTES_MAX = 1024 * 1024;

/** All files of one download, in bytes. Beyond it: nothing of it is kept. */
export const DOWNLOAD_BYTES_MAX = 64 * 1024 * 1024 * 1024;

/** Files, folders and links of one transfer. Beyond it: nothing of it is kept. */
export const TRANSFER_ENTRIES_MAX = 1_000_000;

/** Path of one file in a transfer, in UTF-16 units. Beyond it: nothing of it is kept. */
export const TRANSFER_PATH_UNITS_MAX = 4_096;

/** Bytes of one download that are no content, for each entry: its names. Beyond it: an error. */
export const DOWNLOAD_HEADER_BYTES_MAX = 16 * 1024;

/** Connections of one forwarded port at a time. Beyond it: a new one is closed at once. */
export const FORWARD_CONNECTIONS_MAX = 256;

/** Sandboxes that one page of a list holds. */
export const SANDBOX_PAGE_MAX = 1_000;

/** Policy revisions that are kept of one sandbox. Beyond it: the oldest one that is over goes. */
export const POLICY_REVISIONS_MAX = 200;

/** Diagnostics that a refused policy is answered with. The others are counted. */
export const ANSWERED_DIAGNOSTICS_MAX = 20;

/** Load error that a supervisor reports, in UTF-16 units. The rest is cut off. */
export const LOAD_ERROR_UNITS_MAX = 4_096;

/** Time for a control group to be empty, in milliseconds. Beyond it: its end is reported as failed. */
export const CGROUP_END_MS_MAX = 10_000;

/** Folders deep in a writable bind that are searched for repositories to protect. Below: none found. */
export const BIND_DEPTH_MAX = 4;

/** Folders of a writable bind that are looked into for repositories. Beyond it: no more are found. */
export const BIND_FOLDERS_MAX = 5_000;

/** Events that a caller gets who does not say how many. */
export const EVENT_LINES_DEFAULT = 200;

/** Text of an error that a client is answered with, in UTF-16 units: it travels in a header. */
export const ERROR_TEXT_UNITS_MAX = 4_096;

/** Fewest processes that a sandbox may be given: init, and the shell of each command. */
export const SANDBOX_PROCESSES_MIN = 8;

/** Between two looks at the controls of a sandbox with writable binds, in milliseconds. */
export const CONTROL_CHECK_MS = 2_000;

/**
 * Time for which the outputs of a program that has ended are read on, in milliseconds. What it left
 * running may hold them; beyond it, its output is no longer passed on.
 */
export const OUTPUT_LINGER_MS_MAX = 500;

/** Time for a gateway to end in order, in milliseconds. Beyond it: it ends as it is. */
export const GATEWAY_CLOSE_MS_MAX = 8_000;

/** Time for a program of a sandbox to take a forwarded connection, in milliseconds. Then it fails. */
export const DIAL_INSIDE_MS_MAX = 5_000;

/** Time for a process to enter a user namespace of its own, in milliseconds. Then it fails. */
export const USER_NAMESPACE_MS_MAX = 10_000;
