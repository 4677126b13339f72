/**
 * A question in raw spellings, as they arrive on the wire or on a command line, brought to its
 * canonical form and answered. The proxy, `policy explain` and the case files go through here, so
 * that none of them can canonicalise differently.
 *
 * @module
 */

import { canonicalHost } from "./canonical/host.ts";
import { canonicalPath } from "./canonical/path.ts";
import { decodeQuery } from "./canonical/query.ts";
import type { Decision } from "./decision.ts";
import { judgeReadings } from "./path_readings.ts";
import { QUERY_BYTES_MAX, QUERY_PAIRS_MAX } from "../proto/limits.ts";
import type { Reason } from "../proto/reason.ts";
import type {
  Caller,
  GraphqlOperation,
  QueryPair,
  Request,
  RpcMessage,
  Target,
} from "./request.ts";

/** What is asked: a connection, and a request when there is a `method` or a message. */
export interface RawQuestion {
  readonly caller: Caller;
  /** Host as in a request target, IPv6 with or without brackets. */
  readonly host: string;
  readonly port: number;
  /** HTTP method as on the wire. */
  readonly method?: string;
  /** The request is a client text message of an upgraded connection, and has no method. */
  readonly isText?: boolean;
  /** Request target: path with query. `/` where it is left out. */
  readonly path?: string;
  /** Decoded pairs, in addition to those of `path`. */
  readonly query?: readonly QueryPair[];
  readonly rpc?: RpcMessage;
  readonly graphql?: GraphqlOperation;
  readonly command?: string;
}

/** A connection as far as a question needs it. */
interface AnsweredConnection {
  readonly decision: Decision;
  readonly acceptsEncodedSlash: boolean;
}

/** Whoever decides: the evaluator, or the reference in tests. */
export interface Judge<C extends AnsweredConnection> {
  /** For denials that come before any decision. */
  readonly generation: string;
  connect(caller: Caller, target: Target): C;
  request(connection: C, request: Request): Decision;
}

/** A decision, and the canonical spellings that it is about. */
export interface Answer {
  readonly decision: Decision;
  /** What is wrong with a spelling, `null` where all have a canonical form. */
  readonly detail: string | null;
  /** Canonical host, `null` where it has none. */
  readonly target: Target | null;
  /** The request that was judged, `null` for a connection alone or a malformed request. */
  readonly request: Request | null;
}

export interface AnswerOptions {
  /**
   * Leaves out the other readings of a path (`path_readings.ts`), so that the answer may be too
   * lenient. For comparing it with what was foretold of this one path; nothing goes on by it.
   */
  readonly isLiteral?: boolean;
}

/** Answers a question. Nothing is guessed: what a part does not say is not there. */
export function answer<C extends AnsweredConnection>(
  judge: Judge<C>,
  raw: RawQuestion,
  { isLiteral = false }: AnswerOptions = {},
): Answer {
  const host = canonicalHost(raw.host);
  if (!host.ok) {
    return {
      decision: denial("invalid_host", judge.generation),
      detail: host.detail,
      target: null,
      request: null,
    };
  }
  const target = { host: host.host, port: raw.port };
  const connection = judge.connect(raw.caller, target);
  const { decision, acceptsEncodedSlash } = connection;
  if (decision.verdict === "deny" || !hasRequest(raw)) {
    return { decision, detail: null, target, request: null };
  }
  const made = namesAnother(raw.path ?? "/", target)
    ? { ok: false as const, reason: "invalid_path" as const, detail: OTHER_AUTHORITY }
    : makeRequest(raw, acceptsEncodedSlash);
  if (!made.ok) {
    const refusal = denial(made.reason, judge.generation);
    return { decision: refusal, detail: made.detail, target, request: null };
  }
  const { request } = made;
  const one = (reading: Request) => judge.request(connection, reading);
  const judged = isLiteral ? one(request) : judgeReadings(request, one);
  return { decision: judged, detail: null, target, request };
}

const OTHER_AUTHORITY = "It names another host or port than the connection";

/**
 * Tells whether a target in absolute form (RFC 9112 section 3.2.2) is for somewhere else. Without a
 * port it means that of the connection, whether TLS is inside or not.
 */
function namesAnother(path: string, { host, port }: Target): boolean {
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(path);
  if (absolute === null) return false;
  const split = /^(.*?)(?::([0-9]{1,5}))?$/.exec(absolute[1]!);
  const named = canonicalHost(split?.[1] ?? "");
  return !named.ok || named.host !== host || Number(split?.[2] ?? port) !== port;
}

type Made =
  | { readonly ok: true; readonly request: Request }
  | { readonly ok: false; readonly reason: Reason; readonly detail: string };

function hasRequest(raw: RawQuestion): boolean {
  const { method, isText, path, rpc, graphql, command } = raw;
  return isText === true || [method, path, rpc, graphql, command].some((x) => x !== undefined);
}

function makeRequest(raw: RawQuestion, allowEncodedSlash: boolean): Made {
  const path = canonicalPath(raw.path ?? "/", { allowEncodedSlash });
  if (!path.ok) return { ok: false, reason: "invalid_path", detail: path.detail };
  const decoded = decodeQuery(path.query);
  if (!decoded.ok) return { ok: false, reason: "invalid_query", detail: decoded.detail };
  const query = [...decoded.pairs, ...raw.query ?? []];
  if (!isWithinBounds(query)) {
    return { ok: false, reason: "invalid_query", detail: "It has too many or too long parameters" };
  }
  const common = {
    path: path.path,
    encodedSlash: path.encodedSlash,
    query,
    ...(raw.rpc && { rpc: raw.rpc }),
    ...(raw.graphql && { graphql: raw.graphql }),
    ...(raw.command !== undefined && { command: raw.command }),
  };
  if (raw.isText === true) return { ok: true, request: { ...common, method: TEXT_MESSAGE } };
  const method = raw.method ?? defaultMethod(raw);
  if (method.toUpperCase() === TEXT_MESSAGE) {
    const detail = `${TEXT_MESSAGE} stands for a message and is no method on the wire`;
    return { ok: false, reason: "invalid_method", detail };
  }
  return { ok: true, request: { ...common, method } };
}

function defaultMethod({ rpc, graphql }: RawQuestion): string {
  if (rpc !== undefined) return rpc.kind === "stream" ? "GET" : "POST";
  return graphql === undefined ? "GET" : "POST";
}

/** What rules call a client text message. */
const TEXT_MESSAGE = "WEBSOCKET_TEXT";

function isWithinBounds(query: readonly QueryPair[]): boolean {
  const length = query.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return query.length <= QUERY_PAIRS_MAX && length <= QUERY_BYTES_MAX;
}

function denial(reason: Reason, generation: string): Decision {
  return { verdict: "deny", audited: false, rule: null, endpoint: null, reason, generation };
}
