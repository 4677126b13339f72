/**
 * What is judged: a caller, the connection it opens, and each request on it.
 *
 * All values are canonical: hosts and paths went through `canonical/`, identities came from the
 * kernel. The raw forms never reach the evaluator.
 *
 * @module
 */

import type { GraphqlOperationType } from "./policy.ts";

/** A program that opens a connection, by the kernel-resolved paths of its executables. */
export interface Caller {
  /** Absolute path of the caller's own executable. */
  readonly binary: string;
  /** Executables of its parents, nearest first; at most `ANCESTORS_MAX` count. */
  readonly ancestors: readonly string[];
}

/** Where a connection goes. */
export interface Target {
  /** Canonical host name or IP literal (`canonicalHost`). */
  readonly host: string;
  readonly port: number;
}

/** One request on an open connection. Exactly the parts that its protocol has are set. */
export interface Request {
  /** HTTP method as received, or `WEBSOCKET_TEXT` for a client text message. */
  readonly method: string;
  /** Canonical path (`canonicalPath`). */
  readonly path: string;
  /** The path holds `%2F`: parsed leniently because an endpoint of the connection opted in. */
  readonly encodedSlash?: boolean;
  /** Decoded query pairs in order, duplicates kept. */
  readonly query?: readonly QueryPair[];
  /** The one GraphQL operation judged here; a batch is judged operation by operation. */
  readonly graphql?: GraphqlOperation;
  /** The one JSON-RPC message judged here; a batch is judged message by message. */
  readonly rpc?: RpcMessage;
  /** SQL command word, for `sql` endpoints. */
  readonly command?: string;
}

export type QueryPair = readonly [key: string, value: string];

/** A parsed operation, or the hash of a persisted one without its document. */
export type GraphqlOperation =
  | {
    readonly kind: "operation";
    readonly type: GraphqlOperationType;
    /** Empty when the operation has no name. */
    readonly name: string;
    /** Root fields after fragments are expanded, without aliases; at least one. */
    readonly fields: readonly string[];
  }
  | { readonly kind: "persisted"; readonly id: string };

export type RpcMessage =
  | { readonly kind: "call"; readonly method: string; readonly tool?: string }
  /** A response frame that the client sends. */
  | { readonly kind: "response" }
  /** A GET without body that waits for server-sent events. */
  | { readonly kind: "stream" };
