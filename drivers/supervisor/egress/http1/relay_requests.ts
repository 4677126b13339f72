/**
 * Relays the requests of one client connection, each judged before a byte of it goes on.
 *
 * Requests are taken strictly one after the other: a pipelined one stays unread until the one before
 * is answered. A request that is malformed, or asks for something that cannot be judged, is answered
 * and ends the connection.
 *
 * When the signal aborts, both sides are closed at once: whatever allowed the connection does not
 * hold any more.
 *
 * @module
 */

import { HTTP_HEAD_BYTES_MAX } from "../../../../proto/egress_limits.ts";
import type { ByteStream } from "../byte_stream.ts";
import type { Authority, Scheme } from "./authority.ts";
import type { BufferedStream, HeadRead } from "./buffered_stream.ts";
import { answerAndClose } from "./close_in_order.ts";
import { type ExchangeEnd, Exchanger, type Stage } from "./exchange.ts";
import type { ForwardedRequest } from "./forwarded_request.ts";
import { RELAY_LIMITS, type RelayLimits } from "./relay_limits.ts";
import {
  parseRequestHead,
  refusalStatus,
  type RequestHead,
  type RequestProblem,
} from "./request_head.ts";
import { bareResponse, type CompleteResponse, jsonResponse } from "./respond.ts";
import { Watchdog } from "./watchdog.ts";

/** What is to happen with one request. */
export type Judgement =
  /** It goes on with this target: canonical path, and the query as sent. */
  | ({ readonly verdict: "allow" } & ForwardedRequest)
  | { readonly verdict: "deny" } & CompleteResponse;

/** Why a request was refused before it was judged. */
export type RelayRefusal = RequestProblem | "upgrade_not_supported" | "connect_in_tunnel";

export interface ConnectionOptions {
  readonly client: BufferedStream;
  /** Connects to the place that was judged. Called for the first request that is allowed. */
  readonly openUpstream: () => Promise<ByteStream>;
  /** The tunnel's place; `Host` is made from it. The judge compares what a request names with it. */
  readonly authority: Authority;
  readonly scheme: Scheme;
  readonly signal: AbortSignal;
  readonly limits?: Partial<RelayLimits>;
  /** Whether the judge is asked about a request for another protocol. Without it none is taken. */
  readonly offersUpgrade?: () => boolean;
  /** Told of each request that was refused before it was judged. */
  readonly onRefused?: (problem: RelayRefusal) => void;
}

export interface RelayOptions extends ConnectionOptions {
  /** Decides about one request. Throwing closes both sides, and the relay rejects. */
  readonly judge: (head: RequestHead) => Judgement | Promise<Judgement>;
}

export interface OneRequestOptions extends ConnectionOptions {
  readonly head: RequestHead;
  /** As in {@link Judgement}: the caller has judged. */
  readonly forwarded: ForwardedRequest;
}

/** How a relay ended. Both sides are closed. `requests` counts those that were allowed. */
export type RelayEnd =
  & { readonly requests: number }
  & (
    | { readonly kind: "closed" }
    | { readonly kind: "denied" }
    | { readonly kind: "aborted" }
    | { readonly kind: "refused"; readonly problem: RelayRefusal }
    | { readonly kind: "failed"; readonly problem: "client_timeout" }
    | Extract<ExchangeEnd, { kind: "failed" }>
  );

/** Relays requests until a side or a verdict ends the connection. Closes both sides. */
export async function relayRequests(options: RelayOptions): Promise<RelayEnd> {
  return await withRelay(options, async (relay) => {
    for (let requests = 0;; requests += 1) {
      const read = await relay.readRequest();
      if (read.kind !== "request") return { ...read, requests };
      const judgement = await options.judge(read.head);
      if (options.signal.aborted) return { kind: "aborted", requests };
      if (judgement.verdict === "deny") {
        await relay.answer(judgement, read.head.method);
        return { kind: "denied", requests };
      }
      // INVARIANT: what asks for another protocol never goes on as a plain request.
      if (read.head.isUpgrade && judgement.upgrade === undefined) {
        return { ...await relay.refuse("upgrade_not_supported"), requests };
      }
      const end = await relay.exchange(read.head, judgement, false);
      if (end.kind !== "next") return asRelayEnd(end, requests + 1);
    }
  });
}

/**
 * Relays one request whose head was read already, and closes both sides. Nothing that the client
 * sent after it reaches the upstream.
 */
export async function relayOneRequest(options: OneRequestOptions): Promise<RelayEnd> {
  return await withRelay(options, async (relay) => {
    if (options.signal.aborted) return { kind: "aborted", requests: 0 };
    const problem = findRefusal(options.head, options.forwarded.upgrade !== undefined);
    if (problem !== null) return { ...await relay.refuse(problem), requests: 0 };
    return asRelayEnd(await relay.exchange(options.head, options.forwarded, true), 1);
  });
}

type RequestRead =
  | { readonly kind: "request"; readonly head: RequestHead }
  | { readonly kind: "closed" }
  | { readonly kind: "aborted" }
  | { readonly kind: "refused"; readonly problem: RelayRefusal }
  | { readonly kind: "failed"; readonly problem: "client_timeout" | "client_gone" };

async function withRelay(
  options: ConnectionOptions,
  run: (relay: Relay) => Promise<RelayEnd>,
): Promise<RelayEnd> {
  const relay = new Relay(options);
  const abort = () => relay.close();
  options.signal.addEventListener("abort", abort);
  try {
    return await run(relay);
  } finally {
    options.signal.removeEventListener("abort", abort);
    relay.close();
  }
}

/** One client connection: reads and answers its requests, and has them exchanged. */
class Relay {
  readonly #options: ConnectionOptions;
  readonly #limits: RelayLimits;
  readonly #watchdog: Watchdog<Stage>;
  readonly #exchanger: Exchanger;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#limits = { ...RELAY_LIMITS, ...options.limits };
    this.#watchdog = new Watchdog<Stage>((stage) => this.#exchanger.expire(stage));
    this.#exchanger = new Exchanger({
      ...options,
      limits: this.#limits,
      watchdog: this.#watchdog,
    });
  }

  exchange(
    head: RequestHead,
    forwarded: ForwardedRequest,
    isLast: boolean,
  ): Promise<ExchangeEnd> {
    const { fields = head.fields } = forwarded;
    return this.#exchanger.exchange({ ...head, fields }, forwarded, isLast);
  }

  /** Reads the next request, or ends the connection. */
  async readRequest(): Promise<RequestRead> {
    const { signal } = this.#options;
    const read = await this.#readHead();
    this.#watchdog.disarm();
    if (signal.aborted) return { kind: "aborted" };
    if (this.#exchanger.timedOut === "idle") return { kind: "closed" };
    if (this.#exchanger.timedOut !== null) return { kind: "failed", problem: "client_timeout" };
    if (read === null) return { kind: "failed", problem: "client_gone" };
    if (read.kind === "ended") return { kind: "closed" };
    if (read.kind !== "head") return await this.refuse(HEAD_PROBLEMS[read.kind]);
    const form = parseRequestHead(read.bytes);
    if (!form.ok) return await this.refuse(form.problem);
    const problem = findRefusal(form.head, this.#options.offersUpgrade?.() === true);
    return problem === null ? { kind: "request", head: form.head } : await this.refuse(problem);
  }

  /** Answers without a body, and ends the connection. */
  async refuse(problem: RelayRefusal): Promise<Extract<RequestRead, { kind: "refused" }>> {
    this.#options.onRefused?.(problem);
    await this.answer(answerTo(problem));
    return { kind: "refused", problem };
  }

  async answer(response: CompleteResponse, method = "GET"): Promise<void> {
    await answerAndClose(this.#options.client, response, { method, limits: this.#limits });
  }

  close(): void {
    this.#watchdog.dispose();
    this.#exchanger.close();
  }

  /** Returns `null` where the client's connection failed inside a head. */
  async #readHead(): Promise<HeadRead | null> {
    const { client, signal } = this.#options;
    if (signal.aborted) return null;
    this.#watchdog.arm("idle", this.#limits.idleMs);
    try {
      if ((await client.peek(1)).length === 0) return { kind: "ended" };
    } catch {
      // Between requests a failing connection ends as well as a closed one: nothing is lost.
      return { kind: "ended" };
    }
    this.#watchdog.arm("head", this.#limits.headMs);
    try {
      return await client.readHead(HTTP_HEAD_BYTES_MAX);
    } catch {
      return null;
    }
  }
}

const HEAD_PROBLEMS = {
  truncated: "head_truncated",
  too_large: "head_too_large",
  bare_line_feed: "bare_line_feed",
} as const;

/** Clients that can do without another protocol take 426 for that (RFC 9110, section 15.5.22). */
function answerTo(problem: RelayRefusal): CompleteResponse {
  if (problem === "connect_in_tunnel") return bareResponse(501);
  if (problem !== "upgrade_not_supported") return bareResponse(refusalStatus(problem));
  return upgradeRefusal("WebSocket, and any other protocol than HTTP/1.1, cannot be judged here");
}

/** Returns the answer to a request for another protocol that is not taken. */
export function upgradeRefusal(detail: string): CompleteResponse {
  return jsonResponse(426, {
    error: "unsupported_protocol",
    detail,
    reason: "unsupported_protocol",
    layer: "l7",
    next_steps: ["Use plain HTTP/1.1 requests: the answer to an upgrade stays the same."],
  }, [["Upgrade", "HTTP/1.1"]]);
}

/** A tunnel in a tunnel and another protocol cannot be judged. */
function findRefusal(head: RequestHead, takesUpgrade: boolean): RelayRefusal | null {
  if (head.method === "CONNECT") return "connect_in_tunnel";
  return head.isUpgrade && !takesUpgrade ? "upgrade_not_supported" : null;
}

function asRelayEnd(end: ExchangeEnd, requests: number): RelayEnd {
  if (end.kind === "next" || end.kind === "last") return { kind: "closed", requests };
  return { ...end, requests };
}
