/**
 * A validated policy in memory: what `parsePolicy` returns and what `compilePolicy` takes.
 *
 * Every default is filled in and every preset is expanded, so that evaluator, reference, prover
 * and printer need no knowledge of how the YAML was written. Absent things are `null` or empty,
 * never `undefined`. All lists keep the author's order, except `rules`, which is sorted by key.
 *
 * @module
 */

/** A whole policy. Filesystem, Landlock and process are fixed when a sandbox is created. */
export interface Policy {
  readonly version: 1;
  readonly filesystem: FilesystemPolicy;
  readonly landlock: { readonly compatibility: "hard_requirement" | "best_effort" };
  /** Identity of the workload; `null` leaves that half to the compute driver. */
  readonly process: { readonly runAsUser: string | null; readonly runAsGroup: string | null };
  /** Sorted by key, in code unit order. */
  readonly rules: readonly Rule[];
  readonly middlewares: readonly Middleware[];
}

/** Paths are absolute and normalised: no `.`, no `..`, no doubled or trailing slash. */
export interface FilesystemPolicy {
  readonly includeWorkdir: boolean;
  readonly readOnly: readonly string[];
  readonly readWrite: readonly string[];
}

/** One entry of `network_policies`: these callers may reach these endpoints. */
export interface Rule {
  /** Map key, the stable identity of the rule. */
  readonly key: string;
  /** Display name, the key where none is written. */
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly binaries: readonly Binary[];
}

/** A caller. Its own executable has to match; its ancestors count only for `descendants`. */
export interface Binary {
  /** A path, or a path glob when it holds `*`. */
  readonly path: string;
  /** Also admits processes that have a matching executable among their ancestors. */
  readonly descendants: boolean;
}

/** How the bytes of an endpoint are understood. `l4` is the absent `protocol`. */
export type Protocol =
  | "l4"
  | "tcp"
  | "rest"
  | "websocket"
  | "graphql"
  | "json-rpc"
  | "mcp"
  | "sql";

/** One destination of a rule. */
export interface Endpoint {
  /** Canonical host name, canonical IP literal or host pattern; empty with `allowedIps` only. */
  readonly host: string;
  /** At least one, ascending, no duplicates, 1 to 65535. */
  readonly ports: readonly number[];
  /** Path glob that scopes the endpoint; `**` for all. */
  readonly path: string;
  readonly protocol: Protocol;
  /** `skip` hands the bytes on unread. */
  readonly tls: "auto" | "skip";
  readonly enforcement: "enforce" | "audit";
  /** Presets are expanded. Empty for `l4` and `tcp`. */
  readonly allow: readonly RequestRule[];
  readonly deny: readonly RequestRule[];
  /** Canonical CIDR text (`10.0.0.0/8`, `fd00::/8`), sorted, no duplicates. */
  readonly allowedIps: readonly string[];
  readonly allowEncodedSlash: boolean;
  readonly websocketCredentialRewrite: boolean;
  readonly requestBodyCredentialRewrite: boolean;
  readonly allowUninspectedCredentials: boolean;
  readonly credentialSigning: "sigv4" | "sigv4:body" | "sigv4:no_body" | null;
  readonly signingService: string | null;
  readonly signingRegion: string | null;
  readonly credentialBindingProvider: string | null;
  readonly persistedQueries: "deny" | "allow_registered";
  readonly graphqlPersistedQueries: readonly PersistedQuery[];
  /** Bytes of a GraphQL-over-HTTP body that are buffered. */
  readonly graphqlMaxBodyBytes: number;
  /** Bytes of a JSON-RPC or MCP body that are buffered. */
  readonly rpcMaxBodyBytes: number;
  readonly mcpStrictToolNames: boolean;
  /** The MCP method profile: see `architecture/policy.md`. */
  readonly mcpAllowAllKnownMethods: boolean;
}

/** A registered persisted GraphQL query, found by its id or hash. */
export interface PersistedQuery {
  readonly id: string;
  readonly operationType: GraphqlOperationType;
  readonly operationName: string;
  readonly fields: readonly string[];
}

export type GraphqlOperationType = "query" | "mutation" | "subscription";

/** One allow or deny rule of an endpoint: exactly one of four vocabularies. */
export type RequestRule = HttpRule | GraphqlRule | RpcRule | SqlRule;

/** Judges method, path and query: `rest`, `websocket`. */
export interface HttpRule {
  readonly kind: "http";
  /** Upper case, or `*`. `WEBSOCKET_TEXT` is a client text message of an upgraded connection. */
  readonly method: string;
  /** Path glob over the canonical path. */
  readonly path: string;
  /** All keys have to be there. Sorted by key. */
  readonly query: readonly { readonly key: string; readonly value: Matcher }[];
}

/** Judges one GraphQL operation: `graphql`, and `websocket` that carries GraphQL. */
export interface GraphqlRule {
  readonly kind: "graphql";
  readonly operationType: GraphqlOperationType | "*";
  /** `null` takes any name, also none. */
  readonly operationName: Matcher | null;
  /** Root fields; `null` takes any. */
  readonly fields: Matcher | null;
}

/** Judges one JSON-RPC call: `json-rpc`, `mcp`. */
export interface RpcRule {
  readonly kind: "rpc";
  /** Exact method, `*`, or for `mcp` a glob under `tools/`. */
  readonly method: string;
  /** Tool name of a `tools/call`; `null` takes any. */
  readonly tool: Matcher | null;
}

/** Judges a SQL command. No SQL parser exists: such endpoints are audit only. */
export interface SqlRule {
  readonly kind: "sql";
  /** Upper case, or `*`. */
  readonly command: string;
}

/** A value matches when any one of these globs does. Never empty. */
export type Matcher = readonly string[];

/** One entry of `network_middlewares`. Sorted by `order`. */
export interface Middleware {
  readonly key: string;
  readonly name: string;
  readonly middleware: string;
  readonly order: number;
  readonly config: unknown;
  readonly onError: "fail_closed" | "fail_open";
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}
