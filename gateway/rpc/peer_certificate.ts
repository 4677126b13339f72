/**
 * Reads the verified certificate of whoever sent a request.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { PeerCertificate } from "../auth/principal.ts";

/** A request over HTTP/1.1 or HTTP/2. */
export type ServerRequest = IncomingMessage | Http2ServerRequest;

/** Returns `null` unless TLS has verified a certificate. */
export function peerCertificateOf(request: ServerRequest): PeerCertificate | null {
  const socket = socketOf(request) as Partial<TLSSocket> | undefined;
  if (socket?.authorized !== true || socket.getPeerCertificate === undefined) return null;
  const { subject } = socket.getPeerCertificate();
  // The types know one value of each; a certificate may have several.
  const { CN, OU } = (subject ?? {}) as unknown as Readonly<Record<string, unknown>>;
  return { commonName: typeof CN === "string" ? CN : "", units: textsOf(OU) };
}

function socketOf(request: ServerRequest): unknown {
  return "stream" in request ? request.stream?.session?.socket : request.socket;
}

function textsOf(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((text): text is string => typeof text === "string" && text !== "");
}
