/**
 * The one door of a sandbox: accepts connections inside it, and lets through what the policy allows.
 *
 * Each connection is served on its own, so that whatever happens on one never reaches another. The
 * number of connections is bounded; the accept loop goes on through whatever the kernel says.
 *
 * @module
 */

import {
  ACCEPT_PAUSE_MS,
  HTTP_HEAD_BYTES_MAX,
  HTTP_HEAD_MS_MAX,
  PROTOCOL_MS_MAX,
  PROXY_CONNECTIONS_MAX,
  PROXY_REFUSALS_MAX,
  WEBSOCKET_HELD_BYTES_MAX,
} from "../../../proto/egress_limits.ts";
import { handleConnect } from "./connect_adapter.ts";
import { invalidRequest } from "./denial.ts";
import { handleForward } from "./forward_adapter.ts";
import { BufferedStream, type HeadRead } from "./http1/buffered_stream.ts";
import { answerAndClose } from "./http1/close_in_order.ts";
import { RELAY_LIMITS } from "./http1/relay_limits.ts";
import { parseRequestHead, type RequestHead } from "./http1/request_head.ts";
import { bareResponse } from "./http1/respond.ts";
import { Watchdog } from "./http1/watchdog.ts";
import { HeldBytes } from "./websocket/held_bytes.ts";
import type { AcceptedConnection } from "./ports.ts";
import { closeQuietly } from "./raw_relay.ts";
import { type EgressLimits, type EgressPorts, recordMalformed } from "./scene.ts";

/** What the proxy needs of a listener; `Deno.TcpListener` is one. */
export interface ListenerPort {
  accept(): Promise<AcceptedConnection>;
  close(): void;
}

export interface ProxyLimits extends EgressLimits {
  readonly connectionsMax: number;
  /** For the head of the first request. */
  readonly headMs: number;
  readonly acceptPauseMs: number;
  /** Of text messages that are not whole yet. */
  readonly heldBytesMax: number;
}

const PROXY_LIMITS: ProxyLimits = {
  relay: RELAY_LIMITS,
  protocolMs: PROTOCOL_MS_MAX,
  connectionsMax: PROXY_CONNECTIONS_MAX,
  headMs: HTTP_HEAD_MS_MAX,
  acceptPauseMs: ACCEPT_PAUSE_MS,
  heldBytesMax: WEBSOCKET_HELD_BYTES_MAX,
};

export interface EgressProxyOptions extends EgressPorts {
  readonly limits?: Partial<ProxyLimits>;
  /** Told of what must not happen, besides the finding that is recorded of it. */
  readonly onError?: (error: unknown) => void;
}

export class EgressProxy {
  readonly #ports: EgressPorts;
  readonly #limits: ProxyLimits;
  readonly #onError: (error: unknown) => void;
  readonly #closing = new AbortController();
  readonly #held: HeldBytes;
  readonly #serving = new Set<Promise<void>>();
  readonly #listeners = new Set<ListenerPort>();
  #served = 0;
  #refused = 0;
  #isFull = false;

  constructor({ limits, onError = () => {}, ...ports }: EgressProxyOptions) {
    this.#ports = ports;
    this.#limits = { ...PROXY_LIMITS, ...limits };
    this.#held = new HeldBytes(this.#limits.heldBytesMax);
    this.#onError = onError;
  }

  /** Connections that are served now. */
  get connectionCount(): number {
    return this.#served;
  }

  /** Accepts connections until the proxy or the listener is closed. */
  async serve(listener: ListenerPort): Promise<void> {
    const { signal } = this.#closing;
    this.#listeners.add(listener);
    try {
      while (!signal.aborted) {
        const connection = await acceptFrom(listener);
        if (connection === "closed") return;
        // Mostly out of descriptors, which come back when connections end.
        if (connection === "failed") await pause(this.#limits.acceptPauseMs, signal);
        else this.accept(connection);
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /** Serves one connection, which belongs to the proxy from here on. */
  accept(connection: AcceptedConnection): void {
    const serving = this.#serveOne(connection).catch((error: unknown) => {
      closeQuietly(connection);
      this.#recordError(error);
      this.#onError(error);
    }).finally(() => this.#serving.delete(serving));
    this.#serving.add(serving);
  }

  /** Closes listeners and connections, and waits until nothing is served any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const listener of this.#listeners) closeQuietly(listener);
    while (this.#serving.size > 0) await Promise.all(this.#serving);
  }

  async #serveOne(connection: AcceptedConnection): Promise<void> {
    if (this.#closing.signal.aborted) return closeQuietly(connection);
    if (this.#served >= this.#limits.connectionsMax) return await this.#turnAway(connection);
    this.#served += 1;
    try {
      await this.#handle(connection);
    } finally {
      this.#served -= 1;
      if (this.#served <= this.#limits.connectionsMax / 2) this.#isFull = false;
    }
  }

  async #handle(connection: AcceptedConnection): Promise<void> {
    const { signal } = this.#closing;
    const client = new BufferedStream(connection);
    const close = () => closeQuietly(connection);
    signal.addEventListener("abort", close);
    try {
      if (!hurry(connection)) return;
      const head = await this.#readHead(client);
      if (head === null || signal.aborted) return;
      const scene = {
        ports: this.#ports,
        limits: this.#limits,
        client,
        from: connection.remoteAddr,
        held: this.#held,
        signal,
      };
      await (head.method === "CONNECT" ? handleConnect(head, scene) : handleForward(head, scene));
    } finally {
      signal.removeEventListener("abort", close);
      close();
    }
  }

  /** Returns `null` where there is none, which has been answered then. */
  async #readHead(client: BufferedStream): Promise<RequestHead | null> {
    const watchdog = new Watchdog(() => closeQuietly(client));
    watchdog.arm("head", this.#limits.headMs);
    let read: HeadRead;
    try {
      read = await client.readHead(HTTP_HEAD_BYTES_MAX);
    } catch {
      // The program is gone, or took too long and was closed.
      return null;
    } finally {
      watchdog.dispose();
    }
    if (read.kind === "ended" || read.kind === "truncated") return null;
    const form = read.kind === "head" ? parseRequestHead(read.bytes) : null;
    if (form?.ok === true) return form.head;
    const status = form?.status ?? (read.kind === "too_large" ? 431 : 400);
    recordMalformed(this.#ports.events, form?.ok === false ? form.problem : read.kind);
    await answerAndClose(client, bareResponse(status), { limits: this.#limits.relay });
    return null;
  }

  /** A mistake of OpenShell's ends the one connection, and is not lost. */
  #recordError(error: unknown): void {
    this.#ports.events.record({
      kind: "finding",
      uid: "proxy-error",
      title: "The proxy made a mistake, and closed the connection",
      detail: error instanceof Error ? error.name : "unknown",
      severity: "high",
    });
  }

  async #turnAway(connection: AcceptedConnection): Promise<void> {
    if (!this.#isFull) {
      this.#isFull = true;
      this.#ports.events.record({
        kind: "finding",
        uid: "too-many-connections",
        title: "The sandbox has too many connections",
        detail: `New ones are refused beyond ${this.#limits.connectionsMax}`,
        severity: "medium",
      });
    }
    if (this.#refused >= PROXY_REFUSALS_MAX) return closeQuietly(connection);
    this.#refused += 1;
    try {
      const detail = "The sandbox has as many connections open as it may have";
      const response = invalidRequest("too_many_connections", detail);
      await answerAndClose(new BufferedStream(connection), response, {
        limits: this.#limits.relay,
      });
    } finally {
      this.#refused -= 1;
    }
  }
}

/** Sends small pieces at once. Returns false for a connection that is gone already. */
function hurry(connection: AcceptedConnection): boolean {
  try {
    connection.setNoDelay(true);
    return true;
  } catch {
    return false;
  }
}

/** Accepts the next connection, or says why there is none. */
export async function acceptFrom(
  listener: ListenerPort,
): Promise<AcceptedConnection | "closed" | "failed"> {
  try {
    return await listener.accept();
  } catch (error) {
    const isClosed = error instanceof Deno.errors.BadResource ||
      error instanceof Deno.errors.Interrupted;
    return isClosed ? "closed" : "failed";
  }
}

/** Resolves after a while, or when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = () => resolve();
  signal.addEventListener("abort", stop);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", stop);
}
