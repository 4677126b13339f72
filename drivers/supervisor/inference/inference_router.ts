/**
 * Serves tunnels to `inference.local`: terminates TLS, reads one model call after the other, and has
 * each served by the routes that are in force when it comes.
 *
 * @module
 */

import { HTTP_HEAD_BYTES_MAX, PROTOCOL_MS_MAX } from "../../../proto/egress_limits.ts";
import { CodedError } from "../../../proto/errors.ts";
import {
  INFERENCE_BODY_BYTES_MAX,
  INFERENCE_FIRST_ROUTES_MS_MAX,
  INFERENCE_HOST,
  INFERENCE_PORT,
  INFERENCE_STREAM_IDLE_MS_MAX,
} from "../../../proto/inference_limits.ts";
import type { Actor, EventSink } from "../events/audit_event.ts";
import { writeAll } from "../egress/byte_stream.ts";
import { detectProtocol } from "../egress/detect_protocol.ts";
import { namesAuthority } from "../egress/http1/authority.ts";
import { BufferedStream } from "../egress/http1/buffered_stream.ts";
import { answerAndClose } from "../egress/http1/close_in_order.ts";
import { BodyRelayError } from "../egress/http1/http1_error.ts";
import { RELAY_LIMITS, type RelayLimits } from "../egress/http1/relay_limits.ts";
import { parseRequestHead, type RequestHead } from "../egress/http1/request_head.ts";
import { Watchdog } from "../egress/http1/watchdog.ts";
import type { IdentifierPort, InferencePort, InferenceTunnel, TlsPort } from "../egress/ports.ts";
import type { BackendPorts } from "./call_backend.ts";
import { inferenceRefusal } from "./inference_answers.ts";
import { recogniseCall, type RecognisedCall } from "./protocols.ts";
import { collectBody } from "./read_body.ts";
import type { RoutesHolder } from "./routes_holder.ts";
import { type CallScene, ServedCall } from "./serve_call.ts";
import type { TokenLedger } from "./token_ledger.ts";

export interface InferenceLimits {
  readonly relay: RelayLimits;
  readonly protocolMs: number;
  readonly streamIdleMs: number;
  readonly firstRoutesMs: number;
  readonly bodyBytesMax: number;
}

const LIMITS: InferenceLimits = {
  relay: RELAY_LIMITS,
  protocolMs: PROTOCOL_MS_MAX,
  streamIdleMs: INFERENCE_STREAM_IDLE_MS_MAX,
  firstRoutesMs: INFERENCE_FIRST_ROUTES_MS_MAX,
  bodyBytesMax: INFERENCE_BODY_BYTES_MAX,
};

export interface InferenceRouterOptions {
  readonly holder: RoutesHolder;
  readonly ledger: TokenLedger;
  readonly events: EventSink;
  readonly identifier: IdentifierPort;
  /** Towards programs. */
  readonly tls: Pick<TlsPort, "terminate">;
  /** Towards backends: nothing of a sandbox's policy holds there. */
  readonly backend: BackendPorts;
  readonly limits?: Partial<InferenceLimits>;
}

const AUTHORITY = { host: INFERENCE_HOST, port: INFERENCE_PORT };
const UTF8 = new TextEncoder();
const ESTABLISHED = UTF8.encode("HTTP/1.1 200 Connection Established\r\n\r\n");
const CONTINUE = UTF8.encode("HTTP/1.1 100 Continue\r\n\r\n");

export class InferenceRouter implements InferencePort {
  readonly #options: InferenceRouterOptions;
  readonly #limits: InferenceLimits;

  constructor(options: InferenceRouterOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  /** Serves one tunnel to its end, and closes it. */
  async serve({ client, from, signal }: InferenceTunnel): Promise<void> {
    const actor = this.#options.identifier.identify(from)
      .then((identity) => identity.kind === "known" ? identity.actor : null);
    let inside: BufferedStream | null = null;
    const close = () => (inside ?? client).close();
    signal.addEventListener("abort", close);
    if (signal.aborted) close();
    try {
      inside = await this.#terminate(client, signal);
      if (inside !== null) await this.#serveCalls(inside, actor, signal);
    } finally {
      signal.removeEventListener("abort", close);
      close();
      await actor;
    }
  }

  /** Returns what is inside of TLS; `null` where none comes about, which has been told then. */
  async #terminate(client: BufferedStream, signal: AbortSignal): Promise<BufferedStream | null> {
    const watchdog = new Watchdog(() => client.close());
    try {
      await writeAll(client, ESTABLISHED);
      watchdog.arm("protocol", this.#limits.protocolMs);
      const protocol = await detectProtocol(client);
      watchdog.dispose();
      if (protocol.kind === "http1") {
        const response = inferenceRefusal("invalid_request", "inference.local speaks https only");
        await answerAndClose(client, response, { limits: this.#limits.relay });
      }
      if (protocol.kind !== "tls") return null;
      if (protocol.serverName !== null && protocol.serverName !== INFERENCE_HOST) return null;
      return new BufferedStream(
        await this.#options.tls.terminate(client, INFERENCE_HOST, signal),
      );
    } catch (error) {
      // The program is gone, too slow, or does not trust the sandbox's certificates.
      if (error instanceof CodedError || isSocketError(error)) return null;
      throw error;
    } finally {
      watchdog.dispose();
    }
  }

  async #serveCalls(
    client: BufferedStream,
    actor: Promise<Actor | null>,
    signal: AbortSignal,
  ): Promise<void> {
    const { holder, ledger, events, backend } = this.#options;
    for (;;) {
      const head = await this.#readHead(client);
      if (head === null || signal.aborted) return;
      const { firstRoutesMs } = this.#limits;
      const routes = await holder.first(firstRoutesMs);
      const limits = this.#limits;
      const scene = { client, actor, backend, events, ledger, routes, limits, signal };
      const end = await this.#serveCall(head, scene);
      if (end === "closed" || signal.aborted) return;
    }
  }

  async #serveCall(head: RequestHead, scene: CallScene): Promise<"next" | "closed"> {
    const names = namesAuthority(head, "https", AUTHORITY);
    const isPlain = !head.isUpgrade && head.method !== "CONNECT";
    const call = names && isPlain ? recogniseCall(head.method, head.target) : null;
    const served = new ServedCall(scene, head, call);
    if (call === null) return await served.refuse("path_not_recognised");
    const body = await this.#readBody(head, call, scene);
    if (body === "gone") return "closed";
    if (typeof body === "string") return await served.refuse(body);
    return await served.serve(call, body);
  }

  async #readHead(client: BufferedStream): Promise<RequestHead | null> {
    const { relay } = this.#limits;
    const watchdog = new Watchdog(() => client.close());
    try {
      watchdog.arm("idle", relay.idleMs);
      if ((await client.peek(1)).length === 0) return null;
      watchdog.arm("head", relay.headMs);
      const read = await client.readHead(HTTP_HEAD_BYTES_MAX);
      watchdog.disarm();
      if (read.kind === "ended" || read.kind === "truncated") return null;
      const form = read.kind === "head" ? parseRequestHead(read.bytes) : null;
      if (form?.ok === true) return form.head;
      await answerAndClose(client, inferenceRefusal("invalid_request"), { limits: relay });
      return null;
    } catch {
      // The program is gone, or took too long and was closed.
      return null;
    } finally {
      watchdog.dispose();
    }
  }

  async #readBody(
    head: RequestHead,
    call: RecognisedCall,
    { client }: CallScene,
  ): Promise<Uint8Array | "request_too_large" | "invalid_request" | "gone"> {
    const { framing } = head;
    const { bodyBytesMax, relay } = this.#limits;
    if (call.method === "GET") return framing.kind === "none" ? EMPTY : "invalid_request";
    if (framing.kind === "none") return "invalid_request";
    if (framing.kind === "length" && framing.bytes > bodyBytesMax) return "request_too_large";
    const watchdog = new Watchdog(() => client.close());
    watchdog.arm("body", relay.bodyIdleMs);
    try {
      if (head.expectsContinue) await writeAll(client, CONTINUE);
      return await collectBody(client, framing, bodyBytesMax) ?? "request_too_large";
    } catch (error) {
      const isInvalid = error instanceof BodyRelayError && error.problem === "body_invalid";
      if (isInvalid) return "invalid_request";
      if (error instanceof BodyRelayError || isSocketError(error)) return "gone";
      throw error;
    } finally {
      watchdog.dispose();
    }
  }
}

const EMPTY = new Uint8Array(0);

function isSocketError(error: unknown): boolean {
  return error instanceof Error && Object.values(Deno.errors).some((kind) => error instanceof kind);
}
