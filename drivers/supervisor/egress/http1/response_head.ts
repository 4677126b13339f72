/**
 * Reads the head of a response, or says why it is refused.
 *
 * As strict as for requests: a client and this proxy must not find the end of a response in
 * different places, or the next answer would be read as something else.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { HTTP_HEAD_BYTES_MAX } from "../../../../proto/egress_limits.ts";
import {
  type FieldProblem,
  type Framing,
  type HeaderField,
  isFieldValue,
  readFieldFacts,
  readHeadLines,
} from "./header_fields.ts";

/** Where a response's body ends; without any framing it ends with the connection. */
export type ResponseFraming = Framing | { readonly kind: "until_close" };

export interface ResponseHead {
  readonly version: "1.0" | "1.1";
  readonly status: number;
  /** As sent, possibly empty. */
  readonly reason: string;
  readonly fields: readonly HeaderField[];
  /** RFC 9112 section 6.3, with the request's method taken into account. */
  readonly framing: ResponseFraming;
  /** Content-Length of a response whose body is left out (HEAD, 304); `null` where there is none. */
  readonly unsentBytes: number | null;
  readonly connectionTokens: ReadonlySet<string>;
  /** The connection can carry another request after this response. */
  readonly keepAlive: boolean;
}

export type ResponseProblem =
  | FieldProblem
  | "head_too_large"
  | "head_truncated"
  | "invalid_status_line"
  | "unsupported_version"
  | "unexpected_switch"
  | "invalid_switch"
  | "too_many_interim_responses";

export type ResponseHeadForm =
  | { readonly ok: true; readonly head: ResponseHead }
  | { readonly ok: false; readonly problem: ResponseProblem };

export interface ResponseContext {
  /** Of the request: a response to `HEAD` has no body. */
  readonly method: string;
  /** The request asked for another protocol and was let through. Otherwise 101 is refused. */
  readonly allowsSwitch?: boolean;
}

/** Returns the head, from its first byte to the end of its empty line. */
export function parseResponseHead(bytes: Uint8Array, context: ResponseContext): ResponseHeadForm {
  if (bytes.length > HTTP_HEAD_BYTES_MAX) return refuse("head_too_large");
  const lines = readHeadLines(bytes);
  if (!lines.ok) return refuse(lines.problem);
  const { startLine, fields } = lines.value;
  const line = readStatusLine(startLine);
  if (typeof line === "string") return refuse(line);
  if (line.status === 101 && context.allowsSwitch !== true) return refuse("unexpected_switch");
  const facts = readFieldFacts(fields, line.version);
  if (!facts.ok) return refuse(facts.problem);
  const { framing, isFramed, connectionTokens } = facts.value;
  const isBodiless = line.status < 200 || line.status === 204;
  const isUnsent = isBodiless || line.status === 304 || context.method === "HEAD";
  const isUnsentLength = isUnsent && !isBodiless && framing.kind === "length";
  return {
    ok: true,
    head: {
      ...line,
      fields,
      framing: isUnsent ? { kind: "none" } : isFramed ? framing : { kind: "until_close" },
      unsentBytes: isUnsentLength ? framing.bytes : null,
      connectionTokens,
      // A status without a body that has a framing may be followed by a body after all.
      keepAlive: line.version === "1.1" && !connectionTokens.has("close") &&
        (isUnsent ? !(isBodiless && isFramed) : isFramed),
    },
  };
}

/** A body without a length reaches clients in chunks, so that they see whether all of it came. */
export function framingForClient(
  framing: ResponseFraming,
  version: "1.0" | "1.1",
): ResponseFraming {
  if (framing.kind === "none" || framing.kind === "length") return framing;
  return version === "1.1" ? { kind: "chunked" } : { kind: "until_close" };
}

interface StatusLine {
  readonly version: "1.0" | "1.1";
  readonly status: number;
  readonly reason: string;
}

function readStatusLine(line: string): StatusLine | ResponseProblem {
  // Servers leave out the space before an empty reason, which no reader takes for another.
  const match = /^HTTP\/([0-9]\.[0-9]) ([1-9][0-9]{2})(?: (.*))?$/.exec(line);
  const [, version, status, reason = ""] = match ?? [];
  if (!isFieldValue(reason)) return "invalid_status_line";
  if (version === "1.0" || version === "1.1") return { version, status: Number(status), reason };
  return version === undefined ? "invalid_status_line" : "unsupported_version";
}

function refuse(problem: ResponseProblem): ResponseHeadForm {
  return { ok: false, problem };
}
