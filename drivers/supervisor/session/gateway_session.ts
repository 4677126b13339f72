/**
 * Keeps a supervisor in touch with its gateway, across restarts of the gateway.
 *
 * The sandbox goes on when the gateway is away: it keeps the policy that it has, nobody can reach
 * into it, and what happened is told when the gateway is back.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import {
  type RelayOpen,
  type SupervisorMessage,
  SupervisorMessageSchema,
} from "../../../proto/gen/openshell/v1/openshell_pb.ts";
import type { Generation } from "../../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { HEARTBEAT_MS, RECONNECT_MS_MAX, RECONNECT_MS_MIN } from "../../../proto/limits.ts";
import { AsyncQueue } from "../../system/async_queue.ts";
import type { GatewayConnection } from "./gateway_connection.ts";
import { openRelay, type RelayChannel } from "./relay_channel.ts";

/** What a relay leads to. */
export type RelayTarget = RelayOpen["target"];

/** What the session asks of its supervisor. */
export interface SessionHandler {
  /** Serves one relay until it is done. Rejects where the target cannot be reached. */
  openTarget(target: RelayTarget): Promise<(relay: RelayChannel) => Promise<void>>;
  /** A generation arrived. Never rejects; resolves with what to report. */
  load(generation: Generation): Promise<LoadOutcome>;
}

export interface LoadOutcome {
  /** `null` where it was loaded. */
  readonly problem: string | null;
}

export interface SessionOptions {
  readonly sandboxId: string;
  /** UUID of this run of the main process. */
  readonly instanceId: string;
  readonly connect: () => Promise<GatewayConnection>;
  readonly handler: SessionHandler;
  /** Told of each change, in words for a log. */
  readonly onState: (state: "connected" | "disconnected", detail: string) => void;
}

/** Runs until it is aborted. */
export class GatewaySession {
  readonly #options: SessionOptions;
  /** The exit to report, once the main process has ended. */
  readonly #exit = Promise.withResolvers<number>();
  readonly #reported = Promise.withResolvers<void>();
  #isReported = false;
  #wasAccepted = false;
  readonly #relays = new Set<Promise<void>>();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Reports the end of the main process; resolves when a gateway has acknowledged it. */
  reportExit(code: number): Promise<void> {
    this.#exit.resolve(code);
    return this.#reported.promise;
  }

  /** Resolves when the gateway has taken all that open relays have sent. */
  async settled(): Promise<void> {
    while (this.#relays.size > 0) await Promise.all(this.#relays);
  }

  /** Connects again and again, until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    let waitMs = RECONNECT_MS_MIN;
    while (!signal.aborted) {
      this.#wasAccepted = false;
      try {
        await this.#connectOnce(signal);
      } catch (error) {
        if (!signal.aborted) {
          this.#options.onState("disconnected", (error as Error).message);
        }
      }
      // A gateway that was there has most likely just been started anew.
      if (this.#wasAccepted) waitMs = RECONNECT_MS_MIN;
      await sleep(waitMs, signal);
      waitMs = Math.min(waitMs * 2, RECONNECT_MS_MAX);
    }
  }

  async #connectOnce(signal: AbortSignal): Promise<void> {
    const connection = await this.#options.connect();
    const ending = new AbortController();
    const end = () => ending.abort();
    signal.addEventListener("abort", end);
    try {
      const { signal: ended } = ending;
      await Promise.race([
        this.#hold(connection, ended),
        this.#followGenerations(connection, ended),
        this.#reportExitWhenDue(connection, ended),
      ]);
    } finally {
      signal.removeEventListener("abort", end);
      end();
      connection.close();
    }
  }

  /** The session proper: hello, signs of life, and relays that the gateway asks for. */
  async #hold(connection: GatewayConnection, signal: AbortSignal): Promise<void> {
    const { sandboxId, instanceId, onState } = this.#options;
    const outgoing = new AsyncQueue<SupervisorMessage>({ weightMax: 1024 });
    const say = (payload: SupervisorMessage["payload"]) =>
      outgoing.offer(create(SupervisorMessageSchema, { payload }));
    say({
      case: "hello",
      value: { $typeName: "openshell.v1.SupervisorHello", sandboxId, instanceId },
    });
    const beat = setInterval(() => {
      say({ case: "heartbeat", value: { $typeName: "openshell.v1.SupervisorHeartbeat" } });
    }, HEARTBEAT_MS);
    try {
      for await (
        const { payload } of connection.openshell.connectSupervisor(outgoing, { signal })
      ) {
        switch (payload.case) {
          case "sessionAccepted":
            this.#wasAccepted = true;
            onState("connected", payload.value.sessionId);
            break;
          case "sessionRejected":
            onState("disconnected", `rejected: ${payload.value.reason}`);
            return;
          case "relayOpen":
            this.#track(this.#relay(connection, payload.value, say));
            break;
        }
      }
    } finally {
      clearInterval(beat);
      outgoing.discard();
    }
  }

  #track(relay: Promise<void>): void {
    const tracked = relay.finally(() => this.#relays.delete(tracked));
    this.#relays.add(tracked);
  }

  async #relay(
    connection: GatewayConnection,
    { channelId, target }: RelayOpen,
    say: (payload: SupervisorMessage["payload"]) => void,
  ): Promise<void> {
    const answer = (success: boolean, error: string) =>
      say({
        case: "relayOpenResult",
        value: { $typeName: "openshell.v1.RelayOpenResult", channelId, success, error },
      });
    let serve: (relay: RelayChannel) => Promise<void>;
    try {
      serve = await this.#options.handler.openTarget(target);
    } catch (error) {
      answer(false, (error as Error).message);
      return;
    }
    answer(true, "");
    let relay: RelayChannel | null = null;
    try {
      relay = openRelay(connection, channelId);
      await serve(relay);
      relay.endSend();
      // The gateway ends its side when it has passed everything on.
      for await (const _ of relay.received) { /* It has nothing more to say. */ }
    } catch {
      // The other side has gone, or what it sent could not be read: there is nobody to tell.
      relay?.close();
    }
  }

  async #followGenerations(connection: GatewayConnection, signal: AbortSignal): Promise<void> {
    const { sandboxId, handler } = this.#options;
    const generations = connection.supervisors.watchGeneration({ sandboxId }, { signal });
    for await (const generation of generations) {
      const { problem } = await handler.load(generation);
      const { version } = generation;
      if (version === 0) continue;
      await connection.openshell.reportPolicyStatus({
        sandboxId,
        version,
        // PolicyStatus: 2 is loaded, 3 is failed.
        status: problem === null ? 2 : 3,
        loadError: problem ?? "",
      }, { signal });
    }
  }

  async #reportExitWhenDue(connection: GatewayConnection, signal: AbortSignal): Promise<void> {
    const { sandboxId, instanceId } = this.#options;
    const exitCode = await this.#exit.promise;
    if (!this.#isReported) {
      const exit = { sandboxId, instanceId, exitCode };
      await connection.openshell.reportMainProcessExit(exit, { signal });
      this.#isReported = true;
      this.#reported.resolve();
    }
    // The session stays: somebody may still want to read what the process printed.
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish);
    function finish(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    }
  });
}
