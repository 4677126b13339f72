/**
 * The supervisors that are connected, and the relays into their sandboxes.
 *
 * The gateway never dials a sandbox: it asks the supervisor over the session that the supervisor
 * opened, and the supervisor opens a stream for each relay.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { AsyncQueue } from "../../drivers/system/async_queue.ts";
import { CodedError, type ErrorCode } from "../../proto/errors.ts";
import {
  type GatewayMessage,
  GatewayMessageSchema,
  type RelayOpen,
  RelayOpenSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import {
  HEARTBEAT_MS,
  RELAY_OPEN_MS_MAX,
  RELAYS_MAX,
  RELAYS_PER_SANDBOX_MAX,
  SESSION_WAIT_MS_MAX,
} from "../../proto/limits.ts";
import { Relay } from "./relay.ts";

/** The sandbox cannot be reached into. */
export class RelayError extends CodedError {
  override readonly name = "RelayError";

  constructor(readonly code: ErrorCode, detail: string, hint?: string) {
    super(`Cannot reach into the sandbox: ${detail}`, hint === undefined ? {} : { hint });
  }
}

/** Told when a supervisor comes and goes. */
export interface SessionObserver {
  supervisorConnected(sandboxId: string, instanceId: string): void | Promise<void>;
  supervisorDisconnected(sandboxId: string): void | Promise<void>;
}

/** One connected supervisor. */
export interface Session {
  readonly id: string;
  readonly sandboxId: string;
  readonly instanceId: string;
  readonly outgoing: AsyncQueue<GatewayMessage>;
}

interface Pending {
  readonly relay: Relay;
  readonly opened: PromiseWithResolvers<void>;
}

export class SupervisorSessions {
  readonly #observer: SessionObserver;
  readonly #sessions = new Map<string, Session>();
  readonly #pending = new Map<string, Pending>();
  readonly #relays = new Set<Relay>();
  readonly #arrivals = new Map<string, Set<() => void>>();

  constructor(observer: SessionObserver) {
    this.#observer = observer;
  }

  isConnected(sandboxId: string): boolean {
    return this.#sessions.has(sandboxId);
  }

  /** Opens a session; one that the same sandbox had before ends. Throws what the observer does. */
  async open(sandboxId: string, instanceId: string): Promise<Session> {
    this.#sessions.get(sandboxId)?.outgoing.discard();
    const outgoing = new AsyncQueue<GatewayMessage>({ weightMax: 1024 });
    const session = { id: crypto.randomUUID(), sandboxId, instanceId, outgoing };
    this.#sessions.set(sandboxId, session);
    const heartbeatIntervalSecs = HEARTBEAT_MS / 1000;
    outgoing.offer(create(GatewayMessageSchema, {
      payload: { case: "sessionAccepted", value: { sessionId: session.id, heartbeatIntervalSecs } },
    }));
    try {
      await this.#observer.supervisorConnected(sandboxId, instanceId);
    } catch (error) {
      // Nobody listens to it, so nobody is to wait for an answer of its.
      outgoing.discard();
      if (this.#sessions.get(sandboxId) === session) this.#sessions.delete(sandboxId);
      throw error;
    }
    for (const arrive of this.#arrivals.get(sandboxId) ?? []) arrive();
    return session;
  }

  /** Ends a session; relays of the sandbox end with it. */
  async end(session: Session): Promise<void> {
    session.outgoing.discard();
    if (this.#sessions.get(session.sandboxId) !== session) return;
    this.#sessions.delete(session.sandboxId);
    this.#endRelays(session.sandboxId);
    await this.#observer.supervisorDisconnected(session.sandboxId);
  }

  /**
   * Asks the supervisor for a relay and resolves when it is there. The caller closes it.
   *
   * @throws {RelayError}
   */
  async openRelay(sandboxId: string, target: RelayOpen["target"]): Promise<Relay> {
    const session = this.#sessions.get(sandboxId) ?? await this.#awaitSession(sandboxId);
    this.#checkBounds(sandboxId);
    const relay = new Relay(crypto.randomUUID(), sandboxId);
    const pending = { relay, opened: Promise.withResolvers<void>() };
    this.#pending.set(relay.channelId, pending);
    this.#relays.add(relay);
    void relay.closed.then(() => this.#relays.delete(relay));
    const timer = setTimeout(() => {
      pending.opened.reject(new RelayError("unavailable", "its supervisor does not answer"));
    }, RELAY_OPEN_MS_MAX);
    try {
      const value = create(RelayOpenSchema, { channelId: relay.channelId, target });
      session.outgoing.offer(
        create(GatewayMessageSchema, { payload: { case: "relayOpen", value } }),
      );
      await pending.opened.promise;
      return relay;
    } catch (error) {
      relay.close();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(relay.channelId);
    }
  }

  /** The supervisor could not open a relay's target. */
  refuseRelay(sandboxId: string, channelId: string, detail: string): void {
    const pending = this.#find(sandboxId, channelId);
    pending?.opened.reject(new RelayError("failed_precondition", detail));
  }

  /** The supervisor opened the stream of a relay. `null` where nobody waits for it. */
  joinRelay(sandboxId: string, channelId: string): Relay | null {
    const pending = this.#find(sandboxId, channelId);
    this.#pending.delete(channelId);
    pending?.opened.resolve();
    return pending?.relay ?? null;
  }

  /** Ends everything: the gateway ends. */
  close(): void {
    for (const { outgoing } of this.#sessions.values()) outgoing.discard();
    for (const relay of this.#relays) relay.close();
  }

  #endRelays(sandboxId: string): void {
    for (const { relay, opened } of this.#pending.values()) {
      if (relay.sandboxId !== sandboxId) continue;
      opened.reject(new RelayError("unavailable", "its supervisor has gone"));
    }
    for (const relay of this.#relays) if (relay.sandboxId === sandboxId) relay.close();
  }

  #find(sandboxId: string, channelId: string): Pending | undefined {
    const pending = this.#pending.get(channelId);
    return pending?.relay.sandboxId === sandboxId ? pending : undefined;
  }

  #checkBounds(sandboxId: string): void {
    const ofSandbox = [...this.#relays].filter((relay) => relay.sandboxId === sandboxId).length;
    if (ofSandbox < RELAYS_PER_SANDBOX_MAX && this.#relays.size < RELAYS_MAX) return;
    throw new RelayError("resource_exhausted", "too many are open already");
  }

  async #awaitSession(sandboxId: string): Promise<Session> {
    const arrivals = this.#arrivals.get(sandboxId) ?? new Set();
    this.#arrivals.set(sandboxId, arrivals);
    const arrived = Promise.withResolvers<void>();
    arrivals.add(arrived.resolve);
    const timer = setTimeout(arrived.resolve, SESSION_WAIT_MS_MAX);
    await arrived.promise;
    clearTimeout(timer);
    arrivals.delete(arrived.resolve);
    if (arrivals.size === 0) this.#arrivals.delete(sandboxId);
    const session = this.#sessions.get(sandboxId);
    if (session !== undefined) return session;
    const hint = 'See its state with "openshell sandbox get"';
    throw new RelayError("unavailable", "its supervisor is not connected", hint);
  }
}
