/**
 * The emulated metadata server of Google Cloud, on loopback inside a sandbox.
 *
 * It listens from the first generation on whose providers lead programs to it, and in other sandboxes
 * never. Each request is answered by the credentials in force at that moment, so what was detached or
 * has changed is not given out any more. It dials nothing, and has placeholders alone to give: the
 * metadata addresses of the machine's own network stay closed.
 *
 * @module
 */

import { ACCEPT_PAUSE_MS } from "../../../proto/egress_limits.ts";
import {
  METADATA_ADDRESS,
  METADATA_CONNECTIONS_MAX,
  METADATA_PORT,
  METADATA_REQUEST_BYTES_MAX,
  METADATA_REQUEST_MS_MAX,
} from "../../../proto/metadata_server.ts";
import type { CredentialSet } from "../credentials/credential_set.ts";
import type { ByteStream } from "../egress/byte_stream.ts";
import { BufferedStream, type HeadRead } from "../egress/http1/buffered_stream.ts";
import { answerAndClose } from "../egress/http1/close_in_order.ts";
import { parseRequestHead } from "../egress/http1/request_head.ts";
import type { CompleteResponse } from "../egress/http1/respond.ts";
import { Watchdog } from "../egress/http1/watchdog.ts";
import { acceptFrom, type ListenerPort, pause } from "../egress/proxy.ts";
import { closeQuietly } from "../egress/raw_relay.ts";
import type { EventSink } from "../events/audit_event.ts";
import { answerMetadata, refuse } from "./answer_metadata.ts";
import { metadataFacts } from "./metadata_facts.ts";

export interface MetadataPorts {
  /** Listens on 127.0.0.1 inside: `Jail.listen`. */
  readonly listen: (port: number) => Promise<ListenerPort>;
  /** Those in force now. */
  readonly credentials: () => CredentialSet;
  readonly events: EventSink;
  readonly log: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly requestMs?: number;
}

export class MetadataServer {
  readonly #ports: MetadataPorts;
  readonly #closing = new AbortController();
  readonly #answering = new Set<Promise<void>>();
  #serving: Promise<void> = Promise.resolve();
  #listener: ListenerPort | null = null;
  #opening: Promise<void> | null = null;
  /** A port that is taken is told once, not with each generation. */
  #isRefused = false;

  constructor(ports: MetadataPorts) {
    this.#ports = ports;
  }

  /** Opens the door where the credentials in force ask for it and it is not open. Never rejects. */
  async follow(): Promise<void> {
    if (this.#closing.signal.aborted || this.#listener !== null) return;
    if (metadataFacts(this.#ports.credentials()) === null) return;
    this.#opening ??= this.#open().finally(() => this.#opening = null);
    await this.#opening;
  }

  /** Closes the door and all connections, and waits until nothing is answered any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#listener !== null) closeQuietly(this.#listener);
    await Promise.all([this.#serving, ...this.#answering]);
  }

  async #open(): Promise<void> {
    const { listen, events } = this.#ports;
    let listener: ListenerPort;
    try {
      listener = await listen(METADATA_PORT);
    } catch (error) {
      return this.#tellRefused(error);
    }
    if (this.#closing.signal.aborted) return closeQuietly(listener);
    this.#listener = listener;
    this.#isRefused = false;
    const message = `the metadata server listens at ${METADATA_ADDRESS}`;
    events.record({ kind: "config", state: "applied", message });
    this.#serving = this.#serve(listener);
  }

  /** A program inside may have the port. It gets nothing by that, and others find no token. */
  #tellRefused(error: unknown): void {
    if (this.#isRefused || this.#closing.signal.aborted) return;
    this.#isRefused = true;
    const detail = `Nothing can listen at ${METADATA_ADDRESS}: a program of the sandbox may do so`;
    this.#ports.log(`metadata server: ${error instanceof Error ? error.message : "it failed"}`);
    this.#ports.events.record({
      kind: "finding",
      uid: "metadata-server-unavailable",
      title: "The metadata server cannot listen inside the sandbox",
      detail,
      severity: "medium",
    });
  }

  async #serve(listener: ListenerPort): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const connection = await acceptFrom(listener);
      if (connection === "closed") break;
      if (connection === "failed") await pause(ACCEPT_PAUSE_MS, signal);
      else this.#accept(connection);
      // None takes longer than its time, so the next one waits no longer than that.
      while (this.#answering.size >= METADATA_CONNECTIONS_MAX) await Promise.race(this.#answering);
    }
    this.#listener = null;
  }

  #accept(connection: ByteStream): void {
    const answering = this.#answer(connection).catch((error: unknown) => {
      closeQuietly(connection);
      this.#ports.log(`metadata server: ${error instanceof Error ? error.stack : "it failed"}`);
    }).finally(() => this.#answering.delete(answering));
    this.#answering.add(answering);
  }

  async #answer(connection: ByteStream): Promise<void> {
    const { signal } = this.#closing;
    const client = new BufferedStream(connection);
    const close = () => closeQuietly(client);
    const watchdog = new Watchdog(close);
    watchdog.arm("request", this.#ports.requestMs ?? METADATA_REQUEST_MS_MAX);
    signal.addEventListener("abort", close);
    try {
      if (signal.aborted) return;
      const response = await this.#respond(client);
      if (response !== null) await answerAndClose(client, response);
    } finally {
      signal.removeEventListener("abort", close);
      watchdog.dispose();
      close();
    }
  }

  /** Returns `null` where nobody waits for an answer. */
  async #respond(client: BufferedStream): Promise<CompleteResponse | null> {
    let read: HeadRead;
    try {
      read = await client.readHead(METADATA_REQUEST_BYTES_MAX);
    } catch {
      // The program is gone, or took too long and was closed.
      return null;
    }
    if (read.kind === "ended" || read.kind === "truncated") return null;
    if (read.kind !== "head") {
      return refuse("invalid_request", read.kind === "too_large" ? 431 : 400);
    }
    const form = parseRequestHead(read.bytes);
    if (!form.ok) return refuse("invalid_request", form.status);
    const { credentials, now = Date.now } = this.#ports;
    return answerMetadata(form.head, metadataFacts(credentials()), now());
  }
}
