/**
 * The handshake of a WebSocket (RFC 6455 section 4): whether a request is one, and whether an answer
 * is the answer to it.
 *
 * No extension is negotiated: what a program offers is taken out, so that a frame means what it
 * says. A server that answers with one all the same is refused.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type HeaderField, isToken, valuesOf } from "../http1/header_fields.ts";
import type { RequestHead } from "../http1/request_head.ts";
import type { ResponseHead } from "../http1/response_head.ts";

/** A request that asks for a WebSocket in order. */
export interface Handshake {
  /** What the server has to answer the key with. */
  readonly accept: string;
  /** Subprotocols that the program offers, in its order. */
  readonly protocols: readonly string[];
  /** Header fields that go on: without extensions. */
  readonly fields: readonly HeaderField[];
}

export type HandshakeProblem =
  | "not_get"
  | "not_http11"
  | "has_body"
  | "invalid_connection"
  | "invalid_upgrade"
  | "invalid_key"
  | "unsupported_version"
  | "invalid_protocols";

export type HandshakeForm =
  | { readonly ok: true; readonly handshake: Handshake }
  | { readonly ok: false; readonly problem: HandshakeProblem };

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** 16 bytes in base64, in the one spelling that they have. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Reads the handshake of a request. */
export function readHandshake(head: RequestHead): HandshakeForm {
  const { method, version, framing, fields, connectionTokens } = head;
  if (method !== "GET") return refuse("not_get");
  if (version !== "1.1") return refuse("not_http11");
  if (framing.kind !== "none") return refuse("has_body");
  const isPlain = [...connectionTokens].every((name) =>
    name === "upgrade" || name === "keep-alive"
  );
  if (!connectionTokens.has("upgrade") || !isPlain) return refuse("invalid_connection");
  if (!isWebSocket(fields)) return refuse("invalid_upgrade");
  const [key = "", ...otherKeys] = valuesOf(fields, "sec-websocket-key");
  if (otherKeys.length > 0 || !KEY.test(key)) return refuse("invalid_key");
  const versions = valuesOf(fields, "sec-websocket-version");
  if (versions.length !== 1 || versions[0] !== "13") return refuse("unsupported_version");
  const protocols = readProtocols(fields);
  if (protocols === null) return refuse("invalid_protocols");
  const accept = createHash("sha1").update(key + GUID).digest("base64");
  const kept = fields.filter(([name]) => name.toLowerCase() !== "sec-websocket-extensions");
  return { ok: true, handshake: { accept, protocols, fields: kept } };
}

/** Returns whether an answer of status 101 is the one to this handshake. */
export function isAnswerTo({ accept, protocols }: Handshake, answer: ResponseHead): boolean {
  const { version, status, fields, connectionTokens } = answer;
  const valuesIn = (name: string) => valuesOf(fields, name);
  if (status !== 101 || version !== "1.1" || !connectionTokens.has("upgrade")) return false;
  if (!isWebSocket(fields)) return false;
  if (valuesIn("content-length").length + valuesIn("transfer-encoding").length > 0) return false;
  if (valuesIn("sec-websocket-extensions").length > 0) return false;
  const accepts = valuesIn("sec-websocket-accept");
  if (accepts.length !== 1 || accepts[0] !== accept) return false;
  const chosen = valuesIn("sec-websocket-protocol");
  return chosen.length === 0 || (chosen.length === 1 && protocols.includes(chosen[0]!));
}

function isWebSocket(fields: readonly HeaderField[]): boolean {
  const upgrades = valuesOf(fields, "upgrade");
  return upgrades.length === 1 && upgrades[0]!.toLowerCase() === "websocket";
}

/** Returns `null` where one is no token, or is there twice. */
function readProtocols(fields: readonly HeaderField[]): readonly string[] | null {
  const protocols = valuesOf(fields, "sec-websocket-protocol")
    .flatMap((value) => value.split(",").map((part) => part.trim()));
  const isValid = protocols.every(isToken) && new Set(protocols).size === protocols.length;
  return isValid ? protocols : null;
}

function refuse(problem: HandshakeProblem): HandshakeForm {
  return { ok: false, problem };
}
