/**
 * Relays one WebSocket: what the program sends goes on as it was judged, in frames made anew.
 *
 * Text messages are held until they are whole and judged. Binary ones, and all that the server
 * sends, pass in pieces, each a frame of its own, so that nothing of any length is held. Control
 * frames pass between them.
 *
 * INVARIANT: once the connection is over, for whatever reason, nothing of the program goes on.
 *
 * @module
 */

import { writeAll } from "../byte_stream.ts";
import type { Generation } from "../generation.ts";
import { closeInOrder } from "../http1/close_in_order.ts";
import type { BodyFilter, Switched } from "../http1/forwarded_request.ts";
import type { RelayLimits } from "../http1/relay_limits.ts";
import { Watchdog } from "../http1/watchdog.ts";
import { writeSwitchHead } from "../http1/write_head.ts";
import type { LiveConnection } from "../live_connection.ts";
import { MarkerGuard } from "../../credentials/marker_guard.ts";
import { closeQuietly } from "../raw_relay.ts";
import { type ClientMessages, holdsPlaceholder, type MessageRefusal } from "./client_messages.ts";
import { CLOSE, encodeClose, OPCODES } from "./frame.ts";
import { FrameParser, type FramePart, type Sender } from "./frame_parser.ts";
import { FrameSink } from "./frame_sink.ts";
import type { HeldBytes } from "./held_bytes.ts";
import { TextAssembly } from "./text_assembly.ts";

export interface WebSocketOptions extends Switched {
  readonly live: LiveConnection;
  /** By which the upgrade was judged. */
  readonly generation: Generation;
  readonly messages: ClientMessages;
  /** Covers secrets in what the server sends; a filter is for messages, or for one control frame. */
  readonly filters: () => readonly BodyFilter[];
  readonly held: HeldBytes;
  readonly limits: RelayLimits;
}

/** How a WebSocket ended, and the messages that were let through. */
export interface WebSocketEnd {
  texts: number;
  binaries: number;
  fromServer: number;
  /** Of the first close; `null` where it was cut off or had none. */
  code: number | null;
}

/** Answers the program and relays until a side or a verdict ends the connection. Closes both. */
export async function relayWebSocket(options: WebSocketOptions): Promise<WebSocketEnd> {
  const relay = new WebSocketRelay(options);
  const unpin = options.live.pin(() => relay.end(CLOSE.restart, "policy_changed"));
  try {
    return await relay.run();
  } finally {
    unpin();
  }
}

/** What the connection ends with, for each side; `null` is a cut. */
interface Farewell {
  readonly toProgram: Uint8Array | null;
  readonly toServer: Uint8Array | null;
}

type DataPart = Extract<FramePart, { kind: "text" | "binary" }>;

class WebSocketRelay {
  readonly #options: WebSocketOptions;
  readonly #toProgram: FrameSink;
  readonly #toServer: FrameSink;
  readonly #tally: WebSocketEnd = { texts: 0, binaries: 0, fromServer: 0, code: null };
  readonly #text: TextAssembly;
  readonly #filters: readonly BodyFilter[];
  readonly #watchdog = new Watchdog<"idle" | "close">((stage) => this.#expire(stage));
  readonly #textWatchdog = new Watchdog<"text">(() =>
    this.#refuse(this.#options.messages.unreadable("message_timeout"))
  );
  /** Who has sent a close, which was passed on. */
  readonly #closed = new Set<Sender>();
  readonly #guard = new MarkerGuard();
  /** A frame of the message under way was sent to that side. */
  #isBinaryBegun = false;
  #isServerBegun = false;
  #ending: Promise<void> | null = null;

  constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#toProgram = new FrameSink(options.client, false);
    this.#toServer = new FrameSink(options.upstream, true);
    this.#text = new TextAssembly(options.held);
    this.#filters = options.filters();
  }

  async run(): Promise<WebSocketEnd> {
    const { client, answer, live, generation, limits } = this.#options;
    try {
      this.#watchdog.arm("idle", limits.webSocketIdleMs);
      await this.#write("program", writeAll(client, writeSwitchHead(answer, "websocket")));
      if (live.generation !== generation) this.end(CLOSE.restart, "policy_changed");
      await Promise.all([this.#fromProgram(), this.#fromServer()]);
      await this.#ending;
      return this.#tally;
    } finally {
      this.#watchdog.dispose();
      this.#textWatchdog.dispose();
      this.#text.drop();
    }
  }

  /** Ends the connection and tells both sides so. From here on nothing of the program goes on. */
  end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#tally.code ??= code;
    const toServer = encodeClose(CLOSE.goingAway, "");
    this.#finish({ toProgram: encodeClose(code, reason), toServer });
  }

  get #isOver(): boolean {
    return this.#ending !== null;
  }

  #finish(farewell: Farewell): void {
    if (this.#ending !== null) return;
    this.#ending = this.#farewell(farewell);
  }

  /** Never rejects: whoever is gone does not need to be told. */
  async #farewell({ toProgram, toServer }: Farewell): Promise<void> {
    const { client, upstream, limits } = this.#options;
    this.#textWatchdog.disarm();
    this.#watchdog.arm("close", limits.webSocketCloseMs);
    const endServer = async () => {
      if (toServer !== null) await this.#toServer.close(toServer);
      await upstream.closeWrite();
    };
    const endProgram = async () => {
      if (toProgram !== null) await this.#toProgram.close(toProgram);
      await closeInOrder(client, { limits });
    };
    await Promise.allSettled([
      endServer().catch(() => {}).finally(() => closeQuietly(upstream)),
      endProgram().catch(() => {}).finally(() => client.close()),
    ]);
    this.#watchdog.disarm();
  }

  #expire(stage: "idle" | "close"): void {
    if (stage === "idle") return this.end(CLOSE.goingAway, "idle_timeout");
    closeQuietly(this.#options.client);
    closeQuietly(this.#options.upstream);
  }

  #refuse({ code, reason }: MessageRefusal): void {
    this.end(code, reason);
  }

  async #fromProgram(): Promise<void> {
    await this.#read("program", (part) => this.#takeOfProgram(part));
  }

  async #fromServer(): Promise<void> {
    await this.#read("server", (part) => this.#takeOfServer(part));
  }

  /** Reads one side until it has ended, closed, or the connection is over. */
  async #read(sender: Sender, take: (part: FramePart) => Promise<void>): Promise<void> {
    const from = sender === "program" ? this.#options.client : this.#options.upstream;
    const parser = new FrameParser(sender);
    while (!this.#isOver && !this.#closed.has(sender)) {
      const isMore = from.buffered > 0 || await from.fill().catch(() => false);
      if (this.#isOver) return;
      if (!isMore) return this.#finish({ toProgram: null, toServer: null });
      this.#touch();
      const { parts, problem } = parser.push(from.view());
      from.consume(from.buffered);
      for (const part of parts) {
        // What follows a close means nothing any more.
        if (this.#isOver || this.#closed.has(sender)) return;
        await take(part);
      }
      if (problem === null || this.#isOver || this.#closed.has(sender)) continue;
      if (sender === "program") this.#refuse(this.#options.messages.unreadable(problem));
      else this.end(CLOSE.protocolError, "invalid_server_frame");
    }
  }

  async #takeOfProgram(part: FramePart): Promise<void> {
    if (part.kind === "text") return await this.#takeText(part);
    if (part.kind === "binary") return await this.#takeBinary(part);
    if (holdsPlaceholder(part.bytes)) return this.#refuse(this.#options.messages.misplaced());
    if (part.kind === "close") return await this.#passClose("program", part.bytes);
    await this.#write("server", this.#toServer.send(part.bytes, OPCODES[part.kind]));
  }

  async #takeText({ bytes, isFirst, isLast }: DataPart): Promise<void> {
    const { messages, limits } = this.#options;
    if (isFirst) this.#textWatchdog.arm("text", limits.webSocketMessageMs);
    if (!this.#text.add(bytes)) return this.#refuse(messages.unreadable("held_too_much"));
    if (!isLast) return;
    this.#textWatchdog.disarm();
    const verdict = messages.text(this.#text.whole());
    if (verdict.kind === "end") return this.#refuse(verdict);
    this.#tally.texts += 1;
    await this.#write("server", this.#toServer.send(verdict.bytes, OPCODES.text));
    this.#text.drop();
  }

  async #takeBinary({ bytes, isFirst, isLast }: DataPart): Promise<void> {
    const { messages } = this.#options;
    if (isFirst) {
      const refusal = messages.binary();
      if (refusal !== null) return this.#refuse(refusal);
      this.#isBinaryBegun = false;
    }
    const guarded = this.#guard.push(bytes);
    if (guarded.kind === "found") return this.#refuse(messages.misplaced());
    const clean = isLast ? concat(guarded.bytes, this.#guard.end()) : guarded.bytes;
    if (isLast) this.#tally.binaries += 1;
    if (clean.length === 0 && !isLast) return;
    const opcode = this.#isBinaryBegun ? OPCODES.continuation : OPCODES.binary;
    this.#isBinaryBegun = true;
    await this.#write("server", this.#toServer.send(clean, opcode, isLast));
  }

  async #takeOfServer(part: FramePart): Promise<void> {
    if (part.kind === "text" || part.kind === "binary") return await this.#passData(part);
    const bytes = cover(part.bytes, this.#options.filters(), true);
    if (part.kind === "close") return await this.#passClose("server", bytes);
    await this.#write("program", this.#toProgram.send(bytes, OPCODES[part.kind]));
  }

  async #passData({ kind, bytes, isFirst, isLast }: DataPart): Promise<void> {
    if (isFirst) this.#isServerBegun = false;
    const covered = cover(bytes, this.#filters, isLast);
    if (isLast) this.#tally.fromServer += 1;
    if (covered.length === 0 && !isLast) return;
    const opcode = this.#isServerBegun ? OPCODES.continuation : OPCODES[kind];
    this.#isServerBegun = true;
    await this.#write("program", this.#toProgram.send(covered, opcode, isLast));
  }

  /** Passes a close on. Once both sides have sent one, the connection is over. */
  async #passClose(from: Sender, payload: Uint8Array): Promise<void> {
    const sink = from === "program" ? this.#toServer : this.#toProgram;
    this.#closed.add(from);
    if (payload.length > 0) this.#tally.code ??= payload[0]! * 256 + payload[1]!;
    if (this.#closed.size === 1) {
      this.#watchdog.arm("close", this.#options.limits.webSocketCloseMs);
    }
    await this.#write(from === "program" ? "server" : "program", sink.close(payload));
    if (this.#closed.size === 2) this.#finish({ toProgram: null, toServer: null });
  }

  /** Waits for a write. A side that is gone ends the connection. */
  async #write(to: Sender, written: Promise<void>): Promise<void> {
    try {
      await written;
      this.#touch();
    } catch {
      const farewell = encodeClose(CLOSE.goingAway, "");
      const isProgram = to === "program";
      this.#finish({ toProgram: null, toServer: isProgram ? farewell : null });
    }
  }

  /** Something moves. A close has its time, whatever moves. */
  #touch(): void {
    if (!this.#isOver && this.#closed.size === 0) this.#watchdog.touch();
  }
}

/** Returns a payload without secrets; what may become one is held back until the end. */
function cover(bytes: Uint8Array, filters: readonly BodyFilter[], isLast: boolean): Uint8Array {
  let covered = bytes;
  for (const filter of filters) {
    // A filter that covers refuses nothing; one that did would let nothing through.
    const passed = filter.push(covered) ?? new Uint8Array(0);
    covered = isLast ? concat(passed, filter.end()) : passed;
  }
  return covered;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (b.length === 0) return a;
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
