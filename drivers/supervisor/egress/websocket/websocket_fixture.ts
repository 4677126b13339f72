/**
 * A program and a server that speak WebSocket over streams in memory, for tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import { endpointOf, httpRuleOf, ruleOf } from "../../../../policy-wasm/fixtures.ts";
import type { Endpoint, Rule } from "../../../../policy-wasm/policy.ts";
import type { AuditEvent } from "../../events/audit_event.ts";
import { type ByteStream, writeAll } from "../byte_stream.ts";
import { clientHello, type Pipeline, readHead, send } from "../pipeline_fixture.ts";
import { encodeFrame, OPCODES } from "./frame.ts";
import { FrameParser, type Sender } from "./frame_parser.ts";

export const HOST = "api.example.com";

/** Of the handshake that RFC 6455 has as its example. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

export const UPGRADE = httpRuleOf();
export const TEXT = httpRuleOf({ method: "WEBSOCKET_TEXT" });

/** An endpoint for WebSockets at which a program may send text. */
export function webSocketRules(change: Partial<Endpoint> = {}): readonly Rule[] {
  const endpoint = endpointOf({ protocol: "websocket", allow: [UPGRADE, TEXT], ...change });
  return [ruleOf({ endpoints: [endpoint] })];
}

export interface HandshakeText {
  readonly target?: string;
  /** Header lines in the place of those that have the same name, each with its line end. */
  readonly headers?: string;
  readonly host?: string;
}

const OWN = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${KEY}\r\n` +
  "Sec-WebSocket-Version: 13\r\n";

export function handshake({ target = "/ws", headers = "", host = HOST }: HandshakeText = {}) {
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${OWN}${headers}\r\n`;
}

export function switching(headers = "", accept = ACCEPT): string {
  return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n${headers}\r\n`;
}

/** A message, or a control frame, as the other side reads it. */
export interface Received {
  readonly kind: string;
  readonly text: string;
}

/** One end of a WebSocket. */
export class Peer {
  readonly stream: ByteStream;
  readonly #parser: FrameParser;
  readonly #isMasked: boolean;
  readonly #received: Received[] = [];
  #text = "";

  /** `other` is whose frames it reads. */
  constructor(stream: ByteStream, other: Sender) {
    this.stream = stream;
    this.#parser = new FrameParser(other);
    this.#isMasked = other === "server";
  }

  async sendFrame(
    payload: string | Uint8Array,
    opcode: number = OPCODES.text,
    isFinal = true,
  ): Promise<void> {
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    const isMasked = this.#isMasked;
    await writeAll(this.stream, encodeFrame(bytes, { opcode, isFinal, isMasked }));
  }

  /** Returns the next message or control frame; `null` at the end. */
  async next(): Promise<Received | null> {
    const room = new Uint8Array(64 * 1024);
    while (this.#received.length === 0) {
      const count = await this.stream.read(room).catch(() => null);
      if (count === null) return null;
      this.#take(room.subarray(0, count));
    }
    return this.#received.shift() ?? null;
  }

  /** Returns all that comes until the end. */
  async rest(): Promise<readonly Received[]> {
    const all: Received[] = [];
    for (let one = await this.next(); one !== null; one = await this.next()) all.push(one);
    return all;
  }

  /** Returns what came of a message that did not come to its end. */
  async unfinished(): Promise<string> {
    await this.rest();
    return this.#text;
  }

  #take(bytes: Uint8Array): void {
    const { parts, problem } = this.#parser.push(bytes);
    assert.equal(problem, null);
    for (const part of parts) {
      const text = new TextDecoder("latin1").decode(part.bytes);
      if (part.kind === "text" || part.kind === "binary") {
        this.#text += text;
        if (!part.isLast) continue;
        this.#received.push({ kind: part.kind, text: this.#text });
        this.#text = "";
      } else this.#received.push({ kind: part.kind, text: describe(part.kind, part.bytes, text) });
    }
  }
}

/** Returns what a close says: its code and its reason. */
export function closed(code: number, reason = ""): Received {
  return { kind: "close", text: reason === "" ? `${code}` : `${code} ${reason}` };
}

function describe(kind: string, bytes: Uint8Array, text: string): string {
  if (kind !== "close" || bytes.length < 2) return text;
  const reason = text.slice(2);
  return `${bytes[0]! * 256 + bytes[1]!}${reason === "" ? "" : ` ${reason}`}`;
}

export interface Opened {
  readonly program: Peer;
  readonly server: Peer;
  /** The request that reached the server. */
  readonly request: string;
  /** The answer that reached the program. */
  readonly answer: string;
}

/** Opens a tunnel with TLS and a WebSocket in it. */
export async function openWebSocket(
  pipeline: Pipeline,
  { answers = switching(), beforeAnswer = () => {}, ...text }: HandshakeText & {
    readonly answers?: string;
    readonly beforeAnswer?: () => void;
  } = {},
): Promise<Opened> {
  const { client, server } = await pipeline.connect(`${text.host ?? HOST}:443`);
  await send(client, clientHello(text.host ?? HOST));
  await send(client, handshake(text));
  const request = await readHead(server);
  beforeAnswer();
  await send(server, answers);
  const answer = await readHead(client);
  return {
    program: new Peer(client, "server"),
    server: new Peer(server, "program"),
    request,
    answer,
  };
}

/** Returns method and outcome of each request, in the order of their decisions. */
export function outcomesOf(events: readonly AuditEvent[]): readonly string[] {
  return events.flatMap((event) => {
    if (event.kind !== "request") return [];
    const { method, outcome } = event;
    return [`${method} ${outcome.kind}${"reason" in outcome ? ` ${outcome.reason}` : ""}`];
  });
}
