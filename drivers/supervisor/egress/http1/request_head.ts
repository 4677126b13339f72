/**
 * Reads a request's head, or says why it is refused.
 *
 * What is accepted has one reading only. On top of `header_fields.ts`: no blank line before it,
 * one space between the parts of the request line, a target of visible ASCII, exactly one `Host`
 * from 1.1 on, and a method without lower-case letters, because the policy compares methods
 * without case while `head` is not `HEAD` to every server.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { HTTP_HEAD_BYTES_MAX, HTTP_METHOD_BYTES_MAX } from "../../../../proto/egress_limits.ts";
import {
  type FieldProblem,
  type Framing,
  type HeaderField,
  isToken,
  readFieldFacts,
  readHeadLines,
  valuesOf,
} from "./header_fields.ts";
import { hasSameAuthority } from "./authority.ts";

/** A request's head. All of it is as sent; nothing of it is canonical. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: "1.0" | "1.1";
  readonly fields: readonly HeaderField[];
  readonly framing: Framing;
  /** Value of `Host`; `null` on HTTP/1.0 without it. */
  readonly host: string | null;
  /** Lower-case names that `Connection` lists. */
  readonly connectionTokens: ReadonlySet<string>;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /** The client asks for another protocol. */
  readonly isUpgrade: boolean;
  /** The client would send a further request after this one. */
  readonly keepAlive: boolean;
}

export type RequestProblem =
  | FieldProblem
  | "head_too_large"
  | "head_truncated"
  | "invalid_request_line"
  | "invalid_method"
  | "invalid_target"
  | "unsupported_version"
  | "http2_preface"
  | "missing_host"
  | "several_hosts"
  | "invalid_host"
  | "authority_differs_from_host"
  | "unsupported_expectation";

export type RequestHeadForm =
  | { readonly ok: true; readonly head: RequestHead }
  | { readonly ok: false; readonly problem: RequestProblem; readonly status: RefusalStatus };

/** Statuses of the answer to a request that cannot be read. */
export type RefusalStatus = 400 | 417 | 431 | 505;

const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** Characters of hosts and ports. No user name, no list, no path. */
const HOST = /^[A-Za-z0-9\-._:[\]]+$/;

/** Returns the head, from its first byte to the end of its empty line. */
export function parseRequestHead(bytes: Uint8Array): RequestHeadForm {
  if (bytes.length > HTTP_HEAD_BYTES_MAX) return refuse("head_too_large");
  const lines = readHeadLines(bytes);
  if (!lines.ok) return refuse(lines.problem);
  const { startLine, fields } = lines.value;
  const line = readRequestLine(startLine);
  if (typeof line === "string") return refuse(line);
  const facts = readFieldFacts(fields, line.version);
  if (!facts.ok) return refuse(facts.problem);
  const hosts = valuesOf(fields, "host");
  const hostProblem = findHostProblem(hosts, line);
  if (hostProblem !== null) return refuse(hostProblem);
  const expectations = valuesOf(fields, "expect");
  const isExpecting = expectations.length === 1 &&
    expectations[0]?.toLowerCase() === "100-continue";
  if (expectations.length > 0 && !isExpecting) return refuse("unsupported_expectation");
  const { framing, connectionTokens } = facts.value;
  const isCurrent = line.version === "1.1";
  return {
    ok: true,
    head: {
      ...line,
      fields,
      framing,
      host: hosts[0] ?? null,
      connectionTokens,
      expectsContinue: isExpecting && isCurrent && framing.kind !== "none",
      isUpgrade: connectionTokens.has("upgrade") || valuesOf(fields, "upgrade").length > 0,
      keepAlive: isCurrent && !connectionTokens.has("close"),
    },
  };
}

/** Returns the status of the answer to a request with the problem. */
export function refusalStatus(problem: RequestProblem): RefusalStatus {
  switch (problem) {
    case "head_too_large":
    case "too_many_headers":
      return 431;
    case "unsupported_version":
    case "http2_preface":
      return 505;
    case "unsupported_expectation":
      return 417;
    default:
      return 400;
  }
}

interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly version: "1.0" | "1.1";
}

function readRequestLine(line: string): RequestLine | RequestProblem {
  if (line === "PRI * HTTP/2.0") return "http2_preface";
  const first = line.indexOf(" ");
  const last = line.lastIndexOf(" ");
  if (first <= 0 || last === first) return "invalid_request_line";
  const method = line.slice(0, first);
  const target = line.slice(first + 1, last);
  const version = line.slice(last + 1);
  if (target === "" || /[ \t]/.test(target)) return "invalid_request_line";
  if (!isToken(method) || method.length > HTTP_METHOD_BYTES_MAX || /[a-z]/.test(method)) {
    return "invalid_method";
  }
  if (!VISIBLE_ASCII.test(target)) return "invalid_target";
  if (version === "HTTP/1.1") return { method, target, version: "1.1" };
  if (version === "HTTP/1.0") return { method, target, version: "1.0" };
  return /^HTTP\/[0-9]+(?:\.[0-9]+)?$/.test(version)
    ? "unsupported_version"
    : "invalid_request_line";
}

function findHostProblem(hosts: readonly string[], line: RequestLine): RequestProblem | null {
  const [host] = hosts;
  if (hosts.length > 1) return "several_hosts";
  if (host === undefined) return line.version === "1.1" ? "missing_host" : null;
  if (!HOST.test(host)) return "invalid_host";
  return hasSameAuthority(line.target, host) ? null : "authority_differs_from_host";
}

function refuse(problem: RequestProblem): RequestHeadForm {
  return { ok: false, problem, status: refusalStatus(problem) };
}
