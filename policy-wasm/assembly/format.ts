/**
 * Numbers on which the compiler (TypeScript) and the evaluator (AssemblyScript) agree: the layout
 * of the policy image and of the evaluator's memory. Both languages read this one file, so it
 * holds plain number constants only. `architecture/image.md` draws the picture.
 *
 * @module
 */

// Header of an image: 32-bit little-endian words, by word index.
/** "OSPI" */
export const MAGIC = 0x4950534f;
export const IMAGE_VERSION = 1;
export const HEADER_WORDS = 24;
export const HEADER_MAGIC = 0;
export const HEADER_VERSION = 1;
/** Length of the whole image in bytes. */
export const HEADER_LENGTH = 2;
/** 1 when the policy has network rules. */
export const HEADER_HAS_RULES = 3;
/** SHA-256 of all bytes after the header: 8 words. */
export const HEADER_DIGEST = 4;
/** Hash tables: offset, then number of slots minus one. */
export const HEADER_HOSTS = 12;
export const HEADER_SUFFIXES = 14;
/** Ports of endpoints without a host, 0 for none. */
export const HEADER_HOSTLESS = 16;
export const HEADER_BINARIES = 17;
/** List of automata over binaries whose patterns are globs, 0 for none. */
export const HEADER_BINARY_GLOBS = 19;
/** List of pattern ids that every binary matches, 0 for none. */
export const HEADER_BINARY_ANY = 20;
/** The policy as JSON: offset, length in bytes. */
export const HEADER_POLICY = 21;

// Hash table slot: words.
export const SLOT_BYTES = 16;
export const SLOT_HASH = 0;
/** Offset of the key's bytes, 0 in an empty slot. */
export const SLOT_KEY = 4;
export const SLOT_KEY_LENGTH = 8;
export const SLOT_VALUE = 12;

/** Hash of a key: its length, then `(rotate(hash) ^ value) * factor` for each word and last byte. */
export const HASH_ROTATION = 5;
export const HASH_FACTOR = 0x9e3779b9;
/** Bytes of the longest suffix of a host that is looked up: no host name is longer. */
export const SUFFIX_BYTES_MAX = 255;

/** Pattern ids with this bit also count when an ancestor matches them. */
export const DESCENDANTS_BIT = 0x40000000;

// Cell: endpoints of one host and port whose rules admit the same callers.
export const CELL_ORDER = 0;
export const CELL_FLAGS = 4;
/** Automaton over the path, whose accept values are rows; 0 for none. */
export const CELL_AUTOMATON = 8;
/** Row of a path that the automaton does not accept, 0 for none. */
export const CELL_ROW = 12;
/** Row of the SQL endpoints, 0 for none. */
export const CELL_SQL_ROW = 16;

/** Some endpoint reads requests. */
export const FLAG_INSPECTED = 1;
/** Some endpoint accepts `%2F`. */
export const FLAG_ENCODED_SLASH = 2;
/** Some rule looks at the query. */
export const FLAG_QUERY = 4;

// Row: what holds for one set of matching paths in a cell.
/** Larger is more specific. */
export const ROW_RANK = 0;
export const ROW_DRIVER = 4;
export const ROW_TRAITS = 8;
export const ROW_DENIES = 12;
export const ROW_ALLOWS = 16;
/** Deny entries, then allow entries. */
export const ROW_ENTRIES = 20;
export const ENTRY_BYTES = 20;
export const ENTRY_ORDER = 0;
export const ENTRY_PROTOCOL = 4;
/** Bit set of method numbers: 64 bits. */
export const ENTRY_METHODS = 8;
/** Condition, 0 for none. */
export const ENTRY_CONDITION = 16;

/** The low bits of the traits are the protocol's number. */
export const TRAIT_PROTOCOL = 7;
export const TRAIT_AUDIT = 8;
export const TRAIT_ENCODED_SLASH = 16;
export const TRAIT_STRICT_TOOLS = 32;
export const TRAIT_WEBSOCKET_GRAPHQL = 64;

export const PROTOCOL_REST = 1;
export const PROTOCOL_WEBSOCKET = 2;
export const PROTOCOL_GRAPHQL = 3;
export const PROTOCOL_JSON_RPC = 4;
export const PROTOCOL_MCP = 5;
export const PROTOCOL_SQL = 6;
/** Of entries only: GraphQL rules of a `websocket` endpoint. */
export const PROTOCOL_WEBSOCKET_GRAPHQL = 7;

// Conditions: first word is the kind. Automata of matchers accept with any value but 0.
/** kind, is deny, count, then key offset, key length, automaton for each. */
export const CONDITION_QUERY = 1;
/** kind, is deny, bits of types, name automaton or 0, fields automaton or 0, registry or 0. */
export const CONDITION_GRAPHQL = 2;
/** kind, method automaton or 0, tool automaton or 0, 1 to except `tools/call`. */
export const CONDITION_RPC = 3;
/** kind, command automaton or 0. */
export const CONDITION_SQL = 4;

/** Registry: count, then id offset, id length, offset of the operation for each. */
export const REGISTRY_BYTES = 12;

// Automaton: its start state. State: words, then by kind.
export const STATE_ACCEPT = 0;
/** Kind in the upper 8 bits, count in the lower 24. */
export const STATE_KIND = 4;
/** Literal: next state. Sparse: next state for other bytes. Table: offset of the class map. */
export const STATE_DEFAULT = 8;
/** Literal: see below. Sparse: bytes padded to words, then next states. Table: next states. */
export const STATE_DATA = 12;
/** Literal: the answer when the value has other bytes, then the bytes. */
export const LITERAL_OTHERWISE = 12;
export const LITERAL_BYTES = 16;
export const KIND_TABLE = 0;
export const KIND_LITERAL = 1;
export const KIND_SPARSE = 2;
/** On a reference to a state: nothing that follows changes the answer. */
export const REFERENCE_FINAL = 1;
export const SPARSE_BYTES_MAX = 8;

// Method numbers beyond the known ones of `methods.ts`.
export const METHOD_OTHER = 63;
export const METHOD_GET = 0;
export const METHOD_POST = 2;
export const METHOD_WEBSOCKET_TEXT = 62;

// Evaluator memory: fixed byte addresses, below the module's own data.
export const REQUEST_AT = 64;
export const PATTERN_IDS_AT = 0x1000;
export const PATTERN_IDS_MAX = 4096;
export const CELLS_AT = 0x8000;
export const CELLS_MAX = 4096;
export const ROWS_AT = 0xc000;
export const INPUT_AT = 0x10000;
export const INPUT_BYTES = 0x40000;
export const MODULE_DATA_AT = 0x50000;
export const IMAGE_AT = 0x60000;

// Request block at REQUEST_AT: words. Offsets point into the input, 0 for absent.
export const REQUEST_METHOD = 0;
export const REQUEST_FLAGS = 4;
export const REQUEST_PATH_LENGTH = 8;
/** count, then key length, value length, key, value for each. */
export const REQUEST_QUERY = 12;
/** kind, bits of type, name length, count of fields, name, then length and bytes for each. */
export const REQUEST_GRAPHQL = 16;
/** kind, method length, tool length or -1, method, tool. */
export const REQUEST_RPC = 20;
/** length, bytes. */
export const REQUEST_COMMAND = 24;
/** Written by `connect`: number of cells, and their flags joined. */
export const CONNECT_CELLS = 28;
export const CONNECT_FLAGS = 32;

export const REQUEST_FLAG_ENCODED_SLASH = 1;
export const GRAPHQL_KIND_OPERATION = 1;
export const GRAPHQL_KIND_PERSISTED = 2;
export const GRAPHQL_TYPE_QUERY = 1;
export const GRAPHQL_TYPE_MUTATION = 2;
export const GRAPHQL_TYPE_SUBSCRIPTION = 4;
export const RPC_KIND_CALL = 1;
export const RPC_KIND_RESPONSE = 2;
export const RPC_KIND_STREAM = 3;

// Decision: one word.
export const DECISION_REASON = 0xff;
export const DECISION_AUDITED = 0x100;
export const DECISION_DENIED = 0x200;
/** Endpoint number plus one from this bit on, 0 for none. */
export const DECISION_ENDPOINT_SHIFT = 10;

// Reasons, by index in `REASONS` of `proto/reason.ts`.
export const REASON_ALLOWED = 0;
export const REASON_ENGINE_ERROR = 1;
export const REASON_NO_NETWORK_RULES = 4;
export const REASON_HOST_NOT_ALLOWED = 5;
export const REASON_PORT_NOT_ALLOWED = 6;
export const REASON_BINARY_NOT_ALLOWED = 7;
export const REASON_PATH_NOT_IN_SCOPE = 11;
export const REASON_ENCODED_SLASH_NOT_ALLOWED = 12;
export const REASON_DENIED_BY_RULE = 13;
export const REASON_REQUEST_NOT_ALLOWED = 14;
export const REASON_WEBSOCKET_REQUIRED = 15;
export const REASON_GRAPHQL_INVALID = 16;
export const REASON_PERSISTED_QUERY_NOT_ALLOWED = 17;
export const REASON_RPC_INVALID = 18;
export const REASON_RPC_RESPONSE_NOT_ALLOWED = 19;
export const REASON_TOOL_NAME_INVALID = 20;
